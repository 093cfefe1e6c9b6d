import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INTENT, drawBuyers, wantedBy } from './rush-buyers.ts';
import { RUSH_OPTIONS, type RushOptions } from './rush-options.ts';
import { type RushPlan, RushOptionsError, planRush } from './rush-plan.ts';

const URL_OPTION = 'http://127.0.0.1:8000';

function plan(options: Partial<RushOptions> = {}): RushPlan {
  return planRush({ url: URL_OPTION, ...options }, () => 99);
}

function problems(options: Partial<RushOptions>): readonly string[] {
  try {
    plan(options);
    return [];
  } catch (error) {
    assert.ok(error instanceof RushOptionsError);
    return error.problems;
  }
}

test('nothing but an address is a closed rush at one new SKU', () => {
  const made = plan();
  assert.equal(made.buyers, 1000);
  assert.deepEqual(made.arrivals, { mode: 'closed' });
  assert.deepEqual(made.skus, { kind: 'made', count: 1 });
  assert.equal(made.stock, 100);
  assert.deepEqual(made.shares, { confirm: 1, release: 0, abandon: 0 });
  assert.equal(made.seed, 99);
});

test('the defaults in the table are those of the plan', () => {
  const defaults = Object.fromEntries(
    RUSH_OPTIONS.flatMap(({ name, defaultValue }) =>
      defaultValue === undefined ? [] : [[name, defaultValue]],
    ),
  );
  assert.deepEqual(plan(defaults), plan());
});

test('each option of the table is named after its flag, as a parser would', () => {
  for (const { name, flags } of RUSH_OPTIONS) {
    const flag = /^--([a-z0-9-]+)/.exec(flags)?.[1] ?? '';
    assert.equal(
      flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
      name,
    );
  }
});

test('text is understood as numbers, and an address may have a path', () => {
  const made = plan({ url: 'https://shop.example/api/', buyers: '25', rate: '12.5', seed: '4' });
  assert.equal(made.origin, 'https://shop.example');
  assert.equal(made.basePath, '/api');
  assert.equal(made.buyers, 25);
  assert.deepEqual(made.arrivals, { mode: 'open', rate: 12.5, spacing: 'poisson' });
  assert.equal(made.seed, 4);
});

test('shares that are not given are what the others leave', () => {
  assert.deepEqual(plan({ release: 0.25 }).shares, { confirm: 0.75, release: 0.25, abandon: 0 });
  assert.deepEqual(plan({ confirm: 0.25 }).shares, { confirm: 0.25, release: 0, abandon: 0.75 });
  assert.deepEqual(plan({ confirm: 0.5, abandon: 0.25 }).shares.release, 0.25);
});

const REFUSED: [string, Partial<RushOptions>, RegExp][] = [
  ['no address', { url: '' }, /the address must look like/],
  ['another protocol', { url: 'ftp://x' }, /the address must look like/],
  ['a password in the address', { url: 'http://a:b@x' }, /with --key/],
  ['no buyers', { buyers: 0 }, /--buyers must be a whole number from 1/],
  ['half a buyer', { buyers: 1.5 }, /--buyers must be a whole number/],
  ['empty text', { buyers: ' ' }, /--buyers must be/],
  ['an unknown mode', { mode: 'ajar' }, /--mode must be closed or open/],
  ['open without a rate', { mode: 'open' }, /needs --rate/],
  ['closed with a rate', { mode: 'closed', rate: 5 }, /--rate belongs to --mode open/],
  ['an unknown spacing', { rate: 5, arrivals: 'bursts' }, /--arrivals must be/],
  ['no rate', { rate: 0 }, /--rate must be/],
  ['shares above 1', { confirm: 0.7, release: 0.7 }, /together they must make 1/],
  ['shares below 1', { confirm: 0.1, release: 0.1, abandon: 0.1 }, /together they must make 1/],
  ['more lines than SKUs', { lines: 3, skus: 2 }, /--lines 3 needs as many/],
  ['a SKU twice', { sku: ['A', 'A'] }, /one SKU twice/],
  ['an invalid SKU', { sku: ' A' }, /not a valid SKU/],
  ['existing and made SKUs', { sku: 'A', skus: 3 }, /not both/],
  ['too little time', { rate: 1, buyers: 100, maxSeconds: 10 }, /100 buyers need 100 s/],
  ['a key with a line break', { key: 'a\nb' }, /--key must be/],
];

for (const [what, options, message] of REFUSED) {
  test(`${what} is refused`, () => {
    const found = problems(options);
    assert.equal(found.length, 1, found.join('; '));
    assert.match(found[0] ?? '', message);
  });
}

test('everything that is wrong is told at once', () => {
  assert.equal(problems({ url: '', buyers: -1, quantity: 0, retries: 'x' }).length, 4);
});

test('the same seed draws the same buyers, and each round its own', () => {
  const made = plan({
    buyers: 500,
    skus: 9,
    lines: 2,
    zipf: 1,
    rate: 100,
    confirm: 0.5,
    thinkMs: 9,
  });
  assert.deepEqual(drawBuyers(made, 1), drawBuyers(made, 1));
  assert.notDeepEqual(drawBuyers(made, 1).wanted, drawBuyers(made, 2).wanted);
});

test('a cart holds different SKUs, even all of them', () => {
  const buyers = drawBuyers(plan({ buyers: 50, skus: 6, lines: 6, zipf: 2 }), 1);
  for (let buyer = 0; buyer < 50; buyer++) {
    assert.equal(new Set(wantedBy(buyers, buyer)).size, 6);
  }
});

test('shares, popularity and arrivals come out as asked', () => {
  const made = plan({ buyers: 20_000, skus: 10, zipf: 1, rate: 1000, confirm: 0.6, release: 0.3 });
  const buyers = drawBuyers(made, 1);
  const share = (values: Iterable<number>, value: number): number =>
    [...values].filter((each) => each === value).length / made.buyers;
  const near = (found: number, expected: number): void =>
    assert.ok(Math.abs(found - expected) < 0.02, `${found} is not near ${expected}`);
  near(share(buyers.intent, INTENT.confirm), 0.6);
  near(share(buyers.intent, INTENT.release), 0.3);
  near(share(buyers.intent, INTENT.abandon), 0.1);
  near(share(buyers.wanted, 0) / share(buyers.wanted, 1) / 100, 0.02);
  near((buyers.dueAt?.at(-1) ?? 0) / 20_000, 1);
  const constant = drawBuyers(plan({ buyers: 3, rate: 10, arrivals: 'constant' }), 1);
  assert.deepEqual([...(constant.dueAt ?? [])], [0, 100, 200]);
});
