import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { Command, ReserveCommand } from '../../core/command.ts';
import { DEFAULT_RULES } from '../../core/rules.ts';
import { emptyLevel } from '../../core/stock-level.ts';
import { SharedClock } from './anchored-clock.ts';
import type { Effect } from './command-queue.ts';
import { migrate } from './migrate.ts';
import { effectOf, effectOfAll, SoldOutMirror } from './sold-out-mirror.ts';
import { Writer, type Operation } from './writer.ts';

const RULES = { ...DEFAULT_RULES, ttlSeconds: 10 };

class Fixture {
  readonly clock = new SharedClock();
  readonly mirror = new SoldOutMirror(RULES, '');
  /** What is not answered yet. */
  readonly queue = {
    effects: new Set<Effect>(),
    has: (effect: Effect) => this.queue.effects.has(effect),
  };
  readonly #writer: Writer;
  #made = 0;

  constructor() {
    this.clock.set(1_000_000);
    const db = new DatabaseSync(':memory:');
    migrate(db, 'books');
    this.#writer = new Writer(db, RULES, () => this.clock);
  }

  run(...commands: Command[]): readonly unknown[] {
    const operations = commands.map((command): Operation => {
      return { kind: 'command', command, idempotency: null };
    });
    for (const command of commands) this.mirror.sent(command);
    const { results, soldOut } = this.#writer.run(operations);
    this.mirror.apply(soldOut);
    return results;
  }

  reserve(sku: string, more: Partial<ReserveCommand> = {}): ReserveCommand {
    this.#made += 1;
    return {
      type: 'reserve',
      reservationId: `r${String(this.#made).padStart(6, '0')}`,
      lines: [{ sku, quantity: 1 }],
      customerId: null,
      ttlSeconds: null,
      allowPartial: false,
      ...more,
    };
  }

  /** What the mirror says; where it answers, the writer must answer the same. */
  refuse(command: ReserveCommand): string | null {
    const refusal = this.mirror.refuse(command, this.clock.now(), this.queue);
    if (refusal === null) return null;
    assert.deepEqual(this.run(command), [refusal]);
    assert.ok(!refusal.ok);
    return refusal.rejection.code;
  }
}

test('a SKU is mirrored from its last unit to the first that comes back', () => {
  const fixture = new Fixture();
  fixture.run({ type: 'set_stock', sku: 'A', onHand: 2 }, fixture.reserve('A'));
  assert.equal(fixture.refuse(fixture.reserve('A')), null);
  const last = fixture.reserve('A');
  fixture.run(last);
  assert.equal(fixture.refuse(fixture.reserve('A')), 'all_reserved');
  fixture.run({ type: 'release', reservationId: last.reservationId });
  assert.equal(fixture.refuse(fixture.reserve('A')), null);
});

test('nothing is refused from the first deadline on', () => {
  const fixture = new Fixture();
  fixture.run({ type: 'set_stock', sku: 'A', onHand: 1 }, fixture.reserve('A'));
  fixture.clock.advance(9_999);
  assert.equal(fixture.refuse(fixture.reserve('A')), 'all_reserved');
  fixture.clock.advance(1);
  assert.equal(fixture.refuse(fixture.reserve('A')), null);
});

test('sold for good, it is refused without a deadline', () => {
  const fixture = new Fixture();
  const sold = fixture.reserve('A');
  fixture.run({ type: 'set_stock', sku: 'A', onHand: 1 }, sold, {
    type: 'confirm',
    reservationId: sold.reservationId,
    orderId: null,
    lines: null,
    onExpired: 'reject',
  });
  fixture.clock.advance(1_000_000);
  assert.equal(fixture.refuse(fixture.reserve('A')), 'sold_out');
});

test('other refusals come first, as in core; carts and limits per customer are for the writer', () => {
  const fixture = new Fixture();
  const policy = { maxPerOrder: 2, opensAt: 1_500_000 };
  fixture.run(
    { type: 'set_stock', sku: 'early', onHand: 0, policy },
    { type: 'set_stock', sku: 'limited', onHand: 0, policy: { maxPerCustomer: 1 } },
    { type: 'set_stock', sku: 'A', onHand: 0, policy: { maxPerOrder: 2 } },
  );
  const two = { lines: [{ sku: 'A', quantity: 3 }] };
  assert.equal(fixture.refuse(fixture.reserve('early')), 'not_on_sale');
  assert.equal(fixture.refuse(fixture.reserve('A', two)), 'max_per_order');
  assert.equal(fixture.refuse(fixture.reserve('A', { ttlSeconds: 90_000 })), 'ttl_out_of_range');
  assert.equal(fixture.refuse(fixture.reserve('A', { allowPartial: true })), 'sold_out');
  assert.equal(fixture.refuse(fixture.reserve('limited', { customerId: 'ana' })), null);
  assert.equal(fixture.refuse(fixture.reserve('unknown')), null);
  const cart = [
    { sku: 'A', quantity: 1 },
    { sku: 'A', quantity: 1 },
  ];
  assert.equal(fixture.refuse(fixture.reserve('A', { lines: cart })), null);
});

