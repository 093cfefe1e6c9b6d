/**
 * An ERP in memory, with a connector to it. It takes everything it is given, also the same sale twice, as real ones
 * do; a test says what goes wrong on the way.
 */
import type { MessageGrouping, Parcel } from '../../src/core/outbox/message.ts';
import {
  ErpFault,
  type ErpCall,
  type ErpConnector,
  type ErpLevelPage,
  type ErpLimits,
  type PushCall,
  type PushOutcome,
  type SettleOutcome,
  type WebhookReading,
  type WebhookRequest,
} from '../../src/engine/erp-port.ts';

/** What becomes of one push; `late`: it is applied only when `arrive` is called. */
export type Mishap =
  | 'none'
  | 'refused'
  | 'busy'
  | 'lost_request'
  | 'lost_answer'
  | 'late'
  | 'thrown_before'
  | 'thrown_after';

export interface FakeErpOptions {
  readonly grouping?: MessageGrouping;
  readonly limits?: Partial<ErpLimits>;
}

const LIMITS: ErpLimits = {
  callsPerSecond: 3,
  callsPerDay: 120_000,
  dayStartsMs: 0,
  callsPerPush: 1,
  skusPerRead: 50,
  messagesPerParcel: 1,
  settleAfterMs: 5_000,
};

export class FakeErp implements ErpConnector {
  readonly name = 'fake';
  readonly grouping: MessageGrouping;
  toldByOthers = false;
  readonly limits: ErpLimits;
  readonly balances = new Map<string, number>();
  /** Names of what was applied, in order; one that stands here twice was applied twice. */
  readonly applied: string[] = [];
  /** Parcels as they were sent, applied or not. */
  readonly sent: string[] = [];
  /** Asked before each push; nothing goes wrong unless a test sets it. */
  mishap: (parcel: Parcel) => Mishap = () => 'none';
  /** Set: every reading fails. */
  down = false;
  readonly #late: (() => void)[] = [];

  constructor({ grouping = 'sale', limits = {} }: FakeErpOptions = {}) {
    this.grouping = grouping;
    const messagesPerParcel = grouping === 'sku' ? 100 : 1;
    this.limits = { ...LIMITS, messagesPerParcel, ...limits };
  }

  /** What was sent and is on its way arrives now. */
  arrive(): void {
    for (const apply of this.#late.splice(0)) apply();
  }

  async check(call: ErpCall): Promise<void> {
    await call.turn();
    this.#assertUp();
  }

  async readPage(cursor: string | null, call: ErpCall): Promise<ErpLevelPage> {
    await call.turn();
    this.#assertUp();
    const skus = [...this.balances.keys()].sort();
    const from = Number(cursor ?? 0);
    const page = skus.slice(from, from + this.limits.skusPerRead);
    const end = from + page.length;
    return { ...this.#read(page), next: end < skus.length ? String(end) : null };
  }

  async readLevels(skus: readonly string[], call: ErpCall): Promise<Omit<ErpLevelPage, 'next'>> {
    await call.turn();
    this.#assertUp();
    return this.#read(skus);
  }

  #read(skus: readonly string[]): Omit<ErpLevelPage, 'next'> {
    const known = skus.filter((sku) => this.balances.has(sku));
    return {
      levels: known.map((sku) => ({ sku, onHand: this.balances.get(sku) ?? 0 })),
      problems: skus
        .filter((sku) => !this.balances.has(sku))
        .map((sku) => ({ sku, reason: 'the ERP has no such product' })),
    };
  }

  #assertUp(): void {
    if (this.down) throw new ErpFault('ERP_UNAVAILABLE', 'the ERP does not answer');
  }

