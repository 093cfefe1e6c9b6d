/** What can be asked of one SKU in a history, and what can be answered. */

export type StockInput = { readonly sku: string } & (
  | {
      readonly type: 'reserve';
      readonly quantity: number;
      /** The lifetime that the service should give it, in the clock's units. Then deadlines are checked too. */
      readonly ttl?: number;
    }
  | { readonly type: 'confirm' | 'release'; readonly id: string }
  | { readonly type: 'read' }
  | { readonly type: 'set_on_hand'; readonly onHand: number }
  | { readonly type: 'adjust'; readonly delta: number }
);

export type RefusalReason = 'sold_out' | 'all_reserved' | 'insufficient_stock';

/** Optional figures are checked where they are given. */
export type StockOutput =
  | {
      readonly type: 'granted';
      readonly id: string;
      readonly expiresAt: number;
      readonly quantity?: number;
    }
  | {
      readonly type: 'refused';
      readonly reason: RefusalReason;
      readonly available?: number;
      readonly nextExpiryAt?: number | null;
    }
  /** Confirm, release, set and adjust; the last two may say the level that they left. */
  | ({ readonly type: 'ok' } & Partial<Figures>)
  | { readonly type: 'expired' | 'released' | 'already_confirmed' | 'not_found' | 'out_of_range' }
  | ({ readonly type: 'level' } & Pick<Figures, 'available'> & Partial<Figures>);

export interface Figures {
  readonly onHand: number;
  readonly reserved: number;
  readonly available: number;
}

export function describeOperation(input: StockInput, output: StockOutput | undefined): string {
  return `${fields(input)} -> ${output === undefined ? 'no answer' : fields(output)}`;
}

function fields({ type, ...rest }: StockInput | StockOutput): string {
  const pairs = Object.entries(rest).map(([name, value]) => `${name}=${String(value)}`);
  return [type, ...pairs].join(' ');
}
