/** The pieces that request and response schemas are made of. */
import Type, { type TSchema } from 'typebox';
import { PAYMENT_METHODS } from '../../core/rules.ts';
import { MAX_LINES, MAX_QUANTITY, MAX_STOCK } from '../../core/quantities.ts';
import './formats.ts';

/** Longest of customer and order ids, reasons and the like. */
const MAX_TEXT = 255;
/** Lifetimes and policies share the bounds of stock. */
export const EXACT = { additionalProperties: false } as const;

export function nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

export function optional<T extends TSchema>(schema: T) {
  return Type.Optional(nullable(schema));
}

export const Sku = Type.String({
  format: 'sku',
  minLength: 1,
  maxLength: 128,
  description: 'A stock keeping unit, as the ERP names it.',
  examples: ['SKU-001'],
});

export const Quantity = Type.Integer({
  minimum: 1,
  maximum: MAX_QUANTITY,
  description: 'Units.',
  examples: [1],
});

export const Stock = Type.Integer({ minimum: 0, maximum: MAX_STOCK, description: 'Units.' });
export const Limit = Type.Integer({ minimum: 1, maximum: MAX_STOCK });

export const Text = Type.String({ format: 'text', minLength: 1, maxLength: MAX_TEXT });

export const Instant = Type.String({
  format: 'date-time',
  description: 'ISO 8601 with its offset.',
});

export const CustomerId = Type.String({
  format: 'text',
  minLength: 1,
  maxLength: MAX_TEXT,
  description: 'Who is buying: any stable name that is not personal data.',
});

export const OrderId = Type.String({
  format: 'text',
  minLength: 1,
  maxLength: MAX_TEXT,
  description: 'The order in the shop.',
});

export const TtlSeconds = Type.Integer({
  minimum: 1,
  maximum: MAX_STOCK,
  description: 'How long the reservation lives, in seconds.',
});

export const PaymentMethodName = Type.Enum([...PAYMENT_METHODS]);

const Line = Type.Object({ sku: Sku, quantity: Quantity }, EXACT);

export const Lines = Type.Array(Line, {
  minItems: 1,
  maxItems: MAX_LINES,
  description: 'Lines of one SKU are summed.',
});

/** An id in an address or a body: any text, since one that is not an id of ours is simply not found. */
export const AnyId = Type.String({
  minLength: 1,
  maxLength: MAX_TEXT,
  description: 'The reservation’s id.',
});

export const SkuParams = Type.Object({ sku: Sku });
export const ReservationParams = Type.Object({ reservation_id: AnyId });
