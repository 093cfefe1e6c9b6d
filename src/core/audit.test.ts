import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { uuid } from '../../test/support/commands.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { histories, Narrator, type History, type Request } from '../../test/support/histories.ts';
import { assertProperty, isReplay } from '../../test/support/replay.ts';
import { MemoryBook } from '../stores/memory/memory-book.ts';
import { Audit, MAX_PROBLEMS, type ProblemKind } from './audit.ts';
import { execute } from './execute.ts';
import { entry, type LedgerEntry } from './ledger.ts';
import { RESERVATION_STATUSES, type Reservation, type ReservationLine } from './reservation.ts';
import { shortfall, type StockLevel } from './stock-level.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Books as a store would hand them to an audit, but each figure can be falsified. */
interface Books {
  entries: Mutable<LedgerEntry>[];
  reservations: (Mutable<Omit<Reservation, 'lines'>> & { lines: Mutable<ReservationLine>[] })[];
  levels: Mutable<StockLevel>[];
  purgedBefore: number;
}

function honestBooks({ rules, steps }: History): Books {
  const clock = new FakeClock();
  const book = new MemoryBook();
  const narrator = new Narrator(clock);
  let purgedBefore = 0;
  const ask = ({ command, idempotency }: Request): void => {
    if (command.type === 'purge') purgedBefore = Math.max(purgedBefore, command.endedBefore);
    narrator.heard(execute(book, command, clock.now(), rules, idempotency));
  };
  narrator.opening.forEach(ask);
  for (const step of steps) {
    if (step.kind === 'submit') ask(narrator.request(step.asked));
    else if (step.kind === 'batch') step.asked.forEach((asked) => ask(narrator.request(asked)));
    else if (step.kind !== 'reopen') clock.set(narrator.timeOf(step));
  }
  return structuredClone({
    entries: book.entries,
    reservations: [...book.reservations.values()],
    levels: [...book.levels.values()],
    purgedBefore,
  }) as Books;
}

function problemsOf({ entries, reservations, levels, purgedBefore }: Books): Set<ProblemKind> {
  const audit = new Audit(purgedBefore);
  for (const each of entries) audit.entry(each);
  for (const each of reservations) audit.reservation(each);
  for (const each of levels) audit.level(each);
  const report = audit.finish();
  assert.equal(report.ok, report.problemCount === 0);
  return new Set(report.problems.map(({ kind }) => kind));
}

/** Chooses one of those that fit; undefined where none does. */
type Choose = <T>(candidates: readonly T[]) => T | undefined;

interface Damage {
  readonly title: string;
  /** Every kind here must be among the problems found. */
  readonly found: readonly ProblemKind[];
  /** Falsifies the books; false where these have nothing of the sort to falsify. */
  readonly plant: (books: Books, choose: Choose) => boolean;
}

/** Gives every entry the number of its place, so that nothing but its content betrays a forgery. */
function renumber(entries: Mutable<LedgerEntry>[]): void {
  entries.forEach((each, index) => (each.seq = index + 1));
}

function append(books: Books, draft: Parameters<typeof entry>): void {
  const at = books.entries.at(-1)?.at ?? 0;
  books.entries.push({ ...entry(...draft), seq: books.entries.length + 1, at });
}

function moves({ onHand, reserved, allocated, safetyStock }: LedgerEntry): boolean {
  return onHand !== 0 || reserved !== 0 || allocated !== 0 || safetyStock !== 0;
}

/** A damage to one thing of those that `among` finds. */
function falsify<T>(
  title: string,
  found: ProblemKind | readonly ProblemKind[],
  among: (books: Books) => readonly T[],
  change: (target: T, books: Books) => void,
): Damage {
  return {
    title,
    found: typeof found === 'string' ? [found] : found,
    plant: (books, choose) => {
      const target = choose(among(books));
      if (target === undefined) return false;
      change(target, books);
      return true;
    },
  };
}

const entriesThat =
  (fits: (entry: LedgerEntry) => boolean) =>
  ({ entries }: Books): Mutable<LedgerEntry>[] =>
    entries.filter(fits);
const ofKind = (...kinds: LedgerEntry['kind'][]): ReturnType<typeof entriesThat> =>
  entriesThat(({ kind }) => kinds.includes(kind));
/** Of reservations that are still there. */
const keptOfKind =
  (...kinds: LedgerEntry['kind'][]) =>
  ({ entries, reservations }: Books): Mutable<LedgerEntry>[] => {
    const ids = new Set(reservations.map(({ id }) => id));
    return entries.filter(
      ({ kind, reservationId }) => kinds.includes(kind) && ids.has(reservationId ?? ''),
    );
  };
