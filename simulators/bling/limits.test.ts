import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, type Bench } from './testing.ts';

const real = { switches: { limitPerSecond: 3, ipBlocks: true } };

async function statuses(bling: Bench, calls: number, path = '/depositos'): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < calls; i++) all.push((await bling.call('GET', path)).status);
  return all;
}

test('the fourth call within a second is refused, with the exact body', async (t) => {
  const bling = await bench(t, real);
  assert.deepEqual(await statuses(bling, 3), [200, 200, 200]);
  await bling.control.advance(999);
  const refused = await bling.call('GET', '/depositos');
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.has('retry-after'), false);
  assert.equal(
    refused.text,
    '{"error":{"type":"TOO_MANY_REQUESTS","message":"Limite de requisições atingido.",' +
      '"description":"O limite de requisições por segundo foi atingido, tente novamente mais tarde.",' +
      '"limit":3,"period":"second"}}',
  );
  await bling.control.advance(1);
  assert.deepEqual(await statuses(bling, 4), [200, 200, 200, 429]);
  const { peakPerSecond, refusedPerSecond, today } = bling.control.state().limits;
  assert.deepEqual(
    { peakPerSecond, refusedPerSecond, today },
    {
      peakPerSecond: 3,
      refusedPerSecond: 2,
      today: 6,
    },
  );
});

test('other integrations take their share of each second', async (t) => {
  const bling = await bench(t, { switches: { ...real.switches, othersPerSecond: 2 } });
  assert.deepEqual(await statuses(bling, 2), [200, 429]);
});

test('a day has 120,000 calls, shared with others, and ends at midnight in Brasília', async (t) => {
  const bling = await bench(t, { ...real, startAt: Date.UTC(2026, 10, 23, 2, 59) });
  bling.control.spendToday(119_999);
  assert.deepEqual(await statuses(bling, 1), [200]);
  const refused = await bling.call('GET', '/depositos');
  assert.equal(refused.status, 429);
  assert.equal(
    refused.text,
    '{"error":{"type":"TOO_MANY_REQUESTS","message":"Limite de requisições atingido.",' +
      '"description":"O limite de requisições por dia foi atingido, tente novamente mais tarde.",' +
      '"limit":120000,"period":"day"}}',
  );
  await bling.control.advance(60_000);
  assert.deepEqual(await statuses(bling, 1), [200]);
});

test('600 calls in 10 seconds block an address for 10 minutes', async (t) => {
  const bling = await bench(t, { switches: { limitPerSecond: 0, ipBlocks: true } });
  const all = await statuses(bling, 601);
  assert.equal(all.filter((status) => status === 200).length, 600);
  const blocked = await bling.call('GET', '/depositos');
  assert.equal(blocked.status, 403);
  assert.match(blocked.text, /^<!DOCTYPE html>/);
  assert.equal(bling.control.state().limits.blocked[0]?.reason, 'requests');
  await bling.control.advance(600_000 - 1);
  assert.deepEqual(await statuses(bling, 1), [403]);
  await bling.control.advance(1);
  assert.deepEqual(await statuses(bling, 1), [200]);
});

test('300 errors in 10 seconds block an address; what it hears is a switch', async (t) => {
  const bling = await bench(t, { switches: { limitPerSecond: 0, ipBlocks: true } });
  const all = await statuses(bling, 301, '/produtos/1');
  assert.ok(all.every((status) => status === 404));
  assert.deepEqual(await statuses(bling, 1), [403]);
  bling.control.setSwitches({ ipBlockAnswer: 'too_many' });
  assert.deepEqual(await statuses(bling, 1), [429]);
  bling.control.setSwitches({ ipBlockAnswer: 'reset' });
  await assert.rejects(bling.call('GET', '/depositos'));
  bling.control.unblock();
  assert.deepEqual(await statuses(bling, 1), [200]);
});

test('20 token calls in a minute block an address for an hour', async (t) => {
  const bling = await bench(t, { switches: { limitPerSecond: 0, ipBlocks: true } });
  const ask = async () => (await bling.token({ grant_type: 'refresh_token' })).status;
  for (let i = 0; i < 20; i++) assert.equal(await ask(), 400);
  assert.equal(await ask(), 403);
  assert.deepEqual(await statuses(bling, 1), [403]);
  await bling.control.advance(3_600_000 - 1);
  assert.equal(await ask(), 403);
  await bling.control.advance(1);
  assert.equal(await ask(), 400);
});

test('pages have 100 at most, and end with a short or an empty one', async (t) => {
  const bling = await bench(t);
  bling.control.seed({ count: 250 });
  const page = async (query: string) => {
    const { body } = await bling.call('GET', `/produtos?criterio=5&tipo=T&${query}`);
    return (body as { data: unknown[] }).data.length;
  };
  assert.equal(await page(''), 100);
  assert.equal(await page('pagina=3'), 50);
  assert.equal(await page('pagina=4'), 0);
  assert.equal(await page('limite=200'), 100);
  assert.equal(await page('limite=30&pagina=9'), 10);
});

test('who goes on like that is blocked for good, where the switch says so', async (t) => {
  const bling = await bench(t, {
    switches: {
      limitPerSecond: 0,
      ipBlocks: true,
      ipBlockForGoodAt: 2,
      accessTokenSeconds: 31_536_000,
    },
  });
  const burst = async () => {
    for (let i = 0; i < 21; i++) await bling.token({ grant_type: 'refresh_token' });
    await bling.control.advance(3_600_000);
    return statuses(bling, 1);
  };
  assert.deepEqual(await burst(), [200]);
  assert.deepEqual(await burst(), [403]);
  await bling.control.advance(30 * 86_400_000);
  assert.deepEqual(await statuses(bling, 1), [403]);
  assert.equal(bling.control.state().limits.blocked[0]?.until, null);
  bling.control.unblock();
  assert.deepEqual(await statuses(bling, 1), [200]);
});
