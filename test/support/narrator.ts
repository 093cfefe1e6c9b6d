/** Makes commands of a random history while it runs, by what earlier answers have told. */
import type {
  Answer,
  CancelLine,
  Command,
  Idempotency,
  ReserveCommand,
} from '../../src/core/command.ts';
import {
  hasLapsed,
  type Line,
  type Reservation,
  type ReservationStatus,
} from '../../src/core/reservation.ts';
import type { Policy } from '../../src/core/stock-level.ts';
import { setStock, uuid } from './commands.ts';
import type { FakeClock } from './fake-clock.ts';
import {
  CUSTOMERS,
  ORDERS,
  SKUS,
  STRAY_LINE,
  type Ask,
  type Asked,
  type LineAsk,
  type SettingAsk,
  type Step,
} from './histories.ts';

const STRAY_SKU = 'nobody-sells-this';
const NOBODYS_ID = uuid(0xffff_ffff);

export interface Request {
  readonly command: Command;
  readonly idempotency: Idempotency | null;
}

export class Narrator {
  readonly #clock: FakeClock;
  readonly #known = new Map<string, Reservation>();
  #idsMade = 0;
  readonly #used = new Map<number, Request>();
  /** Not settled yet. */
  readonly #parcels = new Set<number>();
  readonly #dead = new Set<number>();
  /** About where the outbox's numbers have come to. */
  #numbers = 0;
  /** Reserves that nobody has purged: what is forgotten cannot be repeated. */
  #reserves: ReserveCommand[] = [];

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** What every history begins with, so that short ones have something to sell. */
  readonly opening: readonly Request[] = [
    setStock(SKUS[0], 8),
    setStock(SKUS[1], 5),
    setStock(SKUS[2], 12, { policy: { maxPerCustomer: 3 } }),
  ].map((command) => ({ command, idempotency: null }));