const allReservations = ({ reservations }: Books): Books['reservations'] => reservations;
const reservationsThat =
  (fits: (reservation: Reservation) => boolean) =>
  ({ reservations }: Books): Books['reservations'] =>
    reservations.filter(fits);
const allLevels = ({ levels }: Books): Books['levels'] => levels;
const linesThat =
  (fits: (line: ReservationLine, reservation: Reservation) => boolean) =>
  ({ reservations }: Books): Mutable<ReservationLine>[] =>
    reservations.flatMap((each) => each.lines.filter((line) => fits(line, each)));
const anyLine = linesThat(() => true);

const LEDGER: readonly Damage[] = [
  falsify(
    'a lost line in the middle',
    'ledger_gap',
    ({ entries }) => entries.slice(0, -1),
    (target, books) => books.entries.splice(target.seq - 1, 1),
  ),
  falsify(
    'a lost last line',
    'level_differs',
    ({ entries }) => entries.slice(-1).filter(moves),
    (_, books) => books.entries.pop(),
  ),
  falsify(
    'a lost line, the rest renumbered',
    'level_differs',
    entriesThat(moves),
    (target, books) => {
      books.entries.splice(target.seq - 1, 1);
      renumber(books.entries);
    },
  ),
  falsify('a lost policy line', 'level_differs', onlyOrderLimits, (target, books) => {
    books.entries.splice(target.seq - 1, 1);
    renumber(books.entries);
  }),
  falsify(
    'a doubled line',
    'ledger_order',
    ({ entries }) => entries,
    (target, books) => books.entries.splice(target.seq - 1, 0, target),
  ),
  falsify(
    'a doubled line of a reservation, the rest renumbered',
    'entry_doubled',
    ofKind('reserve', 'confirm', 'acknowledge', 'release', 'expire', 'refund_required'),
    (target, books) => {
      books.entries.splice(target.seq - 1, 0, { ...target });
      renumber(books.entries);
    },
  ),
  falsify(
    'a doubled line of the stock, the rest renumbered',
    'level_differs',
    entriesThat((each) => each.reservationId === null && moves(each)),
    (target, books) => {
      books.entries.splice(target.seq - 1, 0, { ...target });
      renumber(books.entries);
    },
  ),
  falsify(
    'two lines in the wrong order',
    'ledger_order',
    ({ entries }) => entries.slice(0, -1),
    (target, books) => {
      const [moved] = books.entries.splice(target.seq - 1, 1);
      if (moved !== undefined) books.entries.splice(target.seq, 0, moved);
    },
  ),
  falsify(
    'two lines that changed places, renumbered: a reserve before the stock that it took',
    'oversold',
    ofKind('reserve'),
    ({ sku, seq }, { entries }) => {
      const first = entries.findIndex((each) => each.sku === sku && each.kind === 'set');
      const [moved] = entries.splice(seq - 1, 1);
      if (moved !== undefined) entries.splice(first, 0, { ...moved, at: entries[first]?.at ?? 0 });
      renumber(entries);
    },
  ),
  falsify(
    'a line dated before the one it follows',
    'ledger_order',
    ({ entries }) => entries.slice(1),
    (target, books) => {
      target.at = (books.entries[target.seq - 2]?.at ?? 0) - 1;
    },
  ),
  falsify(
    'another quantity reserved',
    ['level_differs', 'reservation_differs'],
    keptOfKind('reserve'),
    (target) => {
      target.reserved += 1;
    },
  ),
  falsify(
    'another quantity confirmed',
    ['level_differs', 'reservation_differs'],
    keptOfKind('confirm'),
    (target) => {
      target.allocated += 1;
    },
  ),
  falsify('another quantity acknowledged', 'level_differs', ofKind('acknowledge'), (target) => {
    target.allocated -= 1;
  }),
  falsify('another quantity cancelled', 'reservation_differs', keptOfKind('cancel'), (target) => {
    target.detail = { ...target.detail, quantity: 1_000 };
  }),
  falsify('another stock', 'level_differs', ofKind('set', 'adjust'), (target) => {
    target.onHand += 1;
  }),
  falsify('another safety stock', 'level_differs', ofKind('policy'), (target) => {
    target.safetyStock += 1;
  }),
  falsify('another policy', 'level_differs', onlyOrderLimits, (target) => {
    target.detail = { ...target.detail, max_per_order: 1_000 };
  }),
  falsify('another SKU', 'level_differs', entriesThat(moves), (target, books) => {
    target.sku = books.levels.find(({ sku }) => sku !== target.sku)?.sku ?? 'elsewhere';
  }),
  falsify(
    'a SKU that there is not',
    'level_missing',
    ({ entries }) => entries,
    (target) => {
      target.sku = 'nowhere';
    },
  ),
  falsify(
    'another reservation',
    'reservation_differs',
    ({ entries, reservations }) =>
      reservations.length < 2 ? [] : entries.filter(({ kind }) => kind === 'reserve'),
    (target, books) => {
      const other = books.reservations.find(({ id }) => id !== target.reservationId);
      target.reservationId = other?.id ?? null;
    },
  ),
  falsify(
    'an expiry written as a release',
    'reservation_differs',
    expiriesOf('expired'),
    (target, books) => {
      for (const each of books.entries) {
        if (each.reservationId === target.reservationId && each.kind === 'expire')
          each.kind = 'release';
      }
    },
  ),
  falsify('a reserve written as a release', 'entry_malformed', ofKind('reserve'), (target) => {
    target.kind = 'release';
  }),
  falsify(
    'a confirm written as an acknowledgement',
    'entry_malformed',
    ofKind('confirm'),
    (target) => {
      target.kind = 'acknowledge';
    },
  ),
  falsify('a setting written as an adjustment', 'entry_malformed', ofKind('set'), (target) => {
    target.kind = 'adjust';
  }),
  falsify('a setting that names a reservation', 'entry_malformed', ofKind('set'), (target) => {
    target.reservationId = uuid(77);
  }),
  falsify(
    'a refund forgotten',
    'reservation_differs',
    reservationsThat(({ refundRequired }) => refundRequired),
    ({ id }, books) => {
      books.entries = books.entries.filter(
        ({ kind, reservationId }) => kind !== 'refund_required' || reservationId !== id,
      );
      renumber(books.entries);
    },
  ),
  falsify(
    'a line of a reservation that never was',
    ['entry_stray', 'level_differs'],
    allLevels,
    ({ sku }, books) => {
      append(books, ['reserve', sku, uuid(77), { reserved: 1 }]);
    },
  ),
  falsify(
    'the whole story of a reservation that never was',
    'reservation_lost',
    ({ levels, entries, purgedBefore }) => (purgedBefore > (entries.at(-1)?.at ?? 0) ? [] : levels),
    ({ sku }, books) => {
      append(books, ['reserve', sku, uuid(77), { reserved: 1 }]);
      append(books, ['release', sku, uuid(77), { reserved: -1 }]);
    },
  ),
  falsify(
    'a shortfall forgotten',
    'oversold',
    ({ levels }) => levels.filter(isPromisedAndShort),
    ({ sku }, books) => {
      books.entries = books.entries.filter((each) => each.kind !== 'shortfall' || each.sku !== sku);
      renumber(books.entries);
    },
  ),
];

