import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  confirm,
  extend,
  cancel,
  release,
  reserve,
  setStock,
} from '../../../test/support/commands.ts';
import { START } from '../../../test/support/fake-clock.ts';
import { Scenario, WITH_ERP } from '../../../test/support/scenario.ts';
import type { Command } from '../command.ts';
import type { Policy } from '../stock-level.ts';

function shop(levels: Readonly<Record<string, number>>): Scenario {
  const scenario = new Scenario();
  for (const [sku, onHand] of Object.entries(levels)) scenario.do(setStock(sku, onHand));
  return scenario;
}

function shopWith(policy: Partial<Policy>, onHand = 10): Scenario {
  const scenario = new Scenario();
  scenario.do(setStock('A', onHand, { policy }));
  return scenario;
}

describe('reserve, several lines', () => {
  it('takes all of the lines, and the ledger tells of each', () => {
    const scenario = shop({ A: 5, B: 5 }).walk([
      [0, reserve('r1', 'A:2 B:3'), 'active A:2 B:3 until 600'],
    ]);
    assert.equal(scenario.level('A'), 'A 5 = 2 reserved + 3 available');
    assert.equal(scenario.level('B'), 'B 5 = 3 reserved + 2 available');
    assert.deepEqual(scenario.ledger('A'), ['set onHand+5', 'reserve r1 reserved+2']);
    assert.deepEqual(scenario.ledger('B'), ['set onHand+5', 'reserve r1 reserved+3']);
  });

  it('takes nothing at all where one line lacks', () => {
    const scenario = shop({ A: 5, B: 2 }).walk([
      [0, reserve('r1', 'A:2 B:3'), 'insufficient_stock B:2/3'],
    ]);
    assert.equal(scenario.level('A'), 'A 5 = 5 available');
    assert.equal(scenario.level('B'), 'B 2 = 2 available');
    assert.equal(scenario.book.reservation('r1'), undefined);
  });

  it('sums the lines of one SKU before the check, in the order first named', () => {
    shop({ A: 3, B: 9 }).walk([
      [0, reserve('r1', 'A:2 B:1 A:2'), 'insufficient_stock A:3/4'],
      [0, reserve('r2', 'B:1 A:2 B:1 A:1'), 'active B:2 A:3 until 600'],
    ]);
  });

  it('sums the lines of one SKU before the limits, too', () => {
    shopWith({ maxPerOrder: 3 }).walk([
      [0, reserve('r1', 'A:2 A:2'), 'max_per_order A:4 limit 3'],
      [0, reserve('r2', 'A:2 A:1'), 'active A:3 until 600'],
    ]);
  });

  it('names every unknown SKU before anything else that is wrong', () => {
    shop({ A: 0, B: 1 }).walk([[0, reserve('r1', 'X:1 A:1 Y:1 B:1'), 'unknown_sku X Y']]);
  });

  it('names every short SKU', () => {
    shop({ A: 1, B: 2, C: 9 }).walk([
      [0, reserve('r1', 'A:2 C:1 B:3'), 'insufficient_stock A:1/2 B:2/3'],
    ]);
  });

  it('takes a cart of 1,000 lines', () => {
    const skus = Array.from({ length: 1_000 }, (_, index) => `S${index}`);
    const scenario = shop(Object.fromEntries(skus.map((sku) => [sku, 1])));
    const lines = skus.map((sku) => `${sku}:1`).join(' ');
    scenario.walk([[0, reserve('r1', lines), `active ${lines} until 600`]]);
  });
});

