/** What happens in the account, for whoever listens: the webhooks. */
import type { Product } from './products.ts';
import type { Movement, Order, Source } from './records.ts';

export type AccountEvent =
  | { readonly kind: 'stock'; readonly action: 'created' | 'deleted'; readonly movement: Movement }
  | { readonly kind: 'virtual_stock'; readonly productId: number; readonly source: Source }
  | {
      readonly kind: 'order';
      readonly action: 'created' | 'updated' | 'deleted';
      readonly order: Order;
      readonly source: Source;
    }
  | {
      readonly kind: 'product';
      readonly action: 'created' | 'updated' | 'deleted';
      readonly product: Product;
      readonly source: Source;
    };

export type Emit = (event: AccountEvent) => void;