/** Expiries of reservations that stayed expired, all their lines at once. */
function expiriesOf(status: Reservation['status']): (books: Books) => Mutable<LedgerEntry>[] {
  return ({ entries, reservations }) => {
    const ids = new Set(reservations.filter((each) => each.status === status).map(({ id }) => id));
    return entries.filter(
      ({ kind, reservationId }) => kind === 'expire' && ids.has(reservationId ?? ''),
    );
  };
}

function isPromisedAndShort(level: StockLevel): boolean {
  return shortfall(level) > 0 && level.reserved + level.allocated > 0;
}

/** The entries that set an order limit, of SKUs where only one does: nothing hides what it says. */
function onlyOrderLimits({ entries }: Books): Mutable<LedgerEntry>[] {
  const limits = entries.filter(({ detail }) => detail?.['max_per_order'] !== undefined);
  return limits.filter(
    ({ sku, detail }) =>
      detail?.['max_per_order'] !== null &&
      limits.filter((other) => other.sku === sku).length === 1,
  );
}

const RESERVATIONS: readonly Damage[] = [
  falsify('a stray reservation', 'reservation_stray', allReservations, (target, books) => {
    books.reservations.push({ ...target, id: uuid(77) });
  }),
  falsify(
    'a lost reservation that holds units',
    'entry_stray',
    reservationsThat(({ status }) => status === 'active' || status === 'confirmed'),
    (target, books) => books.reservations.splice(books.reservations.indexOf(target), 1),
  ),
  falsify(
    'a lost reservation that has ended, too young to be purged',
    'reservation_lost',
    ({ reservations, purgedBefore }) =>
      reservations.filter(
        ({ status, endedAt }) =>
          endedAt !== null && endedAt >= purgedBefore && !['active', 'confirmed'].includes(status),
      ),
    (target, books) => books.reservations.splice(books.reservations.indexOf(target), 1),
  ),
  ...RESERVATION_STATUSES.flatMap((from) =>
    RESERVATION_STATUSES.filter((to) => to !== from).map((to) =>
      falsify(
        `${from} written as ${to}`,
        'reservation_differs',
        reservationsThat(({ status }) => status === from),
        (target) => {
          target.status = to;
          target.endedAt = to === 'active' ? null : (target.endedAt ?? target.createdAt);
        },
      ),
    ),
  ),
  falsify('a line with more', 'reservation_differs', anyLine, (line) => {
    line.quantity += 1;
  }),
  falsify(
    'a line with more confirmed',
    'reservation_differs',
    linesThat((line) => line.confirmed < line.quantity),
    (line) => {
      line.confirmed += 1;
    },
  ),
  falsify(
    'a line with less confirmed',
    'reservation_differs',
    linesThat((line) => line.confirmed > line.cancelled),
    (line) => {
      line.confirmed -= 1;
    },
  ),
  falsify(
    'a line with more cancelled',
    'reservation_differs',
    linesThat((line) => line.cancelled < line.confirmed),
    (line) => {
      line.cancelled += 1;
    },
  ),
  falsify('more cancelled than confirmed', 'reservation_malformed', anyLine, (line) => {
    line.cancelled = line.confirmed + 1;
  }),
  falsify('more confirmed than reserved', 'reservation_malformed', anyLine, (line) => {
    line.confirmed = line.quantity + 1;
  }),
  falsify('an empty line', 'reservation_malformed', anyLine, (line) => {
    line.quantity = 0;
  }),
  falsify('a line of another SKU', 'reservation_differs', anyLine, (line) => {
    line.sku = 'elsewhere';
  }),
  falsify('a line too many', 'reservation_differs', allReservations, (target) => {
    target.lines.push({ sku: 'elsewhere', quantity: 1, confirmed: 0, cancelled: 0 });
  }),
  falsify('a line twice', 'reservation_malformed', allReservations, (target) => {
    target.lines.push(...target.lines.slice(0, 1));
  }),
  falsify(
    'a line too few',
    'reservation_differs',
    reservationsThat(({ lines }) => lines.length > 1),
    (target) => {
      target.lines.pop();
    },
  ),
  falsify('no line', 'reservation_malformed', allReservations, (target) => {
    target.lines = [];
  }),
  falsify(
    'another end',
    'reservation_differs',
    reservationsThat(({ endedAt }) => endedAt !== null),
    (target) => {
      target.endedAt = (target.endedAt ?? 0) + 1;
    },
  ),
  falsify(
    'no end',
    'reservation_malformed',
    reservationsThat(({ endedAt }) => endedAt !== null),
    (target) => {
      target.endedAt = null;
    },
  ),
  falsify(
    'an end of an active one',
    'reservation_malformed',
    reservationsThat(({ endedAt }) => endedAt === null),
    (target) => {
      target.endedAt = target.expiresAt;
    },
  ),
  falsify('a deadline before the beginning', 'reservation_malformed', allReservations, (target) => {
    target.expiresAt = target.createdAt - 1;
  }),
  falsify('reacquired or not', 'reservation_differs', allReservations, (target) => {
    target.reacquired = !target.reacquired;
  }),
  falsify('to be refunded or not', 'reservation_differs', allReservations, (target) => {
    target.refundRequired = !target.refundRequired;
  }),
];

