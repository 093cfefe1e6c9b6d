/** What can be wrong with a ledger. */
import type { LedgerEntry } from '../../src/core/ledger.ts';
import type { Reservation } from '../../src/core/reservation.ts';
import type { Books, Mutable } from './books.ts';
import { uuid } from './commands.ts';
import {
  allLevels,
  append,
  entriesThat,
  falsify,
  keptOfKind,
  moves,
  ofKind,
  renumber,
  reservationsThat,
  type Damage,
} from './damage.ts';

export const DAMAGE_TO_LEDGER: readonly Damage[] = [
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
      const first = entries.findIndex((each) => each.sku === sku);
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
    reservationsThat(({ status }) => status === 'expired'),
    (target, books) => {
      target.refundRequired = true;
      books.entries = books.entries.filter(
        ({ kind, reservationId }) => kind !== 'refund_required' || reservationId !== target.id,
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
    ({ levels }) => levels.filter(({ reserved, allocated }) => reserved + allocated > 0),
    (level, books) => {
      const { sku, onHand } = level;
      append(books, ['set', sku, null, { onHand: -onHand }]);
      level.onHand = 0;
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

/** The entries that set an order limit, of SKUs where only one does: nothing hides what it says. */
function onlyOrderLimits({ entries }: Books): Mutable<LedgerEntry>[] {
  const limits = entries.filter(({ detail }) => detail?.['max_per_order'] !== undefined);
  return limits.filter(
    ({ sku, detail }) =>
      detail?.['max_per_order'] !== null &&
      limits.filter((other) => other.sku === sku).length === 1,
  );
}
