/** What we answer. Documentation, and what the tests hold every answer against; fields may be added. */
import Type from 'typebox';
import { ENTRY_KINDS } from '../../core/ledger.ts';
import { PROBLEM_KINDS } from '../../core/audit.ts';
import { RESERVATION_STATUSES } from '../../core/reservation.ts';
import { nullable } from './common.ts';
import './formats.ts';

const Int = (description: string) => Type.Integer({ description });
const Time = (description: string) => Type.String({ format: 'date-time', description });
const Id = Type.String({
  format: 'uuid',
  description: 'Unguessable: whoever has it may act on it.',
});
const Name = (description: string) => Type.String({ description });

const ReservationLine = Type.Object({
  sku: Name('The SKU.'),
  quantity: Int('Units reserved.'),
  confirmed: Int('Units of these that were confirmed.'),
  cancelled: Int('Units of the confirmed that were cancelled.'),
});

const reservation = {
  reservation_id: Id,
  status: Type.Enum([...RESERVATION_STATUSES]),
  lines: Type.Array(ReservationLine),
  customer_id: nullable(Name('Who is buying.')),
  order_id: nullable(Name('The order it is latched to or was confirmed for.')),
  created_at: Time('When it was made.'),
  expires_at: Time('From this moment on it has lapsed, unless it was resolved before.'),
  ended_at: nullable(Time('When it was resolved; null while active.')),
  reacquired: Type.Boolean({
    description: 'It had lapsed, and its confirm found the stock still there.',
  }),
  refund_required: Type.Boolean({
    description: 'A paid confirm came too late and could not be served.',
  }),
};

export const Reservation = Type.Object(reservation);

export const ReservationNow = Type.Object({
  ...reservation,
  expires_in_seconds: Int('What is left of its lifetime; 0 when it is not active.'),
});

export const Reserved = Type.Object({
  ...reservation,
  refused: Type.Array(
    Type.Object({
      sku: Name('The SKU.'),
      requested: Int('Units asked for.'),
      granted: Int('Units reserved.'),
      reason: Name('The code of the problem that stood against the rest.'),
    }),
    { description: 'With `allow_partial`: the lines that were not granted in full.' },
  ),
});

export const ReservedOne = Type.Object({
  reservation_id: Id,
  sku: Name('The SKU.'),
  quantity: Int('Units reserved.'),
  status: Type.Enum([...RESERVATION_STATUSES]),
  created_at: Time('When it was made.'),
  expires_at: Time('From this moment on it has lapsed.'),
});

export const Purchased = Type.Object({
  status: Type.Literal('SUCCESS'),
  message: Name('For people, in their language.'),
  reservation_id: Id,
  reservation: Reservation,
});

const level = {
  sku: Name('The SKU.'),
  quantity: Int('The same as `available`.'),
  available: Int('on_hand − reserved − allocated − safety_stock, never below 0.'),
  on_hand: Int('Units physically there.'),
  reserved: Int('Units of active reservations.'),
  allocated: Int('Units confirmed that the ERP has not deducted yet.'),
  safety_stock: Int('Units never offered.'),
  shortfall: Int('Units promised beyond `on_hand − safety_stock`.'),
  next_expiry_at: nullable(Time('When the next active reservation may lapse.')),
  max_per_order: nullable(Int('Most units in one order.')),
  max_per_customer: nullable(
    Int(
      'Most units one customer may have, reserved and bought; what has been purged is forgotten.',
    ),
  ),
  ttl_seconds: nullable(Int('Default and longest lifetime of a reservation.')),
  opens_at: nullable(Time('Not on sale before.')),
  closes_at: nullable(Time('Not on sale from then on.')),
};

export const Level = Type.Object({ ...level, as_of: Time('The moment of these figures.') });

export const ChangedStock = Type.Object({
  ...level,
  created: Type.Boolean({ description: 'Was the SKU unknown before?' }),
  released: Type.Array(Id, {
    description: 'Reservations released for want of stock, where the rules say so.',
  }),
});

const next = nullable(Name('Address of the next page; null on the last.'));

export const StockPage = Type.Object({ items: Type.Array(Level), next });

const entry = {
  seq: Int('Rises by one with each entry.'),
  at: Time('When it was recorded.'),
  kind: Type.Enum([...ENTRY_KINDS]),
  sku: Name('The SKU.'),
  reservation_id: nullable(Id),
  on_hand: Int('Change of on_hand.'),
  reserved: Int('Change of reserved.'),
  allocated: Int('Change of allocated.'),
  safety_stock: Int('Change of safety_stock.'),
  detail: nullable(
    Type.Object({}, { description: 'What else is to be known of this kind of entry.' }),
  ),
};

