/** Directories that are gone after the test that asked for them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What lasts as long as a test, or a part of one: it says what to do in the end. */
export interface Lifetime {
  after(done: () => unknown): void;
}

export async function tempDir(t: Lifetime): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}
