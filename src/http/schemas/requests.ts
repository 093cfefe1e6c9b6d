/** What callers send. Unknown fields are refused: a misspelt one would otherwise be silently ignored. */
import Type from 'typebox';
import { MAX_LINES, MAX_STOCK } from '../../core/quantities.ts';
import {
  AnyId,
  CustomerId,
  EXACT,
  Instant,
  Limit,
  Lines,
  OrderId,
  PaymentMethodName,
  Quantity,
  Sku,
  Stock,
  Text,
  TtlSeconds,
  optional,
} from './common.ts';

const reserveOptions = {
  customer_id: optional(CustomerId),
  ttl_seconds: optional(TtlSeconds),
};

/** `POST /stock/{sku}/reserve`. */
export const ReserveOneBody = Type.Object(
  { quantity: Type.Optional(Quantity), ...reserveOptions },
  EXACT,
);

const reserveFields = {
  lines: Lines,
  ...reserveOptions,
  allow_partial: Type.Optional(
    Type.Boolean({
      description: 'Take what there is and say what was refused. Default: all or nothing.',
    }),
  ),
};

export const ReserveBody = Type.Object(reserveFields, EXACT);

const confirmFields = {
  order_id: optional(OrderId),
  on_expired: Type.Optional(
    Type.Enum(['reject', 'reacquire'], {
      description:
        '`reacquire`: a lapsed reservation is confirmed if the stock is still there. Default: `reject`.',
    }),
  ),
  lines: optional(Lines),
};

export const ConfirmBody = Type.Object(confirmFields, EXACT);

/** `POST /stock/confirm`. */
export const ConfirmByIdBody = Type.Object({ reservation_id: AnyId, ...confirmFields }, EXACT);

export const NoBody = Type.Object({}, EXACT);

const extendFields = {
  ttl_seconds: optional(TtlSeconds),
  order_id: optional(OrderId),
  payment_method: optional(PaymentMethodName),
};

export const ExtendBody = Type.Object(extendFields, EXACT);

const Restock = Type.Boolean({
  description:
    'Do the units go back on sale? Default: true; false where another integration tells the ERP (Bling in mode `observe`), whose balance brings them back.',
});

const cancelFields = {
  lines: optional(
    Type.Array(
      Type.Object({ sku: Sku, quantity: Quantity, restock: Type.Optional(Restock) }, EXACT),
      { minItems: 1, maxItems: MAX_LINES },
    ),
  ),
  restock: Type.Optional(Restock),
  cancellation_id: optional(Text),
};

export const CancelBody = Type.Object(cancelFields, EXACT);

const IdempotencyKey = Type.Optional(
  Type.String({ format: 'idempotency-key', minLength: 1, maxLength: 255 }),
);

function command<T extends string, F extends Record<string, Type.TSchema>>(type: T, fields: F) {
  return Type.Object(
    { type: Type.Literal(type), ...fields, idempotency_key: IdempotencyKey },
    EXACT,
  );
}

export const BATCH_COMMANDS = {
  reserve: command('reserve', reserveFields),
  confirm: command('confirm', { reservation_id: AnyId, ...confirmFields }),
  release: command('release', { reservation_id: AnyId }),
  extend: command('extend', { reservation_id: AnyId, ...extendFields }),
  cancel: command('cancel', { reservation_id: AnyId, ...cancelFields }),
} as const;
export type BatchCommandType = keyof typeof BATCH_COMMANDS;

const policyFields = {
  max_per_order: optional(Limit),
  max_per_customer: optional(Limit),
  ttl_seconds: optional(TtlSeconds),
  opens_at: optional(Instant),
  closes_at: optional(Instant),
};

export const SetStockBody = Type.Object(
  { on_hand: Type.Optional(Stock), safety_stock: Type.Optional(Stock), ...policyFields },
  { ...EXACT, minProperties: 1 },
);

export const AdjustStockBody = Type.Object(
  {
    delta: Type.Integer({ minimum: -MAX_STOCK, maximum: MAX_STOCK, description: 'Units to add.' }),
    reason: Text,
  },
  EXACT,
);

const PageLimit = (most: number, usual: number) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: most, default: usual }));

export const StockQuery = Type.Object(
  {
    after: Type.Optional(Sku),
    prefix: Type.Optional(Type.String({ format: 'text', minLength: 1, maxLength: 128 })),
    limit: PageLimit(1_000, 100),
  },
  EXACT,
);

const Seq = Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }));

export const LedgerQuery = Type.Object(
  {
    after: Seq,
    limit: PageLimit(1_000, 100),
    carry: Type.Optional(
      Type.String({
        format: 'text',
        minLength: 1,
        maxLength: 80,
        description: 'Of a `next` link: the running balances at `after`.',
      }),
    ),
  },
  EXACT,
);

export const EventsQuery = Type.Object({ after: Seq, limit: PageLimit(1_000, 100) }, EXACT);

export const TrimBody = Type.Object(
  {
    exported_through: Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Entries up to this `seq` stand in an export that you keep.',
    }),
  },
  EXACT,
);

export const ImportQuery = Type.Object(
  {
    dry_run: Type.Optional(Type.Boolean({ default: false })),
    sku_from: Type.Optional(
      Type.Enum(['sku', 'handle'], {
        description: 'Shopify files: what to call a variant without a SKU.',
      }),
    ),
  },
  EXACT,
);

export const Batch = (maxCommands: number) =>
  Type.Object(
    { commands: Type.Array(Type.Unknown(), { minItems: 1, maxItems: maxCommands }) },
    EXACT,
  );
