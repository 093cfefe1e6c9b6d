import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { listenForCode } from './callback.ts';
import { CliFailure } from './exit-codes.ts';

async function listen(t: TestContext, patienceMs = 60_000) {
  const callback = await listenForCode(0, 'state-1', patienceMs);
  t.after(() => callback.close());
  const come = async (query: string): Promise<number> =>
    (await fetch(`${callback.url}?${query}`)).status;
  return { callback, come };
}

test('the code is taken from who brings the right state, and from nobody else', async (t) => {
  const { callback, come } = await listen(t);
  assert.equal(await come('code=theirs'), 400);
  assert.equal(await come('code=theirs&state=state-2'), 400);
  assert.equal(await come('error=access_denied&state='), 400);
  assert.equal((await fetch(callback.url.replace('callback', 'other'))).status, 400);
  assert.equal(await come('code=ours&state=state-1'), 200);
  assert.equal(await callback.code, 'ours');
});

test('a person who says no is heard', async (t) => {
  const { callback, come } = await listen(t);
  const query = 'error=access_denied&error_description=Acesso+negado&state=state-1';
  assert.equal(await come(query), 200);
  await assert.rejects(callback.code, /was not authorized: Acesso negado/);
});

test('nobody coming ends the waiting', async (t) => {
  const { callback } = await listen(t, 10);
  await assert.rejects(callback.code, CliFailure);
});