export const Event = Type.Object(entry);

export const EventsPage = Type.Object({
  events: Type.Array(Event),
  head_seq: Int('The newest entry’s `seq`.'),
  next,
});

const figures = {
  on_hand: Int('Units physically there.'),
  reserved: Int('Units of active reservations.'),
  allocated: Int('Units confirmed that the ERP has not deducted yet.'),
  safety_stock: Int('Units never offered.'),
  available: Int('What is left, never below 0.'),
};

export const LedgerBeginning = Type.Object({
  first_seq: Int('The first entry that there is, or will be.'),
  head_seq: Int('The newest entry’s `seq`.'),
  trimmed_through: Int('The last entry that was cut off; 0: none.'),
  exported_through: Int('Entries up to this one stand in an export; only these are cut off.'),
  keep: nullable(
    Type.Object({
      days: Int('Entries are kept for so long.'),
      entries: Int('So many of the newest are kept in any case.'),
    }),
  ),
});

export const Trimmed = Type.Object({
  trimmed: Int('Entries that this request cut off.'),
  trimmed_through: Int('The last entry that was cut off; 0: none.'),
  exported_through: Int('Entries up to this one stand in an export.'),
  more: Type.Boolean({ description: 'There may be more to cut off: ask again.' }),
});

export const LedgerPage = Type.Object({
  sku: Name('The SKU.'),
  equation: Type.Object({
    ...figures,
    shortfall: Int('Units promised beyond `on_hand − safety_stock`; 0 where nothing is promised.'),
    text: Name('The same in one line.'),
  }),
  as_of: Time('The moment of the equation.'),
  opening: nullable(
    Type.Object(
      {
        through_seq: Int('The last entry of the ledger that was cut off.'),
        at: Time('Its moment.'),
        entries: Int('How many of them were this SKU’s.'),
        ...figures,
      },
      {
        description:
          'Where the page begins before entries that were cut off: what those of this SKU summed to.',
      },
    ),
  ),
  entries: Type.Array(
    Type.Object(
      { ...entry, running: nullable(Type.Object(figures)) },
      { description: '`running`: the sum of the entries up to this one.' },
    ),
  ),
  next,
});

export const Imported = Type.Object({
  dry_run: Type.Boolean({
    description: 'Nothing was changed; these are the changes it would make.',
  }),
  format: Name('What the file was read as.'),
  rows: Int('Rows read.'),
  created: Int('SKUs that were new.'),
  updated: Int('SKUs that changed.'),
  unchanged: Int('SKUs that stayed as they were.'),
  changes: Type.Array(
    Type.Object({
      sku: Name('The SKU.'),
      effect: Type.Enum(['created', 'updated', 'unchanged']),
      on_hand_before: Int('Units.'),
      on_hand_after: Int('Units.'),
    }),
    { description: 'The first 1,000 of them.' },
  ),
  warning_count: Int('Things in the file worth a look.'),
  warnings: Type.Array(Type.Object({}), { description: 'The first 1,000 of them.' }),
});

export const AuditReport = Type.Object({
  ok: Type.Boolean({ description: 'Do the books agree with the ledger?' }),
  skus: Int('SKUs checked.'),
  reservations: Int('Reservations checked.'),
  entries: Int('Ledger entries checked.'),
  problem_count: Int('All that was found.'),
  problems: Type.Array(
    Type.Object({
      kind: Type.Enum([...PROBLEM_KINDS]),
      message: Name('For people.'),
      sku: nullable(Name('The SKU.')),
      reservation_id: nullable(Name('The reservation.')),
      seq: nullable(Int('The entry.')),
    }),
    { description: 'The first 1,000 of them.' },
  ),
});

export const Health = Type.Object({ status: Type.Literal('ok'), version: Name('Of Holdfast.') });
export const Readiness = Type.Object({
  status: Type.Literal('ready'),
  store: Name('The store in use.'),
});

export const ProblemBody = Type.Object({
  type: Name('Where this kind of problem is explained.'),
  title: Name('The kind, for people.'),
  status: Int('The HTTP status.'),
  code: Name('The kind, for programs: stable.'),
  detail: Name('This occurrence, for people, in their language.'),
  request_id: Name('For the support; also in `X-Request-Id`.'),
});

export const BatchResults = Type.Object({
  results: Type.Array(
    Type.Object({
      status: Int('As if it had been asked alone.'),
      body: Type.Optional(Type.Object({})),
      problem: Type.Optional(ProblemBody),
    }),
    { description: 'One for each command, in their order.' },
  ),
});
