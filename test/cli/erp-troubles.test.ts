/** What is wrong at the ERP, or with what we were told of it, is one clear message each; and the sale goes on. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { openBlingShop, sayYes, until } from './bling-shop.ts';
import { call, holdfast, serve, type Service } from './support.ts';

async function sell(service: Service, sku: string): Promise<string> {
  const reserved = await call(service, 'POST', `/stock/${sku}/reserve`);
  assert.equal(reserved.status, 200, JSON.stringify(reserved.body));
  const id = String(reserved.body['reservation_id']);
  const confirmed = await call(service, 'POST', '/stock/confirm', { reservation_id: id });
  assert.equal(confirmed.status, 200, JSON.stringify(confirmed.body));
  return id;
}

async function acknowledged(service: Service, id: string): Promise<boolean> {
  return (await call(service, 'GET', `/reservations/${id}`)).body['status'] === 'acknowledged';
}

async function problemOf(service: Service): Promise<string | null> {
  const { body } = await call(service, 'GET', '/erp');
  return (body['connection'] as { problem: string | null }).problem;
}

/** Texts of the log's lines with this action. */
function logged({ stdout }: Pick<Service, 'stdout'>, action: string): string[] {
  return stdout
    .split('\n')
    .filter((line) => line.includes(`"event.action":"${action}"`))
    .map((line) => String((JSON.parse(line) as Record<string, unknown>)['message']));
}

test('settings that name no ERP are refused at the start, all of them in one message', async (t) => {
  const { cwd } = await openBlingShop(t, { connected: false });
  const { code, stderr } = await holdfast(['serve'], { cwd, settings: { HOLDFAST_ERP: 'bling' } });
  assert.equal(code, 78);
  for (const name of ['CLIENT_ID', 'CLIENT_SECRET', 'DEPOSIT_ID', 'SITUATIONS']) {
    assert.match(stderr, new RegExp(`HOLDFAST_BLING_${name}=: expected`));
  }
  assert.match(stderr, /HOLDFAST_SECRET_KEY=: expected 32 bytes/);
});

const WRONG: Readonly<Record<string, { settings: Record<string, string>; says: RegExp }>> = {
  'a deposit that is not there': {
    settings: { HOLDFAST_BLING_DEPOSIT_ID: '777' },
    says: /deposit 777 does not exist in Bling; active are: \d+ \(Geral\)\. Set HOLDFAST_BLING_DEPOSIT_ID/,
  },
  'another key than the tokens were sealed with': {
    settings: { HOLDFAST_SECRET_KEY: Buffer.alloc(32, 8).toString('base64') },
    says: /bling-tokens\.json cannot be opened: it was sealed with another key.* Put the right HOLDFAST_SECRET_KEY back/,
  },
};

for (const [what, { settings: changed, says }] of Object.entries(WRONG)) {
  test(`${what}: one message in the log, at the start, and in GET /erp; the sale goes on`, async (t) => {
    const { cwd, settings } = await openBlingShop(t);
    const service = await serve(t, cwd, { ...settings, ...changed });
    await call(service, 'PUT', '/stock/SKU-0001', { on_hand: 2 });
    await sell(service, 'SKU-0001');
    await until(() => says.test(service.stderr));
    assert.match((await problemOf(service)) ?? '', says);
    const status = await holdfast(['bling', 'status'], {
      cwd,
      settings: { ...settings, ...changed },
    });
    assert.equal(status.code, 1);
    assert.match(status.stdout, says);
    await sell(service, 'SKU-0001');
    const { code, stdout } = await service.stop();
    assert.equal(code, 0);
    assert.equal(logged({ stdout }, 'erp_check').length, 1);
  });
}

test('access that was taken back: the message says what to do, and sales are told once somebody has', async (t) => {
  const { bling, cwd, settings } = await openBlingShop(t);
  bling.control.revokeAll();
  const service = await serve(t, cwd, settings);
  await call(service, 'PUT', '/stock/SKU-0001', { on_hand: 2 });
  const id = await sell(service, 'SKU-0001');
  const says =
    /Bling refuses the authorization \(.*\): authorize Holdfast again: holdfast bling connect/;
  await until(() => says.test(service.stderr));
  assert.match((await problemOf(service)) ?? '', says);
  assert.equal(await acknowledged(service, id), false);
  await service.stop();
  const again = await holdfast(['bling', 'connect', '--code', await sayYes(bling)], {
    cwd,
    settings,
  });
  assert.equal(again.code, 0, again.stderr);
  const healed = await serve(t, cwd, settings);
  const next = await sell(healed, 'SKU-0001');
  await until(() => acknowledged(healed, next));
  assert.equal(await problemOf(healed), null);
  // The first one has its next turn a minute after it was refused; nobody has given it up.
  const { body } = await call(healed, 'GET', '/outbox');
  assert.equal((body['counts'] as Record<string, number>)['dead'], 0);
  await healed.stop();
});

test('SKUs that cannot be sold as Bling has them: one message each, and the others are sold', async (t) => {
  const { bling, cwd, settings } = await openBlingShop(t, { skus: 2, stock: 10 });
  bling.control.seed({
    products: [
      { sku: 'TEE', variations: [{ sku: 'TEE-M', variation: 'Tamanho:M', stock: 4 }] },
      { sku: 'GIFT', components: [{ sku: 'SKU-0001', quantity: 2 }] },
      { sku: 'ROPE', stock: 2.5 },
      { sku: 'OWED', stock: -3 },
    ],
  });
  const service = await serve(t, cwd, settings);
  const skus = ['TEE', 'GIFT', 'ROPE', 'OWED', 'NOWHERE', 'SKU-0001'];
  for (const sku of skus) await call(service, 'PUT', `/stock/${sku}`, { on_hand: 5 });
  const lost = await sell(service, 'NOWHERE');
  const fine = await sell(service, 'SKU-0001');
  await until(() => acknowledged(service, fine));
  for (let twice = 0; twice < 2; twice += 1) {
    const run = await holdfast(['reconcile', '--fix', '--url', service.url], { cwd });
    assert.equal(run.code, 1, run.stderr);
    assert.match(run.stdout, /^OWED: the ERP has -3 of OWED: 3 more were sold there than it had/m);
  }
  assert.equal((await call(service, 'POST', '/stock/OWED/reserve')).status, 409);
  await sell(service, 'SKU-0001');
  assert.equal(await acknowledged(service, lost), false);
  const { stdout } = await service.stop();
  const told = logged({ stdout }, 'erp_problem').sort();
  assert.equal(told.length, 5, told.join('\n'));
  const [gift, tee, rope, nowhere, owed] = [/GIFT/, /TEE/, /ROPE/, /NOWHERE/, /OWED/].map(
    (sku) => told.find((text) => sku.test(text)) ?? '',
  );
  assert.match(gift ?? '', /^bling: GIFT is a composition in Bling: sell its components$/);
  assert.match(
    tee ?? '',
    /^bling: TEE is a product with variations in Bling: the stock is that of/,
  );
  assert.match(rope ?? '', /^bling: Bling has 2\.5 of ROPE: only whole units can be sold$/);
  assert.match(nowhere ?? '', /^bling: Bling has no active product with the code NOWHERE$/);
  assert.match(owed ?? '', /^bling: the ERP has -3 of OWED: 3 more were sold there than it had\. /);
  const dead = logged({ stdout }, 'erp_dead_letter');
  assert.equal(dead.length, 1, dead.join('\n'));
  assert.match(
    dead[0] ?? '',
    /^bling was not told of a message, now for a person to decide \(holdfast outbox show \d+\): Bling has no active product with the code NOWHERE$/,
  );
});