const FIELDS = ['onHand', 'reserved', 'allocated', 'safetyStock'] as const;
const LEVELS: readonly Damage[] = [
  ...FIELDS.flatMap((field) => [
    falsify(`another ${field}`, 'level_differs', allLevels, (level) => {
      level[field] += 1;
    }),
    falsify(`a negative ${field}`, 'level_negative', allLevels, (level) => {
      level[field] = -1;
    }),
  ]),
  falsify('reserved, against its reservations', 'reserved_differs', allLevels, (level) => {
    level.reserved += 1;
  }),
  falsify('allocated, against its reservations', 'allocated_differs', allLevels, (level) => {
    level.allocated += 1;
  }),
  ...(['maxPerOrder', 'maxPerCustomer', 'ttlSeconds', 'opensAt', 'closesAt'] as const).map(
    (field) =>
      falsify(`another ${field}`, 'level_differs', allLevels, (level) => {
        level.policy = { ...level.policy, [field]: (level.policy[field] ?? 0) + 1 };
      }),
  ),
  falsify('a missing level', 'level_missing', allLevels, (level, books) =>
    books.levels.splice(books.levels.indexOf(level), 1),
  ),
  falsify('a stray level', 'level_differs', allLevels, (level, books) =>
    books.levels.push({
      ...level,
      sku: 'nowhere',
      onHand: 0,
      reserved: 0,
      allocated: 0,
      safetyStock: 0,
    }),
  ),
  falsify(
    'a reservation beyond the stock, in all books alike',
    'oversold',
    allLevels,
    (level, books) => {
      const quantity = Math.max(0, level.onHand) + 1;
      append(books, ['reserve', level.sku, uuid(77), { reserved: quantity }]);
      level.reserved += quantity;
      const at = books.entries.at(-1)?.at ?? 0;
      books.reservations.push({
        id: uuid(77),
        status: 'active',
        lines: [{ sku: level.sku, quantity, confirmed: 0, cancelled: 0 }],
        customerId: null,
        orderId: null,
        createdAt: at,
        expiresAt: at + 1,
        endedAt: null,
        reacquired: false,
        refundRequired: false,
        cancellations: [],
      });
    },
  ),
  falsify('stock below 0, in all books alike', 'level_negative', allLevels, (level, books) => {
    const onHand = -level.onHand - 1;
    append(books, ['adjust', level.sku, null, { onHand }, { reason: 'lost' }]);
    level.onHand = -1;
  }),
];

