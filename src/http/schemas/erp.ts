/** The ERP's side: what it is still to be told, how it is, and long work with it. */
import Type from 'typebox';
import { MESSAGE_STATES } from '../../core/outbox/message.ts';
import { EXACT, nullable, Sku, Text } from './common.ts';

const Int = (description: string) => Type.Integer({ description });
const Time = (description: string) => Type.String({ format: 'date-time', description });
const Name = (description: string) => Type.String({ description });
const Flag = (description: string) => Type.Boolean({ description });

const MOST_SKUS = 1_000;
const PAGE = Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 }));
const After = Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }));

export const MessageParams = Type.Object({
  message_id: Type.String({
    pattern: String.raw`^\d{1,15}$`,
    description: 'The number of a message, as `GET /outbox` tells it.',
  }),
});

export const OutboxQuery = Type.Object(
  {
    state: Type.Optional(
      Type.Enum([...MESSAGE_STATES], { description: 'Left out: all that are not delivered.' }),
    ),
    sku: Type.Optional(Sku),
    after: After,
    limit: PAGE,
  },
  EXACT,
);

export const RetryBody = Type.Object({ reason: Text }, EXACT);

export const DiscardBody = Type.Object(
  {
    reason: Text,
    units: Type.Optional(
      Type.Enum(['deduct', 'restock'], {
        description:
          'Of a sale, and required there. `deduct`: it stands, and its units leave the shelf. `restock`: it is cancelled, and they are on sale again.',
      }),
    ),
  },
  EXACT,
);

export const PullBody = Type.Object(
  {
    restart: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Begin with the ERP’s first page, also where an earlier pull was interrupted.',
      }),
    ),
  },
  EXACT,
);

export const ReconcileBody = Type.Object(
  {
    fix: Type.Optional(
      Type.Boolean({ default: false, description: 'Correct our books where they differ.' }),
    ),
    skus: Type.Optional(
      Type.Array(Sku, {
        minItems: 1,
        maxItems: MOST_SKUS,
        description: 'Only these. Left out: every SKU of our books.',
      }),
    ),
  },
  EXACT,
);

export const FindingsQuery = Type.Object({ after: After, limit: PAGE }, EXACT);

const message = {
  message_id: Int('Rises with each message.'),
  kind: Type.Enum(['sale', 'cancellation']),
  state: Type.Enum([...MESSAGE_STATES]),
  key: Name('Messages of one key are delivered one after the other.'),
  reservation_id: Name('Whose sale it is.'),
  order_id: nullable(Name('The order in the shop, where it is known.')),
  lines: Type.Array(
    Type.Object({
      sku: Name('The SKU.'),
      quantity: Int('Units.'),
      restock: Flag('Of a cancellation: do the units go back on the ERP’s shelf?'),
    }),
  ),
  created_at: Time('When it was confirmed or cancelled.'),
  attempts: Int('How often it was sent.'),
  next_attempt_at: nullable(
    Time('When it may be sent (pending) or looked for (unknown) next; null in other states.'),
  ),
  may_have_arrived: Flag('Was it sent without an answer that says what became of it?'),
  reference: nullable(Name('The ERP’s own name for what came of it.')),
  last_error: nullable(Name('What went wrong last, for people.')),
};

export const Message = Type.Object(message);

const counts = {
  pending: Int('Waiting to be sent.'),
  in_flight: Int('Being sent.'),
  unknown: Int('Sent without an answer; looked for before anything else of its key is sent.'),
  dead: Int('Given up on: a person must retry or discard each.'),
};

export const OutboxPage = Type.Object({
  items: Type.Array(Message),
  counts: Type.Object(counts),
  next: nullable(Name('Address of the next page; null on the last. A page may be empty.')),
});

const jobCounts = {
  pages: Int('Pages of the ERP’s SKUs that were read.'),
  compared: Int('SKUs compared.'),
  imported: Int('SKUs that are new here.'),
  corrected: Int('Known SKUs whose level was set to the ERP’s.'),
};