test('what is not answered yet decides who may answer', () => {
  const fixture = new Fixture();
  const [first, second] = [fixture.reserve('A'), fixture.reserve('A')];
  const confirmed = (reservationId: string): Command => {
    return { type: 'confirm', reservationId, orderId: null, lines: null, onExpired: 'reject' };
  };
  fixture.run({ type: 'set_stock', sku: 'A', onHand: 2 }, first, second);
  fixture.run(confirmed(first.reservationId));
  fixture.queue.effects.add('none');
  assert.equal(fixture.refuse(fixture.reserve('A')), 'all_reserved');
  fixture.queue.effects.add('words');
  assert.equal(fixture.refuse(fixture.reserve('A')), null, 'a confirm may make it sold out');
  fixture.run(confirmed(second.reservationId));
  assert.equal(fixture.refuse(fixture.reserve('A')), 'sold_out', 'no confirm can change that');
  fixture.queue.effects.add('room');
  assert.equal(fixture.refuse(fixture.reserve('A')), null);
});

test('an id that the writer may know is for the writer', () => {
  const fixture = new Fixture();
  const only = fixture.reserve('A');
  fixture.run({ type: 'set_stock', sku: 'A', onHand: 1 }, only);
  assert.equal(fixture.refuse(only), null);
  assert.equal(fixture.refuse(fixture.reserve('A', { reservationId: 'r000000' })), null);
  assert.equal(fixture.refuse(fixture.reserve('A')), 'all_reserved');
  const restarted = new SoldOutMirror(RULES, 'r5');
  restarted.apply([{ sku: 'A', level: emptyLevel('A'), nextExpiryAt: null }]);
  assert.equal(
    restarted.refuse(fixture.reserve('A', { reservationId: 'r5' }), 0, fixture.queue),
    null,
  );
  assert.ok(restarted.refuse(fixture.reserve('A', { reservationId: 'r6' }), 0, fixture.queue));
});

test('what a command may do to a refusal', () => {
  const confirm = {
    type: 'confirm',
    reservationId: 'r',
    orderId: null,
    lines: null,
    onExpired: 'reject',
  } as const;
  const release = { type: 'release', reservationId: 'r' } as const;
  const sweep = { type: 'sweep', limit: 1 } as const;
  assert.equal(effectOf(confirm), 'words');
  assert.equal(effectOf({ ...confirm, lines: [{ sku: 'A', quantity: 1 }] }), 'room');
  assert.equal(effectOf(release), 'room');
  assert.equal(effectOf(sweep), 'none');
  assert.equal(effectOf({ type: 'set_stock', sku: 'A', onHand: 1 }), 'room');
  assert.equal(effectOfAll([sweep, confirm, sweep]), 'words');
  assert.equal(effectOfAll([confirm, release]), 'room');
  assert.equal(effectOfAll([sweep]), 'none');
});

test('through random histories, what the mirror refuses the writer refuses in the same words', () => {
  const fixture = new Fixture();
  let state = 5;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 4) % below;
  };
  const ids: string[] = [];
  let refused = 0;
  for (let step = 0; step < 3_000; step += 1) {
    const sku = `S${random(4)}`;
    const roll = random(20);
    const reservationId = ids[ids.length - 1 - random(8)] ?? 'none';
    const lines = roll === 9 ? [{ sku, quantity: 1 }] : null;
    if (roll === 0) fixture.run({ type: 'set_stock', sku, onHand: random(6) });
    else if (roll < 3) fixture.run({ type: 'release', reservationId });
    else if (roll < 6) {
      const confirm = { type: 'confirm', reservationId, orderId: null } as const;
      fixture.run({ ...confirm, lines, onExpired: random(2) === 0 ? 'reject' : 'reacquire' });
    } else if (roll < 8) fixture.clock.advance(random(4_000));
    else {
      const quantity = 1 + random(2);
      const ttlSeconds = random(3) === 0 ? 1 + random(5) : null;
      const cart = random(5) === 0 ? [{ sku: `S${random(4)}`, quantity: 1 }] : [];
      const wanted = { lines: [{ sku, quantity }, ...cart], ttlSeconds };
      const command = fixture.reserve(sku, { ...wanted, allowPartial: random(4) === 0 });
      if (fixture.refuse(command) !== null) refused += 1;
      else {
        fixture.run(command);
        ids.push(command.reservationId);
      }
    }
  }
  assert.ok(refused > 200, `${refused} refused`);
});