describe('reserve, why there is none', () => {
  it('is sold out for good where the rest is confirmed', () => {
    const scenario = new Scenario(WITH_ERP);
    scenario.walk([
      [0, setStock('A', 2), 'created A 2 = 2 available'],
      [0, reserve('r1', 'A:2'), 'active A:2 until 600'],
      [1, reserve('r2', 'A:1'), 'all_reserved A:0/1 until 600'],
      [2, confirm('r1'), 'confirmed A:2'],
      [3, reserve('r3', 'A:1'), 'sold_out A:0/1'],
    ]);
  });

  it('is sold out where there never was any', () => {
    shop({ A: 0 }).walk([[0, reserve('r1', 'A:1'), 'sold_out A:0/1']]);
  });

  it('counts safety stock as not there', () => {
    new Scenario().walk([
      [0, setStock('A', 3, { safety: 2 }), 'created A 3 = 2 safety + 1 available'],
      [0, reserve('r1', 'A:2'), 'insufficient_stock A:1/2'],
      [0, reserve('r2', 'A:1'), 'active A:1 until 600'],
      [0, reserve('r3', 'A:1'), 'all_reserved A:0/1 until 600'],
    ]);
  });

  it('names the next deadline of those that hold the rest, not the last', () => {
    shop({ A: 3 }).walk([
      [0, reserve('r1', 'A:1', { ttl: 300 }), 'active A:1 until 300'],
      [0, reserve('r2', 'A:1', { ttl: 100 }), 'active A:1 until 100'],
      [0, reserve('r3', 'A:1', { ttl: 200 }), 'active A:1 until 200'],
      [50, reserve('r4', 'A:1'), 'all_reserved A:0/1 until 100'],
      [60, extend('r2', { ttl: 500 }), 'active A:1 until 560'],
      [70, reserve('r4', 'A:1'), 'all_reserved A:0/1 until 200'],
      [80, release('r3'), 'released A:1'],
      [90, reserve('r4', 'A:2'), 'insufficient_stock A:1/2 until 300'],
    ]);
  });

  it('promises a cart no chance before each of its SKUs may have one', () => {
    shop({ A: 1, B: 1, C: 0, D: 1 }).walk([
      [0, reserve('r1', 'A:1', { ttl: 100 }), 'active A:1 until 100'],
      [0, reserve('r2', 'B:1', { ttl: 200 }), 'active B:1 until 200'],
      [1, reserve('r3', 'A:1 B:1'), 'all_reserved A:0/1 B:0/1 until 200'],
      [1, reserve('r3', 'A:1 C:1'), 'sold_out A:0/1 C:0/1'],
      [1, reserve('r3', 'A:1 D:2'), 'insufficient_stock A:0/1 D:1/2'],
    ]);
  });

  it('does not promise units that a shortfall would swallow when they lapse', () => {
    shop({ A: 3 }).walk([
      [0, reserve('r1', 'A:2'), 'active A:2 until 600'],
      [1, setStock('A', 0), 'A 0 = 2 reserved + 0 available, short 2'],
      [2, reserve('r2', 'A:1'), 'sold_out A:0/1'],
      [3, setStock('A', 1), 'A 1 = 2 reserved + 0 available, short 1'],
      [4, reserve('r2', 'A:1'), 'all_reserved A:0/1 until 600'],
    ]);
  });
});