  usedToday(): Promise<null> {
    return Promise.resolve(null);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async push(parcel: Parcel, call: PushCall): Promise<PushOutcome> {
    const mishap = this.mishap(parcel);
    await call.turn();
    if (this.grouping === 'sku') await call.journal(String(this.balances.get(parcel.key) ?? 0));
    this.sent.push(nameOf(parcel));
    switch (mishap) {
      case 'none':
        this.#apply(parcel);
        return { outcome: 'applied', reference: `erp-${this.applied.length}` };
      case 'refused':
        return { outcome: 'rejected', reason: 'no such product', retry: false, waitMs: null };
      case 'busy':
        return { outcome: 'rejected', reason: 'too many requests', retry: true, waitMs: 1_000 };
      case 'lost_request':
        return { outcome: 'unknown', reason: 'connection reset' };
      case 'lost_answer':
        this.#apply(parcel);
        return { outcome: 'unknown', reason: 'timeout' };
      case 'late':
        this.#late.push(() => {
          this.#apply(parcel);
        });
        return { outcome: 'unknown', reason: 'timeout' };
      case 'thrown_before':
        throw new Error('socket hang up');
      case 'thrown_after':
        this.#apply(parcel);
        throw new Error('socket hang up');
    }
  }

  async settle(parcel: Parcel, call: ErpCall): Promise<SettleOutcome> {
    await call.turn();
    if (this.down) return { outcome: 'unknown', reason: 'the ERP does not answer' };
    return this.grouping === 'sale' ? this.#settleSale(parcel) : this.#settleUnits(parcel);
  }

  #settleSale(parcel: Parcel): SettleOutcome {
    const times = this.applied.filter((name) => name === nameOf(parcel)).length;
    if (times > 1) return { outcome: 'undecidable', reason: `applied ${times} times` };
    if (times === 1) return { outcome: 'applied', reference: nameOf(parcel) };
    // Nothing that is still on its way may be taken for lost.
    if (this.#late.length > 0) return { outcome: 'unknown', reason: 'not seen yet' };
    return { outcome: 'not_applied', reason: 'not there' };
  }

  #settleUnits(parcel: Parcel): SettleOutcome {
    const memo = parcel.messages[0]?.memo ?? null;
    if (memo === null) return { outcome: 'not_applied', reason: 'never sent' };
    if (this.#late.length > 0) return { outcome: 'unknown', reason: 'not seen yet' };
    const moved = Number(memo) - (this.balances.get(parcel.key) ?? 0);
    const units = unitsOf(parcel, parcel.key);
    if (moved === units) return { outcome: 'applied', reference: null };
    if (moved === 0) return { outcome: 'not_applied', reason: 'the balance has not moved' };
    return { outcome: 'undecidable', reason: `the balance moved by ${moved}, not ${units}` };
  }

  #apply(parcel: Parcel): void {
    this.applied.push(nameOf(parcel));
    const skus = new Set(parcel.messages.flatMap(({ lines }) => lines.map(({ sku }) => sku)));
    for (const sku of skus) {
      this.balances.set(sku, (this.balances.get(sku) ?? 0) - unitsOf(parcel, sku));
    }
  }

  /** Signed with the word `secret` in a header, of the form `eventId sku sku ...`. */
  readWebhook({ headers, body }: WebhookRequest): WebhookReading {
    if (headers['x-fake-signature'] !== 'secret') {
      return { ok: false, fault: 'forged', reason: 'the signature does not fit' };
    }
    const [eventId, ...hints] = new TextDecoder().decode(body).split(' ');
    if (eventId === undefined || eventId === '') {
      return { ok: false, fault: 'unreadable', reason: 'no event id' };
    }
    return { ok: true, event: { eventId, topic: 'stock', hints } };
  }

  async resolveHint(hint: string, call: ErpCall): Promise<readonly string[]> {
    await call.turn();
    this.#assertUp();
    return this.balances.has(hint) ? [hint] : [];
  }
}

/** What the ERP can tell one parcel from another by. */
function nameOf({ messages }: Parcel): string {
  return messages.map(({ id, reservationId, kind }) => `${kind} ${id} of ${reservationId}`).join();
}

/** Units that leave the ERP's shelf; negative where more come back. */
export function unitsOf({ messages }: Parcel, sku: string): number {
  let units = 0;
  for (const { kind, lines } of messages) {
    for (const line of lines) {
      if (line.sku !== sku) continue;
      if (kind === 'sale') units += line.quantity;
      else if (line.restock) units -= line.quantity;
    }
  }
  return units;
}