const job = {
  job: Type.Enum(['pull', 'reconcile']),
  state: Type.Enum(['running', 'done', 'failed', 'stopped']),
  fix: Flag('Are our books corrected?'),
  cause: Name('Why it runs: `schedule`, `operator` or `pull`.'),
  started_at: Time('When it began.'),
  ended_at: nullable(Time('When it ended; null while it runs.')),
  ...jobCounts,
  total: nullable(Int('SKUs there are to compare; null where that is not known.')),
  resumed: Flag(
    'Did it go on where an interrupted one had ended? Its counts go on as well, its findings are of the rest.',
  ),
  problem: nullable(Name('Why it failed, for people.')),
  drifts: Int('SKUs that did not agree, new ones left out.'),
  held: Int(
    'Of these, those where the ERP has more and raises are held back: see `raises` of `GET /erp`.',
  ),
  moving: Int('SKUs whose sales were on their way at each reading: left for the next time.'),
  problems: Int('SKUs that cannot be sold as the ERP has them.'),
};

export const Job = Type.Object(job);

const Finding = Type.Object({
  finding: Type.Enum(['drift', 'moving', 'problem']),
  sku: Name('The SKU.'),
  reason: Name('For people.'),
  cause: nullable(Name('Of a drift: its likeliest cause.')),
  erp_on_hand: nullable(Int('What the ERP said.')),
  on_hand: nullable(Int('What our books said.')),
  expected: nullable(Int('What they would say if they agreed.')),
  units: nullable(Int('`expected − on_hand`.')),
  reserved: nullable(Int('Units of active reservations, which no balance touches.')),
  allocated: nullable(Int('Units sold and still on our shelf.')),
  owed: nullable(Int('Units that the ERP is still to hear of.')),
  corrected: nullable(Flag('Do the books agree now?')),
  held: nullable(Flag('Was it left as it is because raises are held back?')),
});

export const JobReport = Type.Object({
  ...job,
  findings: Type.Array(Finding, { description: 'Once it is done.' }),
  next: nullable(Name('Address of the next page of findings; null on the last.')),
});

export const Raises = Type.Object(
  {
    state: Type.Enum(['allowed', 'held'], {
      description:
        'Held: sales were made without an ERP, so its balances are not taken over where they are higher than our books, until `POST /erp/accept`.',
    }),
    held_since: nullable(Time('Null where they are allowed.')),
  },
  { examples: [{ state: 'allowed', held_since: null }] },
);

export const ErpStatus = Type.Object({
  erp: Name('`none`, or the connector in use.'),
  connection: nullable(
    Type.Object({
      state: Type.Enum(['unchecked', 'working', 'failing']),
      checked_at: nullable(Time('When the ERP was last asked whether all is well.')),
      problem: nullable(Name('What to do about it, for people.')),
    }),
  ),
  lease: nullable(
    Type.Object({
      ours: Flag('Does this instance do the work with the ERP? Of several one does.'),
      holder: nullable(Name('The instance that does; null: none at the moment.')),
    }),
  ),
  outbox: nullable(
    Type.Object({
      ...counts,
      oldest_at: nullable(Time('When the oldest message that is not delivered came to be.')),
      oldest_seconds: nullable(Int('Its age.')),
      drained_at: nullable(
        Time('When all will have been delivered, if nothing goes wrong and nothing is added.'),
      ),
      drain_seconds: nullable(Int('Until then.')),
    }),
  ),
  relay: nullable(
    Type.Object({
      breaker: Type.Enum(['closed', 'open', 'half_open'], {
        description: 'Open: the ERP did not answer several times in a row, and is left alone.',
      }),
      paused_until: nullable(Time('Nothing is sent before.')),
      last_error: nullable(Name('What a delivery met last since the start, for people.')),
    }),
  ),
  calls: nullable(
    Type.Object({
      per_second: Int('Calls that the ERP allows.'),
      per_day: nullable(Int('Null: no daily limit.')),
      today: Int('Calls made today.'),
      left_today: nullable(Int('Null: no daily limit.')),
    }),
  ),
  reconciliation: nullable(Job),
  next_reconciliation_at: nullable(Time('On the schedule; null where there is none.')),
  job: nullable(Job),
  webhooks: nullable(
    Type.Object({
      pending: Int('Taken in and not followed yet.'),
      oldest_at: nullable(Time('When the first of these came.')),
      last_received_at: nullable(Time('When the newest of all came; null: none ever.')),
      silent: Flag('Has none come for longer than is usual?'),
    }),
  ),
  raises: nullable(Raises),
});
