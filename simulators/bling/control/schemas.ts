/** What the control API takes, in camelCase; on the wire the same names are snake_case. */
import Type, { type Static } from 'typebox';
import { SwitchesSchema, WEBHOOK_RESOURCES } from '../switches.ts';

const Sku = Type.String({ minLength: 1, maxLength: 120 });
const Quantity = Type.Number({ minimum: -1e9, maximum: 1e9 });
const strict = { additionalProperties: false };

const Variation = Type.Object(
  {
    sku: Type.String({ maxLength: 120 }),
    variation: Type.String({ description: 'as Tamanho:G;Cor:Verde' }),
    stock: Type.Optional(Quantity),
  },
  strict,
);

export const ProductSeedSchema = Type.Object(
  {
    sku: Type.String({ maxLength: 120, description: 'may be empty, as it may be in Bling' }),
    name: Type.Optional(Type.String()),
    price: Type.Optional(Type.Number()),
    stock: Type.Optional(Quantity),
    depositId: Type.Optional(Type.Integer()),
    situation: Type.Optional(Type.Enum(['A', 'I', 'E'])),
    ageDays: Type.Optional(Type.Integer({ minimum: 0 })),
    variations: Type.Optional(Type.Array(Variation, { minItems: 1 })),
    components: Type.Optional(
      Type.Array(Type.Object({ sku: Sku, quantity: Quantity }, strict), { minItems: 1 }),
    ),
    kitStock: Type.Optional(Type.Enum(['F', 'V'], { description: 'F its own, V of its parts' })),
    kitLaunches: Type.Optional(Type.Enum(['A', 'M', 'P'])),
  },
  strict,
);
export type ProductSeed = Static<typeof ProductSeedSchema>;

export const SeedSchema = Type.Object(
  {
    count: Type.Optional(Type.Integer({ minimum: 1, maximum: 200_000 })),
    stock: Type.Optional(Type.Number({ description: 'units of each of the `count`' })),
    skuPrefix: Type.Optional(Type.String({ description: 'SKU- gives SKU-0001 and so on' })),
    products: Type.Optional(Type.Array(ProductSeedSchema)),
  },
  strict,
);
export type Seed = Static<typeof SeedSchema>;

export const ProductChangeSchema = Type.Object(
  {
    sku: Sku,
    newSku: Type.Optional(Type.String({ maxLength: 120 })),
    name: Type.Optional(Type.String()),
    price: Type.Optional(Type.Number()),
    situation: Type.Optional(Type.Enum(['A', 'I', 'E'])),
  },
  strict,
);
export type ProductChange = Static<typeof ProductChangeSchema>;

export const DepositSchema = Type.Object(
  {
    name: Type.String(),
    active: Type.Optional(Type.Boolean()),
    ignored: Type.Optional(Type.Boolean({ description: 'does not count in totals' })),
  },
  strict,
);
export type DepositSeed = Static<typeof DepositSchema>;

export const OutsideMovementSchema = Type.Object(
  {
    sku: Sku,
    quantity: Quantity,
    operation: Type.Optional(Type.Enum(['B', 'E', 'S'], { default: 'S' })),
    depositId: Type.Optional(Type.Integer()),
    source: Type.Optional(Type.Enum(['nfe', 'screen'], { default: 'nfe' })),
  },
  strict,
);
export type OutsideMovement = Static<typeof OutsideMovementSchema>;

export const OutsideSaleSchema = Type.Object(
  {
    sku: Sku,
    quantity: Type.Number({ exclusiveMinimum: 0 }),
    launch: Type.Optional(
      Type.Boolean({ description: 'its stock leaves at once; else it only reserves' }),
    ),
    shopNumber: Type.Optional(Type.String()),
  },
  strict,
);
export type OutsideSale = Static<typeof OutsideSaleSchema>;

export const ClockSchema = Type.Object(
  {
    advanceMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 366 * 86_400_000 })),
    speed: Type.Optional(
      Type.Number({ minimum: 0, maximum: 100_000, description: '0 freezes, 1 is real time' }),
    ),
  },
  strict,
);

export const SpendSchema = Type.Object({ calls: Type.Integer({ minimum: 0 }) }, strict);

export const WebhookToFireSchema = Type.Object(
  {
    event: Type.String({
      pattern: '^(order|product|stock|virtual_stock)[.](created|updated|deleted)$',
    }),
    data: Type.Optional(Type.Unknown()),
    eventId: Type.Optional(Type.String({ description: 'the same one twice: a duplicate' })),
  },
  strict,
);
export type WebhookToFire = Static<typeof WebhookToFireSchema>;

export const EnableSchema = Type.Object({ resource: Type.Enum([...WEBHOOK_RESOURCES]) }, strict);

export const SwitchChangeSchema = Type.Partial(SwitchesSchema, strict);
