import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type FakeFaults, FakeService } from './fake-service.fixture.ts';
import { type RushEnd, type RushOptions, runRush } from './index.ts';

interface Capture {
  readonly end: RushEnd;
  readonly stdout: string;
  readonly stderr: string;
}

async function start(t: TestContext, faults: FakeFaults = {}): Promise<[FakeService, string]> {
  const service = new FakeService(faults);
  t.after(() => service.close());
  return [service, await service.listen()];
}

async function rush(options: RushOptions): Promise<Capture> {
  let stdout = '';
  let stderr = '';
  const io = {
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: (text: string) => (stderr += text) },
    env: {},
  };
  const end = await runRush({ seed: 7, connections: 32, ...options }, io);
  return { end, stdout, stderr };
}

function thresholdsOf({ end }: Capture): Record<string, string> {
  return Object.fromEntries(end.result?.thresholds.map(({ name, status }) => [name, status]) ?? []);
}

const ALL_PASS = {
  oversold: 'pass',
  undersold: 'pass',
  books: 'pass',
  promises: 'pass',
  errors: 'pass',
};

test('2,000 buyers for one hot SKU get exactly what is there', async (t) => {
  const [service, url] = await start(t);
  const ran = await rush({ url, buyers: 2000, stock: 100 });
  assert.equal(ran.end.exitCode, 0, ran.stdout);
  assert.deepEqual(thresholdsOf(ran), ALL_PASS);
  const counts = ran.end.result?.counts;
  assert.equal(counts?.granted, 100);
  assert.equal(counts.confirmed, 100);
  assert.equal(counts.refused, 1900);
  assert.equal(service.skus.length, 1);
  assert.match(service.skus[0] ?? '', /^RUSH-[0-9a-f]{8}-1$/);
  assert.match(ran.stdout, /VERDICT: PASSED/);
});

test('units that are released or lapse come back, and the books balance', async (t) => {
  const [, url] = await start(t);
  const shares = { confirm: 0.4, release: 0.4, abandon: 0.2 };
  const ran = await rush({ url, buyers: 2000, stock: 150, ...shares, ttlSeconds: 1, thinkMs: 5 });
  assert.equal(ran.end.exitCode, 0, ran.stdout);
  assert.deepEqual(thresholdsOf(ran), ALL_PASS);
  const { counts, rounds } = ran.end.result ?? assert.fail();
  const [sku] = rounds[0]?.skus ?? [];
  assert.ok(counts.released > 0 && counts.granted > 150);
  assert.deepEqual(sku?.held, { least: 0, most: 0 }, ran.stdout);
  assert.equal(sku.after?.available, 150 - counts.confirmed);
});

test('carts of several lines over many SKUs, in rounds, with a key and customers', async (t) => {
  const [service, url] = await start(t);
  const ran = await rush({
    url,
    buyers: '500',
    skus: '12',
    zipf: '1.1',
    stock: '40',
    lines: '3',
    quantity: '2',
    rounds: '2',
    key: 'secret-key',
    withCustomers: true,
    json: true,
  });
  assert.equal(ran.end.exitCode, 0, ran.stdout);
  assert.equal(service.skus.length, 24);
  assert.equal(service.authorization, 'Bearer secret-key');
  const json = JSON.parse(ran.stdout) as Record<string, unknown>;
  assert.equal(json['verdict'], 'passed');
  assert.equal(json['skus_total'], 24);
  assert.ok(!ran.stdout.includes('secret-key'));
});

test('existing SKUs keep their stock unless told otherwise', async (t) => {
  const [service, url] = await start(t);
  service.setStock('TEE-BLUE-M', 30);
  const ran = await rush({ url, buyers: 100, sku: 'TEE-BLUE-M' });
  assert.equal(ran.end.exitCode, 0, ran.stdout);
  assert.equal(ran.end.result?.counts.granted, 30);
  const missing = await rush({ url, sku: ['TEE-BLUE-M', 'NO-SUCH'] });
  assert.equal(missing.end.exitCode, 2);
  assert.match(missing.stderr, /there is no SKU NO-SUCH/);
});

test('one oversold unit is exit 1, and the SKU is named', async (t) => {
  const [service, url] = await start(t, { oversell: 1 });
  const ran = await rush({ url, buyers: 500, stock: 50 });
  assert.equal(ran.end.exitCode, 1);
  assert.equal(thresholdsOf(ran)['oversold'], 'fail');
  assert.match(ran.stdout, /FAIL +oversold = 0 +1 unit\n/);
  assert.ok(ran.stdout.includes(`${service.skus[0] ?? ''}: oversold 1`), ran.stdout);
  assert.match(ran.stdout, /VERDICT: FAILED on oversold/);
});

test('books that hide the oversold unit do not hide it from the answers', async (t) => {
  const [, url] = await start(t, { oversell: 1, hideInBooks: true });
  const ran = await rush({ url, buyers: 500, stock: 50, abandon: 1 });
  assert.equal(ran.end.exitCode, 1);
  assert.equal(ran.end.result?.rounds[0]?.skus[0]?.oversold.least, 1);
  assert.equal(thresholdsOf(ran)['books'], 'fail');
});

