/** One writer per data directory: a second says so in one line and stops; a killed one leaves nothing in the way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tempDir } from '../support/temp-dir.ts';
import { Client } from './client.ts';
import { StartFailure, startService } from './service-process.ts';

test('a second process on the same data says in one line that it is in use, and by whom, and stops', async (t) => {
  const dataDir = await tempDir(t);
  const first = await startService(t, dataDir);
  const client = new Client(t, first.url);
  await client.must('PUT', '/stock/LOCK-1', { on_hand: 3 });
  await client.must('POST', '/stock/LOCK-1/reserve');

  const refusal = await startService(t, dataDir).then(
    () => assert.fail('a second process got ready on the same data'),
    (error: unknown) => error,
  );
  assert.ok(refusal instanceof StartFailure, String(refusal));
  const { ending, output } = refusal;
  assert.equal(ending, 2, output);
  assert.equal(output.trimEnd().split('\n').length, 1, output);
  assert.match(output, /^holdfast: /);
  assert.match(output, /in use/);
  assert.ok(output.includes(dataDir), `${output} does not name ${dataDir}`);
  assert.ok(output.includes(String(first.pid)), `${output} does not name process ${first.pid}`);

  const still = await client.must('POST', '/stock/LOCK-1/reserve');
  assert.equal(still.status, 200, 'the first is not disturbed');

  assert.equal(await first.end('SIGKILL'), 'SIGKILL');
  const third = await startService(t, dataDir);
  const level = await new Client(t, third.url).must('GET', '/stock/LOCK-1');
  assert.deepEqual([level.body['on_hand'], level.body['reserved']], [3, 2]);
  assert.equal(await third.end('SIGTERM'), 0);
  t.diagnostic(`the second: exit ${ending}, "${output.trim()}"`);
});