describe('reserve, limits per SKU', () => {
  it('max_per_order holds for one order only', () => {
    shopWith({ maxPerOrder: 2 }).walk([
      [0, reserve('r1', 'A:3'), 'max_per_order A:3 limit 2'],
      [0, reserve('r2', 'A:2'), 'active A:2 until 600'],
      [0, reserve('r3', 'A:2'), 'active A:2 until 600'],
    ]);
  });

  it('a limit of 0 sells to nobody', () => {
    shopWith({ maxPerOrder: 0 }).walk([[0, reserve('r1', 'A:1'), 'max_per_order A:1 limit 0']]);
  });

  it('opens at opens_at and closes at closes_at, to the millisecond', () => {
    shopWith({ opensAt: START + 10_000, closesAt: START + 20_000 }).walk([
      [9.999, reserve('r1', 'A:1'), 'not_on_sale A from 10 to 20'],
      [10, reserve('r2', 'A:1'), 'active A:1 until 610'],
      [19.999, reserve('r3', 'A:1'), 'active A:1 until 619.999'],
      [20, reserve('r4', 'A:1'), 'not_on_sale A from 10 to 20'],
      [20, confirm('r2'), 'acknowledged A:1'],
    ]);
  });

  it('max_per_customer counts what is active, of each customer alone', () => {
    shopWith({ maxPerCustomer: 2 }).walk([
      [0, reserve('r1', 'A:1', { customer: 'ana' }), 'active A:1 until 600'],
      [1, reserve('r2', 'A:1', { customer: 'ana' }), 'active A:1 until 601'],
      [2, reserve('r3', 'A:1', { customer: 'ana' }), 'max_per_customer A:1 limit 2 has 2'],
      [2, reserve('r4', 'A:2', { customer: 'bia' }), 'active A:2 until 602'],
    ]);
  });

  it('max_per_customer gives back what is released, lapsed or cancelled, and counts what is confirmed', () => {
    shopWith({ maxPerCustomer: 2 }).walk([
      [0, reserve('r1', 'A:2', { customer: 'ana' }), 'active A:2 until 600'],
      [1, release('r1'), 'released A:2'],
      [2, reserve('r2', 'A:2', { customer: 'ana', ttl: 10 }), 'active A:2 until 12'],
      [11.999, reserve('r3', 'A:1', { customer: 'ana' }), 'max_per_customer A:1 limit 2 has 2'],
      [12, reserve('r3', 'A:2', { customer: 'ana' }), 'active A:2 until 612'],
      [13, confirm('r3', { lines: 'A:1' }), 'acknowledged A:1'],
      [14, reserve('r4', 'A:2', { customer: 'ana' }), 'max_per_customer A:2 limit 2 has 1'],
      [15, reserve('r5', 'A:1', { customer: 'ana' }), 'active A:1 until 615'],
      [16, reserve('r6', 'A:1', { customer: 'ana' }), 'max_per_customer A:1 limit 2 has 2'],
      [17, cancel('r3', { restock: false }), 'cancelled A:0'],
      [18, reserve('r6', 'A:1', { customer: 'ana' }), 'active A:1 until 618'],
    ]);
  });

  it('max_per_customer counts confirmed units whether or not the ERP has acknowledged them', () => {
    const scenario = new Scenario(WITH_ERP);
    scenario.walk([
      [0, setStock('A', 9, { policy: { maxPerCustomer: 1 } }), 'created A 9 = 9 available'],
      [0, reserve('r1', 'A:1', { customer: 'ana' }), 'active A:1 until 600'],
      [0, confirm('r1'), 'confirmed A:1'],
      [1, reserve('r2', 'A:1', { customer: 'ana' }), 'max_per_customer A:1 limit 1 has 1'],
      [2, { type: 'acknowledge', reservationId: 'r1' }, 'acknowledged A:1'],
      [3, reserve('r3', 'A:1', { customer: 'ana' }), 'max_per_customer A:1 limit 1 has 1'],
    ]);
  });

  it('a limit set later counts what was taken before it', () => {
    shop({ A: 9 }).walk([
      [0, reserve('r1', 'A:3', { customer: 'ana' }), 'active A:3 until 600'],
      [1, setStock('A', null, { policy: { maxPerCustomer: 2 } }), 'A 9 = 3 reserved + 6 available'],
      [2, reserve('r2', 'A:1', { customer: 'ana' }), 'max_per_customer A:1 limit 2 has 3'],
    ]);
  });

  it('a policy field set to null is cleared, the others stay', () => {
    shopWith({ maxPerOrder: 1, maxPerCustomer: 1 }).walk([
      [0, setStock('A', null, { policy: { maxPerCustomer: null } }), 'A 10 = 10 available'],
      [0, reserve('r1', 'A:1'), 'active A:1 until 600'],
      [0, reserve('r2', 'A:2'), 'max_per_order A:2 limit 1'],
    ]);
  });
});

