/** What the connector has to be told about an account of Bling. */

export const ORDER_MODES = ['observe', 'order', 'movement'] as const;
/**
 * - `observe`: another integration makes the orders in Bling; we only wait until we see them.
 * - `order`: we make one order per sale.
 * - `movement`: we take units out of stock, those of several sales together.
 */
export type OrderMode = (typeof ORDER_MODES)[number];

export interface BlingSettings {
  /** Without a slash at the end. */
  readonly apiUrl: string;
  readonly oauthUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** 32 bytes in hexadecimal or base64: seals the tokens on disk. */
  readonly secretKey: string;
  readonly depositId: number;
  readonly orderMode: OrderMode;
  /** `virtual`: what is there less what orders reserve; `fisico`: what is there. */
  readonly balance: 'virtual' | 'fisico';
  /** Situations of an order in which the chosen balance is already lower by its units; new orders get the first. */
  readonly situations: readonly number[];
  readonly cancelledSituation: number;
  /** Only orders of this shop of Bling's are looked at, and new ones belong to it; null: of any. */
  readonly storeId: number | null;
  /** Whom new orders are for; null: Bling's own "consumidor final". */
  readonly contactId: number | null;
  /** Null: the account's standard one. */
  readonly paymentMethodId: number | null;
  /** Does nobody else ever move the stock of our products in our deposit? */
  readonly soleWriter: boolean;
  /** How long something sent, whose answer was lost, is looked for before it counts as never arrived. */
  readonly patienceMs: number;
  readonly callsPerSecond: number;
  readonly callsPerDay: number;
  /** Of one call, from sending to the last byte of its answer. */
  readonly timeoutMs: number;
  /** Where tokens and the day's count of calls are kept. */
  readonly dataDir: string;
}

/** The connector's clock and its way to wait; tests put their own in place. */
export interface Time {
  /** Epoch milliseconds. */
  now(): number;
  /** Rejects when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}