describe('the audit', () => {
  const damages = [...LEDGER, ...RESERVATIONS, ...LEVELS];
  const planted = new Map(damages.map((damage) => [damage, 0]));

  it('finds nothing in honest books, and in damaged ones finds and names the damage', async () => {
    await assertProperty(
      fc.property(histories(80), fc.nat(), (history, luck) => {
        const honest = honestBooks(history);
        assert.deepEqual([...problemsOf(honest)], []);
        for (const damage of damages) {
          const books = structuredClone(honest);
          const choose: Choose = (candidates) => candidates[luck % Math.max(1, candidates.length)];
          if (!damage.plant(books, choose)) continue;
          planted.set(damage, (planted.get(damage) ?? 0) + 1);
          const found = problemsOf(books);
          for (const kind of damage.found) {
            assert.ok(found.has(kind), `${damage.title}: ${kind} not in ${[...found].join(', ')}`);
          }
        }
      }),
      { runs: 100, file: 'src/core/audit.test.ts' },
    );
  });

  for (const damage of damages) {
    it(`finds ${damage.title}`, () => {
      if (isReplay()) return;
      assert.notEqual(planted.get(damage), 0, 'no history had anything of the sort to damage');
    });
  }

  it('forgives what was purged, and only that', () => {
    const audit = (purgedBefore: number): ProblemKind[] => {
      const told = new Audit(purgedBefore);
      told.entry({ ...entry('set', 'A', null, { onHand: 1 }), seq: 1, at: 10 });
      told.entry({ ...entry('reserve', 'A', uuid(1), { reserved: 1 }), seq: 2, at: 20 });
      told.entry({ ...entry('release', 'A', uuid(1), { reserved: -1 }), seq: 3, at: 30 });
      told.level({ ...LEVEL, onHand: 1 });
      return told.finish().problems.map(({ kind }) => kind);
    };
    assert.deepEqual(audit(31), []);
    assert.deepEqual(audit(30), ['reservation_lost']);
    assert.deepEqual(audit(0), ['reservation_lost']);
  });

  it('says where, counts all and keeps the first thousand', () => {
    const told = new Audit(0);
    for (let n = 1; n <= MAX_PROBLEMS + 5; n += 1) {
      told.report('record_damaged', `row ${n}`, { sku: 'A', reservationId: uuid(n), seq: n });
    }
    const report = told.finish();
    assert.equal(report.ok, false);
    assert.equal(report.problemCount, MAX_PROBLEMS + 5);
    assert.equal(report.problems.length, MAX_PROBLEMS);
    assert.deepEqual(report.problems[0], {
      kind: 'record_damaged',
      message: 'row 1',
      sku: 'A',
      reservationId: uuid(1),
      seq: 1,
    });
  });

  it('counts what it has seen', () => {
    const told = new Audit(0);
    told.entry({ ...entry('set', 'A', null, { onHand: 1 }), seq: 1, at: 10 });
    told.level({ ...LEVEL, onHand: 1 });
    const { skus, reservations, entries, ok } = told.finish();
    assert.deepEqual(
      { skus, reservations, entries, ok },
      { skus: 1, reservations: 0, entries: 1, ok: true },
    );
  });
});

const LEVEL: StockLevel = {
  sku: 'A',
  onHand: 0,
  reserved: 0,
  allocated: 0,
  safetyStock: 0,
  policy: {
    maxPerOrder: null,
    maxPerCustomer: null,
    ttlSeconds: null,
    opensAt: null,
    closesAt: null,
  },
};
