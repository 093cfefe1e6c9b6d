/** What an account keeps: deposits, movements, orders. */

/** Who did it: our API calls, or somebody else. */
export type Source = 'api' | 'shop' | 'nfe' | 'screen' | 'seed';

/** B sets, E adds, S subtracts. */
export type Operation = 'B' | 'E' | 'S';

export interface Deposit {
  readonly id: number;
  readonly name: string;
  readonly active: boolean;
  readonly standard: boolean;
  /** Its stock does not count in totals. */
  readonly ignored: boolean;
}

export interface Movement {
  readonly id: number;
  readonly at: number;
  readonly productId: number;
  readonly depositId: number;
  readonly operation: Operation;
  readonly quantity: number;
  readonly before: number;
  readonly after: number;
  readonly source: Source;
  readonly orderId: number | null;
  readonly notes: string;
}

export interface OrderItem {
  /** null: a free line, which neither reserves nor moves anything. */
  readonly productId: number | null;
  readonly quantity: number;
  readonly price: number;
}

export interface Order {
  readonly id: number;
  readonly number: number;
  /** `numeroLoja`: nothing keeps two orders from having the same one. */
  shopNumber: string;
  shopId: number;
  contactId: number;
  /** YYYY-MM-DD */
  date: string;
  total: number;
  items: readonly OrderItem[];
  /** As it was sent: the fields that only the detail shows. */
  sent: Readonly<Record<string, unknown>>;
  readonly source: Source;
  readonly createdAt: number;
  changedAt: number;
  situationId: number;
  /** Its NF-e; 0: none yet. */
  invoiceId: number;
  /** The deposit from which its stock left; null while it has not. */
  launchedFrom: number | null;
  launchedAt: number;
  /** How often somebody asked for its stock to leave. */
  launchCalls: number;
  /** What it reserves now, and where. */
  reserved: readonly { productId: number; depositId: number; quantity: number }[];
}