  /** Where a step of the clock leads; never back. */
  timeOf(step: Extract<Step, { kind: 'wait' | 'deadline' }>): number {
    const now = this.#clock.now();
    if (step.kind === 'wait') return now + step.ms;
    const deadlines = [...this.#known.values()]
      .filter(({ status, expiresAt }) => status === 'active' && expiresAt >= now)
      .map(({ expiresAt }) => expiresAt)
      .sort((a, b) => a - b);
    const deadline = deadlines[step.which % Math.max(1, deadlines.length)];
    return Math.max(now, (deadline ?? now) + step.offsetMs);
  }

  request({ ask, key }: Asked): Request {
    if (key === null) return { command: this.#command(ask), idempotency: null };
    const used = this.#used.get(key.key);
    if (used !== undefined && key.again) return { ...used, command: this.#anew(used.command) };
    const command = this.#command(ask);
    const idempotency = { key: `key-${key.key}`, fingerprint: JSON.stringify(command) };
    const request = { command, idempotency };
    if (used === undefined) this.#used.set(key.key, request);
    return request;
  }

  /** The same request made again: its caller does not know the id that the first one got. */
  #anew(command: Command): Command {
    return command.type === 'reserve' ? { ...command, reservationId: this.#newId() } : command;
  }

  /** Listens to an answer, for the steps to come. */
  heard(answer: Answer): void {
    if (!answer.ok) return;
    if (answer.type === 'claim_messages') {
      for (const { id } of answer.parcels) this.#parcels.add(id);
      this.#numbers = Math.max(this.#numbers, ...this.#parcels);
    }
    if (answer.type === 'settle_parcel') {
      this.#numbers += 1;
      for (const { id, state, parcelId } of answer.messages) {
        if (state === 'dead') this.#dead.add(id);
        if (state !== 'unknown' && parcelId !== null) this.#parcels.delete(parcelId);
      }
    }
    if (answer.type === 'retry_message' || answer.type === 'discard_message') {
      this.#dead.delete(answer.message.id);
    }
    if ('reservation' in answer) this.#known.set(answer.reservation.id, answer.reservation);
    if (answer.type === 'sweep') {
      for (const expired of answer.expired) this.#known.set(expired.id, expired);
    }
  }

  #command(ask: Ask): Command {
    switch (ask.do) {
      case 'reserve': {
        const reservationId = this.#newId();
        const command: ReserveCommand = {
          type: 'reserve',
          reservationId,
          lines: ask.lines.map(({ at, quantity }) => ({ sku: SKUS[at] ?? STRAY_SKU, quantity })),
          customerId: ask.customer === null ? null : (CUSTOMERS[ask.customer] ?? null),
          ttlSeconds: ask.ttl,
          allowPartial: ask.partial,
        };
        this.#reserves.push(command);
        return command;
      }
      case 'reserve_again': {
        const granted = this.#reserves.filter(({ reservationId }) =>
          this.#known.has(reservationId),
        );
        const command = granted.at(-1 - ask.which) ?? granted[0];
        if (command === undefined) return { type: 'sweep', limit: 1 };
        return ask.other ? { ...command, customerId: 'somebody else' } : command;
      }
      case 'confirm': {
        const reservationId = this.#id(ask.which, 'active');
        return {
          type: 'confirm',
          reservationId,
          orderId: orderOf(ask.order),
          lines: ask.lines && this.#lines(reservationId, ask.lines),
          onExpired: ask.reacquire ? 'reacquire' : 'reject',
        };
      }
      case 'release':
      case 'acknowledge':
        return {
          type: ask.do,
          reservationId: this.#id(ask.which, ask.do === 'release' ? 'active' : 'confirmed'),
        };
      case 'extend':
        return {
          type: 'extend',
          reservationId: this.#id(ask.which, 'active'),
          ttlSeconds: ask.ttl,
          orderId: orderOf(ask.order),
          paymentMethod: ask.method,
        };
      case 'cancel': {
        const reservationId = this.#id(ask.which, 'acknowledged');
        return {
          type: 'cancel',
          reservationId,
          lines: ask.lines && this.#lines(reservationId, ask.lines),
          restock: ask.restock,
          cancellationId: ask.as === null ? null : `cancellation-${ask.as}`,
        };
      }
      case 'set':
        return { type: 'set_stock', ...settingOf(ask) };
      case 'adjust': {
        const sku = SKUS[ask.sku] ?? STRAY_SKU;
        return { type: 'adjust_stock', sku, delta: ask.delta, reason: 'counted' };
      }
      case 'import':
        return { type: 'import_stock', rows: ask.rows.map(settingOf), dryRun: ask.dryRun };
      case 'claim':
        return { type: 'claim_messages', limit: ask.limit, messagesPerParcel: ask.merged };
      case 'note':
        return { type: 'note_parcel', parcelId: this.#parcel(ask.parcel), memo: 'had 5' };
      case 'settle':
        return {
          type: 'settle_parcel',
          parcelId: this.#parcel(ask.parcel),
          outcome: ask.outcome,
          reference: ask.outcome === 'applied' ? 'erp-1' : null,
          reason: ask.outcome === 'applied' ? null : 'because',
          nextAttemptAt: this.#clock.now() + ask.waitMs,
        };
      case 'recover':
        return { type: 'recover_messages', nextAttemptAt: this.#clock.now() };
      case 'retry':
        return { type: 'retry_message', messageId: this.#message(ask.message), reason: 'seen to' };
      case 'discard': {
        const messageId = this.#message(ask.message);
        return { type: 'discard_message', messageId, reason: 'seen to', units: ask.units };
      }
      case 'reconcile':
        return {
          type: 'reconcile',
          sku: SKUS[ask.sku] ?? STRAY_SKU,
          erpOnHand: ask.erpOnHand,
          fence: this.#numbers - ask.behind,
          fix: ask.fix,
          cause: 'schedule',
        };
      case 'sweep':
        return { type: 'sweep', limit: ask.limit };
      case 'purge':
        this.#reserves = [];
        return { type: 'purge', endedBefore: this.#clock.now() - ask.ageMs, limit: ask.limit };
      case 'trim':
        return {
          type: 'trim_ledger',
          exportedThrough: ask.exported,
          before: ask.ageMs === null ? null : this.#clock.now() - ask.ageMs,
          keepEntries: ask.keep,
          limit: ask.limit,
        };
    }
  }

  /** Ids in no order, so that nothing can rely on their order being that of time. */
  #newId(): string {
    this.#idsMade += 1;
    return uuid((this.#idsMade * 40_503) % 65_536);
  }

  /** The lower, the newer. An even number picks among those for which the verb makes sense, if there are any. */
  #id(ago: number, sensible: ReservationStatus): string {
    if (ago < 0) return NOBODYS_ID;
    const all = [...this.#known.values()];
    const now = this.#clock.now();
    const fits = (each: Reservation): boolean => each.status === sensible && !hasLapsed(each, now);
    const fitting = ago % 2 === 0 ? all.filter(fits) : [];
    const among = fitting.length > 0 ? fitting : all;
    return among.at(-1 - (ago % among.length))?.id ?? NOBODYS_ID;
  }

  #parcel(ago: number): number {
    return newest(this.#parcels, ago) ?? 1_000_000;
  }

  #message(ago: number): number {
    return newest(this.#dead, ago) ?? (ago === 2 ? 1 : 1_000_000);
  }

  #lines(reservationId: string, asks: readonly LineAsk[]): CancelLine[] {
    const lines: readonly Line[] = this.#known.get(reservationId)?.lines ?? [];
    return asks.map(({ at, quantity, restock }) => ({
      sku: (at === STRAY_LINE ? undefined : lines[at % lines.length])?.sku ?? STRAY_SKU,
      quantity,
      restock,
    }));
  }
}

function orderOf(index: number | null): string | null {
  return index === null ? null : (ORDERS[index] ?? null);
}

function settingOf({ sku, onHand, safety, policy }: SettingAsk): {
  sku: string;
  onHand?: number;
  safetyStock?: number;
  policy?: Partial<Policy>;
} {
  return {
    sku: SKUS[sku] ?? STRAY_SKU,
    ...(onHand === null ? {} : { onHand }),
    ...(safety === null ? {} : { safetyStock: safety }),
    ...(Object.keys(policy).length === 0 ? {} : { policy: policy as Partial<Policy> }),
  };
}

/** The lower, the newer; undefined where there is none, or below 0. */
function newest(known: ReadonlySet<number>, ago: number): number | undefined {
  return ago < 0 ? undefined : [...known].at(-1 - (ago % Math.max(1, known.size)));
}