test('one undersold unit is exit 1, and the SKU is named', async (t) => {
  const [service, url] = await start(t, { undersell: 1 });
  const ran = await rush({ url, buyers: 500, stock: 50 });
  assert.equal(ran.end.exitCode, 1);
  assert.equal(thresholdsOf(ran)['undersold'], 'fail');
  assert.match(ran.stdout, /FAIL +undersold = 0 +1 unit\n/);
  assert.ok(ran.stdout.includes(`${service.skus[0] ?? ''}: undersold 1`), ran.stdout);
});

test('released units that never come back are undersold', async (t) => {
  const [, url] = await start(t, { loseReleased: true });
  const ran = await rush({ url, buyers: 600, stock: 50, release: 0.5 });
  assert.equal(ran.end.exitCode, 1);
  const [sku] = ran.end.result?.rounds[0]?.skus ?? [];
  assert.equal(sku?.undersold.least, ran.end.result?.counts.released);
});

test('a reservation denied before its deadline is a broken promise', async (t) => {
  const [, url] = await start(t, { forgetful: true });
  const ran = await rush({ url, buyers: 20, stock: 50 });
  assert.equal(ran.end.exitCode, 1);
  assert.equal(thresholdsOf(ran)['promises'], 'fail');
});

test('503 is asked again after a while, with the same key', async (t) => {
  const [service, url] = await start(t, { busy: (reserve) => reserve % 5 === 0 });
  const ran = await rush({ url, buyers: 300, stock: 40, retries: 4 });
  assert.equal(ran.end.exitCode, 0, ran.stdout);
  assert.equal(ran.end.result?.counts.granted, 40);
  assert.ok(ran.end.result.retries >= 60);
  assert.ok([...service.keysSeen.values()].some((times) => times > 1));
  assert.match(ran.stdout, /troubles met: 503 store_unavailable/);
});

test('Retry-After is waited for', async (t) => {
  const [, url] = await start(t, { busy: (reserve) => reserve === 1, retryAfter: '1' });
  const ran = await rush({ url, buyers: 5, stock: 5 });
  assert.equal(ran.end.exitCode, 0, ran.stdout);
  assert.ok((ran.end.result?.latencies.granted.maxMs ?? 0) >= 1000);
});

test('answers that were cut off are settled by asking again with the same key', async (t) => {
  const [, url] = await start(t, { cut: (reserve) => reserve % 7 === 0 });
  const ran = await rush({ url, buyers: 300, stock: 40 });
  assert.equal(ran.end.exitCode, 0, ran.stdout);
  assert.equal(ran.end.result?.counts.granted, 40);
  assert.equal(ran.end.result.counts.unknown, 0);
});

test('without keys a cut-off answer stays unknown, and the verdict open', async (t) => {
  const [, url] = await start(t, { cut: (reserve) => reserve === 10 });
  const ran = await rush({ url, buyers: 100, stock: 20, retries: 0 });
  assert.equal(ran.end.exitCode, 1);
  assert.equal(ran.end.result?.verdict, 'inconclusive', ran.stdout);
  assert.equal(ran.end.result.counts.unknown, 1);
  // Nineteen buyers hold one each. The unanswered one holds the twentieth, or it was refused to eighty.
  assert.deepEqual(ran.end.result.rounds[0]?.skus[0]?.undersold, { least: 0, most: 1 });
  assert.match(ran.stdout, /VERDICT: INCONCLUSIVE.*unknown: 1/);
});

test('an unknown answer that cannot matter leaves the verdict standing', async (t) => {
  const [, url] = await start(t, { cut: (reserve) => reserve === 10 });
  const ran = await rush({ url, buyers: 20, stock: 200, retries: 0, maxErrorRate: 0.1 });
  assert.equal(ran.end.result?.counts.unknown, 1);
  assert.equal(ran.end.exitCode, 0, ran.stdout);
});

test('silence ends by the request timeout, and the whole by --max-seconds', async (t) => {
  const [service, url] = await start(t, { silent: (reserve) => reserve > 10 });
  const patient = { url, buyers: 40, connections: 10, requestTimeout: 0.2, retries: 0 };
  const timedOut = await rush(patient);
  assert.equal(timedOut.end.result?.counts.unknown, 30, timedOut.stdout);
  assert.match(timedOut.stdout, /timeout: no answer within 0.2 s 30/);

  service.reserves = 0;
  const stopped = await rush({ ...patient, requestTimeout: 60, maxSeconds: 0.5 });
  assert.equal(stopped.end.exitCode, 1);
  assert.equal(stopped.end.result?.counts.sent, 20);
  assert.equal(thresholdsOf(stopped)['finished'], 'unproven');
});

test('what cannot be run is exit 2, with everything that is wrong', async (t) => {
  const [service, url] = await start(t);
  const bad = await rush({ url: 'nowhere', buyers: 'many', confirm: 0.5, release: 0.7, lines: 3 });
  assert.equal(bad.end.exitCode, 2);
  assert.equal(bad.end.result, null);
  assert.equal(bad.stderr.split('\n  - ').length - 1, 4, bad.stderr);
  await service.close();
  const nobody = await rush({ url, maxSeconds: 0.5 });
  assert.equal(nobody.end.exitCode, 2);
  assert.match(nobody.stderr, /did not answer \(unreachable|ECONNREFUSED/);
});
