import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { openRaiseMemory } from './raise-memory.ts';

test('a record outlives the process, and is the owner’s alone', async (t) => {
  const dataDir = await tempDir(t);
  assert.equal(await openRaiseMemory(dataDir).load(), null);
  const record = { state: 'held', since: 1_000, seq: 7 } as const;
  await openRaiseMemory(dataDir).save(record);
  assert.deepEqual(await openRaiseMemory(dataDir).load(), record);
  assert.equal(statSync(join(dataDir, 'erp-raises.json')).mode & 0o777, 0o600);
});

test('one that cannot be read is refused: it says where it is and what it should be', async (t) => {
  const dataDir = await tempDir(t);
  const path = join(dataDir, 'erp-raises.json');
  for (const text of ['', '{', 'null', '{"state":"maybe","since":1,"seq":1}', '{"state":"held"}']) {
    writeFileSync(path, text);
    await assert.rejects(openRaiseMemory(dataDir).load(), {
      name: 'CliFailure',
      message: /erp-raises\.json cannot be read: expected .*"held".* remove it only if/,
    });
  }
});