describe('reserve, how long', () => {
  const cases: readonly [title: string, command: Command, until: number][] = [
    ['the default, where nobody says', reserve('r1', 'A:1'), 600],
    ['what the caller asks', reserve('r1', 'A:1', { ttl: 5_000 }), 5_000],
    ["the SKU's own", reserve('r1', 'B:1'), 60],
    ["the SKU's own, where the caller asks more", reserve('r1', 'B:1', { ttl: 61 }), 60],
    ['what the caller asks, where it is less', reserve('r1', 'B:1', { ttl: 59 }), 59],
    ["the shortest of a cart's SKUs", reserve('r1', 'A:1 B:1 C:1'), 30],
    ["a SKU's own, also where it is longer than the default", reserve('r1', 'D:1'), 900],
  ];
  for (const [title, command, until] of cases) {
    it(title, () => {
      const scenario = shop({ A: 1 });
      for (const [sku, ttlSeconds] of Object.entries({ B: 60, C: 30, D: 900 })) {
        scenario.do(setStock(sku, 1, { policy: { ttlSeconds } }));
      }
      scenario.do(command);
      assert.equal(scenario.reservation('r1').expiresAt, START + until * 1000);
    });
  }

  it('a SKU that was refused does not shorten the life of the others', () => {
    const scenario = shop({ A: 1 });
    scenario.walk([
      [0, setStock('B', 0, { policy: { ttlSeconds: 60 } }), 'created B 0 = 0 available'],
      [
        0,
        reserve('r1', 'A:1 B:1', { partial: true }),
        'active A:1 until 600, refused B:1 sold_out',
      ],
    ]);
  });
});

describe('reserve, allow_partial', () => {
  it('takes what there is and says what it refused, and why', () => {
    const scenario = new Scenario();
    for (const [sku, onHand, policy] of [
      ['A', 5, {}],
      ['B', 2, {}],
      ['C', 0, {}],
      ['D', 5, { maxPerOrder: 1 }],
      ['E', 5, { maxPerCustomer: 2 }],
      ['F', 5, { opensAt: START + 1 }],
    ] as const) {
      scenario.do(setStock(sku, onHand, { policy }));
    }
    const answer = scenario.do(
      reserve('r1', 'A:1 B:3 C:1 D:2 E:3 F:1 X:1', { customer: 'ana', partial: true }),
    );
    assert.ok(answer.ok);
    assert.deepEqual(answer.reservation.lines, [
      { sku: 'A', quantity: 1, confirmed: 0, cancelled: 0 },
      { sku: 'B', quantity: 2, confirmed: 0, cancelled: 0 },
      { sku: 'D', quantity: 1, confirmed: 0, cancelled: 0 },
      { sku: 'E', quantity: 2, confirmed: 0, cancelled: 0 },
    ]);
    assert.deepEqual(answer.refused, [
      { sku: 'B', requested: 3, granted: 2, reason: 'insufficient_stock' },
      { sku: 'C', requested: 1, granted: 0, reason: 'sold_out' },
      { sku: 'D', requested: 2, granted: 1, reason: 'max_per_order' },
      { sku: 'E', requested: 3, granted: 2, reason: 'max_per_customer' },
      { sku: 'F', requested: 1, granted: 0, reason: 'not_on_sale' },
      { sku: 'X', requested: 1, granted: 0, reason: 'unknown_sku' },
    ]);
  });

  it('is refused like any other where nothing at all can be had', () => {
    shop({ A: 1, B: 0 }).walk([
      [0, reserve('r1', 'A:1'), 'active A:1 until 600'],
      [0, reserve('r2', 'A:1 B:1', { partial: true }), 'sold_out A:0/1 B:0/1'],
      [0, reserve('r3', 'A:1', { partial: true }), 'all_reserved A:0/1 until 600'],
    ]);
  });

  it('refuses nothing where there is enough', () => {
    shop({ A: 2 }).walk([[0, reserve('r1', 'A:2', { partial: true }), 'active A:2 until 600']]);
  });

  it('grants the least of all limits and names the first that stood in the way', () => {
    shopWith({ maxPerOrder: 5, maxPerCustomer: 4 }, 3).walk([
      [
        0,
        reserve('r1', 'A:9', { customer: 'ana', partial: true }),
        'active A:3 until 600, refused A:6 max_per_order',
      ],
    ]);
  });

  it('takes lapsed units, as many as are wanted', () => {
    shop({ A: 4 }).walk([
      [0, reserve('r1', 'A:2', { ttl: 10 }), 'active A:2 until 10'],
      [0, reserve('r2', 'A:2', { ttl: 20 }), 'active A:2 until 20'],
      [
        10,
        reserve('r3', 'A:3', { partial: true }),
        'active A:2 until 610, refused A:1 insufficient_stock',
      ],
    ]);
  });
});
