/** Webhooks of the simulated Bling, sent over HTTP to the service as it is started: signed, in bursts, twice, out of order. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { openBlingShop, until } from './bling-shop.ts';
import { call, serve, type Service } from './support.ts';

const SKUS = ['SKU-0001', 'SKU-0002', 'SKU-0003'];
const STOCK = 500;

async function onHand(service: Service, sku: string): Promise<unknown> {
  return (await call(service, 'GET', `/stock/${sku}`)).body['on_hand'];
}

async function metric(service: Service, name: string): Promise<number> {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.split(' ').at(-1));
}

test('what others do in Bling is in the books soon, whatever befalls the webhooks', async (t) => {
  // Bling waits 5 s; a machine that is busy with other tests may take longer, and a retry comes a minute later.
  const switches = {
    webhookDuplicates: 0.3,
    webhookShuffleMs: 300,
    webhookEcho: true,
    webhookTimeoutMs: 25_000,
  };
  const { bling, cwd, settings } = await openBlingShop(t, { stock: STOCK, switches });
  const service = await serve(t, cwd, { ...settings, HOLDFAST_RECONCILE_INTERVAL_SECONDS: '0' });
  for (const sku of SKUS) await call(service, 'PUT', `/stock/${sku}`, { on_hand: STOCK });
  bling.control.setSwitches({ webhookUrl: `${service.url}/webhooks/bling` });

  // Another shop sells, and somebody counts: three hundred changes in one go.
  for (let n = 0; n < 100; n += 1) {
    for (const sku of SKUS) bling.control.outsideMovement({ sku, quantity: 1 });
  }
  await until(async () => {
    const levels = await Promise.all(SKUS.map((sku) => onHand(service, sku)));
    return levels.every((level) => level === STOCK - 100);
  });
  await until(() => bling.control.deliveries().every(({ state }) => state === 'delivered'));
  const attempts = bling.control.deliveries().flatMap((each) => each.attempts);
  const delivered = attempts.length;
  assert.ok(delivered >= 300 && attempts.every(({ status }) => status === 200));
  await until(async () => (await metric(service, 'holdfast_webhooks_pending')) === 0);
  const stored = await metric(service, 'holdfast_webhooks_received_total{outcome="stored"}');
  const seen = await metric(service, 'holdfast_webhooks_received_total{outcome="seen"}');
  assert.ok(seen > 0, 'none came twice');
  assert.equal(stored + seen, delivered);

  // One reading for many: thousands of webhooks must not use up the day's calls.
  const readings = bling.control.calls().filter(({ path }) => path.startsWith('/estoques')).length;
  assert.ok(readings < 30, `${readings} readings for ${delivered} webhooks`);

  // A forged one is refused, and changes nothing.
  const forged = await fetch(`${service.url}/webhooks/bling`, {
    method: 'POST',
    headers: { 'x-bling-signature-256': `sha256=${'0'.repeat(64)}` },
    body: '{"event":"stock.updated","data":{"produto":{"id":1}}}',
  });
  assert.equal(forged.status, 401);
  const { code, stdout } = await service.stop();
  assert.equal(code, 0);
  assert.match(stdout, /"webhook_refused".*refused as forged/);
  assert.match(stdout, /"webhook_read"/);
});

test('a secret of another app refuses every webhook, until it is the right one', async (t) => {
  const { bling, cwd, settings } = await openBlingShop(t, { stock: STOCK });
  const [sku = ''] = SKUS;
  const wrong = { ...settings, HOLDFAST_BLING_CLIENT_SECRET: 'another-app' };
  const first = await serve(t, cwd, { ...wrong, HOLDFAST_RECONCILE_INTERVAL_SECONDS: '0' });
  await call(first, 'PUT', `/stock/${sku}`, { on_hand: STOCK });
  bling.control.setSwitches({ webhookUrl: `${first.url}/webhooks/bling` });
  bling.control.outsideMovement({ sku, quantity: 3 });
  await until(() => bling.control.deliveries().some(({ attempts }) => attempts.length > 0));
  assert.deepEqual(
    bling.control.deliveries().flatMap(({ attempts }) => attempts.map(({ status }) => status)),
    [401],
  );
  await first.stop();
  const second = await serve(t, cwd, settings);
  bling.control.setSwitches({ webhookUrl: `${second.url}/webhooks/bling` });
  // Bling tries again by itself, minutes later on its clock.
  await bling.control.advance(120_000);
  await until(async () => (await onHand(second, sku)) === STOCK - 3);
  await second.stop();
});
