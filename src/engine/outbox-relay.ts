/**
 * Delivers the outbox to the ERP, some parcels at a time. Wherever there is room for one more:
 *
 * 1. What is unknown and due is looked for, by reading only: applied, certainly not applied (pending again), cannot be
 *    told yet (later again), or never will be (dead letter). A reading that fails tells nothing and counts for nothing.
 *    Nothing that is unknown is ever sent.
 * 2. What is pending and due is claimed, one per key, so that at most `parcelsAtOnce` are under way. Each parcel is sent once: applied
 *    (delivered, its sale acknowledged), rejected for now (pending, after a pause), rejected for good (dead letter),
 *    anything else, an exception included: unknown.
 *
 * A start finds in flight only what an earlier process sent: all of it is unknown. So is what is in flight after a claim
 * that failed, as the store may have carried it out. What becomes of a parcel is told to the store until the store has
 * taken it, so nothing stays in flight but through the end of the process.
 *
 * The calls of a parcel wait for their turns (`Pace`); a circuit breaker keeps away from an ERP that does not answer.
 */
import { Pace, drainedAt, endOfDay, type CallKind, type PaceLimits } from '../core/pace.ts';
import type { SettleParcelCommand } from '../core/command.ts';
import { groupingOf, type Parcel } from '../core/outbox/message.ts';
import { backoffMs } from '../core/retry-policy.ts';
import { CircuitBreaker, type BreakerState } from './circuit-breaker.ts';
import {
  ErpFault,
  type ErpCall,
  type ErpConnector,
  type PushOutcome,
  type SettleOutcome,
} from './erp-port.ts';
import { Fault, type FaultCode } from './faults.ts';
import type { OutboxStats, OutboxStore } from './ports.ts';
import { DEFAULT_RELAY_SETTINGS, type RelaySettings } from './relay-settings.ts';

const RETRY = { baseMs: 2_000, maxMs: 600_000 } as const;
const STORE_RETRY_MS = 250;
/** A store that is away may be back in a moment; where it is not, this relay is stopped. */
const PASSING = new Set<FaultCode>(['STORE_OVERLOADED', 'STORE_TIMEOUT', 'STORE_UNAVAILABLE']);
/** Unknown messages looked through in one round. */
const UNKNOWN_PAGE = 1_000;

export interface RelayParts {
  readonly store: OutboxStore;
  readonly erp: ErpConnector;
  readonly settings?: RelaySettings;
  /** Resolves after `ms`, or at once when the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Told of each parcel that was sent or looked for, once the store has it; must not throw. */
  readonly onOutcome?: (
    parcel: Parcel,
    outcome: SettleParcelCommand['outcome'],
    reason: string | null,
  ) => void;
  /** Throws where this process may not act any more; asked before each request to the ERP, which no fence protects. */
  readonly assertHeld?: () => void;
  /** Told of a failure of the store, and not of those that follow it; it is tried again. */
  readonly onError?: (error: unknown) => void;
}

export interface RelayStatus extends OutboxStats {
  /** When the backlog will have been delivered, if nothing goes wrong; null where there is none. */
  readonly drainedAt: number | null;
  readonly breaker: BreakerState;
  /** Until then it keeps away from the ERP; null where it does not. */
  readonly pausedUntil: number | null;
  /** Calls of the day that is running: the ERP's count where it keeps one, else this process's. */
  readonly callsToday: number;
  readonly lastError: string | null;
}

export class OutboxRelay {
  readonly #parts: RelayParts;
  readonly #settings: RelaySettings;
  readonly #limits: PaceLimits;
  readonly #pace: Pace;
  readonly #breaker = new CircuitBreaker();
  readonly #stopping = new AbortController();
  #pausedUntil = 0;
  /** By parcel: what is being sent or looked for. */
  readonly #underWay = new Map<number, Promise<void>>();
  /** Of what was under way and is no more. */
  #failure: unknown = null;
  /** When parcels whose reading failed are read again. */
  readonly #readAgainAt = new Map<number, number>();
  #recovered = false;
  #lastError: string | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: RelayParts) {
    this.#parts = parts;
    this.#settings = parts.settings ?? DEFAULT_RELAY_SETTINGS;
    const { callsPerSecond, callsPerDay, dayStartsMs } = parts.erp.limits;
    const { readShare } = this.#settings;
    this.#limits = { callsPerSecond, callsPerDay, dayStartsMs, readShare };
    this.#pace = new Pace(this.#limits);
  }

  /** Until `stop`; looks for something to do every `idleMs` while there is nothing. */
  start(idleMs: number): void {
    this.#running = this.#run(idleMs);
  }

  /** What is on its way is given up on and becomes unknown, unless it ends by itself first. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(idleMs: number): Promise<void> {
    const { signal } = this.#stopping;
    let failing = false;
    while (!signal.aborted) {
      let busy = false;
      try {
        busy = await this.#begin();
        this.#throwFailure();
        failing = false;
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        if (!failing) this.#parts.onError?.(error);
        failing = true;
      }
      const { size } = this.#underWay;
      if (size >= this.#settings.parcelsAtOnce) await Promise.race(this.#underWay.values());
      else if (!busy) await this.#rest(idleMs);
    }
    await Promise.all(this.#underWay.values());
  }

  /** Until something is over that was under way, and so long at most. */
  async #rest(idleMs: number): Promise<void> {
    const { signal } = this.#stopping;
    await Promise.race([this.#parts.sleep(idleMs, signal), ...this.#underWay.values()]);
  }

  async status(): Promise<RelayStatus> {
    const stats = await this.#parts.store.outboxStats();
    const { messagesPerParcel, callsPerPush } = this.#parts.erp.limits;
    // Of what is under way half is done, on average.
    const parcels =
      Math.max(stats.keys, Math.ceil(stats.pending / messagesPerParcel)) +
      Math.min(stats.inFlight, this.#underWay.size) / 2 +
      stats.unknown;
    const isDrained = stats.pending + stats.inFlight + stats.unknown === 0;
    const now = this.#now();
    const pausedUntil = Math.max(this.#breaker.openUntil, this.#pausedUntil);
    const callsToday = (await this.#parts.erp.usedToday()) ?? this.#pace.callsToday(now);
    const pushes = parcels * callsPerPush;
    const goesOnAt = Math.max(now, pausedUntil);
    // Of a later day nothing is used up yet.
    const usedUp = goesOnAt < endOfDay(now, this.#limits) ? callsToday : 0;
    const beside = { callsToday: usedUp, readsPerPush: this.#pace.readsPerPush };
    return {
      ...stats,
      drainedAt: isDrained ? null : drainedAt(pushes, goesOnAt, beside, this.#limits),
      breaker: this.#breaker.state(now),
      pausedUntil: pausedUntil > now ? pausedUntil : null,
      callsToday,
      lastError: this.#lastError,
    };
  }

  /** What every call of the connector is given, also by others who read: all of them share one pace. */
  call(kind: CallKind): ErpCall {
    const timeout = AbortSignal.timeout(this.#settings.timeoutMs);
    const signal = AbortSignal.any([this.#stopping.signal, timeout]);
    const turn = async (): Promise<void> => {
      const now = this.#now();
      const at = this.#pace.take(kind, now);
      if (at === null) throw spent(kind, endOfDay(now, this.#limits) - now);
      if (at > now) await this.#parts.sleep(at - now, signal);
      if (signal.aborted) {
        throw new ErpFault('ERP_UNAVAILABLE', 'stopped while waiting for a free call to the ERP');
      }
      this.#parts.assertHeld?.();
    };
    return { signal, turn };
  }

  #now(): number {
    return this.#parts.store.clock.now();
  }

  /** Does what is to be done at this moment, to the end; says whether there was anything. */
  async round(): Promise<boolean> {
    const busy = await this.#begin();
    await Promise.all(this.#underWay.values());
    this.#throwFailure();
    return busy;
  }

  /** Begins what there is room for; says whether there was anything. */
  async #begin(): Promise<boolean> {
    if (!(await this.#recover())) return false;
    const now = this.#now();
    const room = () =>
      this.#breaker.allows(now, this.#settings.parcelsAtOnce) - this.#underWay.size;
    if (room() <= 0) return false;
    const unknown = await this.#unknownParcels(now, room());
    for (const parcel of unknown) this.#follow(parcel, this.#settle(parcel));
    // What may not be sent may still be looked for: a part of the day's calls is kept for that.
    if (room() <= 0 || this.#now() < this.#pausedUntil) return unknown.length > 0;
    const parcels = await this.#claim(room());
    for (const parcel of parcels) this.#follow(parcel, this.#push(parcel));
    return unknown.length + parcels.length > 0;
  }

  async #claim(limit: number): Promise<readonly Parcel[]> {
    const { messagesPerParcel } = this.#parts.erp.limits;
    try {
      const type = 'claim_messages';
      const claimed = await this.#parts.store.submit({ type, limit, messagesPerParcel });
      return claimed.ok ? claimed.parcels : [];
    } catch (error) {
      // Perhaps some were claimed, and nobody follows them.
      this.#recovered = false;
      throw error;
    }
  }

  #follow({ id }: Parcel, work: Promise<void>): void {
    const followed = work
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, followed);
  }

  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure as Error;
  }

  /** Nothing is in flight any more but what is under way here; false where that has to wait until nothing is. */
  async #recover(): Promise<boolean> {
    if (this.#recovered) return true;
    if (this.#underWay.size > 0) return false;
    const nextAttemptAt = this.#now() + this.#parts.erp.limits.settleAfterMs;
    await this.#parts.store.submit({ type: 'recover_messages', nextAttemptAt });
    this.#recovered = true;
    return true;
  }

  async #unknownParcels(now: number, limit: number): Promise<Parcel[]> {
    const messages = await this.#parts.store.outbox({
      state: 'unknown',
      after: 0,
      limit: UNKNOWN_PAGE,
    });
    const parcels = new Map<number, Parcel>();
    for (const message of messages) {
      const { parcelId, key, nextAttemptAt } = message;
      if (parcelId === null || nextAttemptAt > now) continue;
      if ((this.#readAgainAt.get(parcelId) ?? 0) > now || this.#underWay.has(parcelId)) continue;
      const others = parcels.get(parcelId)?.messages ?? [];
      parcels.set(parcelId, { id: parcelId, key, messages: [...others, message] });
    }
    return [...parcels.values()].slice(0, limit);
  }

  async #push(parcel: Parcel): Promise<void> {
    const journal = async (memo: string): Promise<void> => {
      const noted = await this.#parts.store.submit({
        type: 'note_parcel',
        parcelId: parcel.id,
        memo,
      });
      if (!noted.ok) throw new Error('the parcel was settled by somebody else before it was sent');
    };
    let outcome: PushOutcome;
    const foreign = this.#foreignReason(parcel);
    if (foreign !== null) {
      await this.#tell(parcel, { ...NOTHING, outcome: 'given_up', reason: foreign });
      return;
    }
    try {
      outcome = await this.#parts.erp.push(parcel, { ...this.call('push'), journal });
    } catch (error) {
      outcome = { outcome: 'unknown', reason: reasonOf(error) };
    }
    await this.#tell(parcel, this.#afterPush(parcel, outcome));
  }

  /** Cut for another ERP, or another mode of it: neither sent nor looked for, as nothing that this one says is about it. */
  #foreignReason({ messages }: Parcel): string | null {
    const { name, grouping } = this.#parts.erp;
    return messages.every((message) => groupingOf(message) === grouping)
      ? null
      : `written for an ERP that is told ${grouping === 'sale' ? 'the units of each SKU' : 'whole sales'}, and ${name} as it is set is not: tell it by hand, then discard this`;
  }

  #afterPush(parcel: Parcel, outcome: PushOutcome): Verdict {
    const now = this.#now();
    if (outcome.outcome === 'applied') {
      this.#breaker.succeeded();
      return { ...NOTHING, outcome: 'applied', reference: outcome.reference };
    }
    const { reason } = outcome;
    if (outcome.outcome === 'unknown') {
      this.#breaker.failed(now, this.#parts.random());
      const nextAttemptAt = now + this.#parts.erp.limits.settleAfterMs;
      return { ...NOTHING, outcome: 'unknown', reason, nextAttemptAt };
    }
    if (!outcome.retry) {
      this.#breaker.succeeded();
      return { ...NOTHING, outcome: 'given_up', reason };
    }
    this.#heed(outcome, now);
    const isOld = now - createdAt(parcel) >= this.#settings.giveUpAfterMs;
    if (outcome.onlyThis === true && isOld) {
      return { ...NOTHING, outcome: 'given_up', reason };
    }
    const wait = Math.max(outcome.waitMs ?? 0, this.#backoff(attemptsOf(parcel)));
    return { ...NOTHING, outcome: 'not_applied', reason, nextAttemptAt: now + wait };
  }

  /** Who says how long to wait is there, and is left alone for so long; who does not, perhaps is not. */
  #heed({ waitMs, onlyThis = false }: Extract<PushOutcome, { outcome: 'rejected' }>, now: number) {
    if (waitMs === null && !onlyThis) this.#breaker.failed(now, this.#parts.random());
    else this.#breaker.succeeded();
    if (waitMs !== null && !onlyThis) this.#pausedUntil = now + waitMs;
  }

  async #settle(parcel: Parcel): Promise<void> {
    let outcome: SettleOutcome;
    const foreign = this.#foreignReason(parcel);
    if (foreign !== null) {
      await this.#tell(parcel, { ...NOTHING, outcome: 'given_up', reason: foreign });
      return;
    }
    try {
      outcome = await this.#parts.erp.settle(parcel, this.call('read'));
      this.#readAgainAt.delete(parcel.id);
    } catch (error) {
      if (error instanceof ErpFault) {
        this.#readLater(parcel, error);
        return;
      }
      outcome = { outcome: 'unknown', reason: reasonOf(error) };
    }
    await this.#tell(parcel, this.#afterLook(parcel, outcome));
  }

  /** Nobody has looked: the message stays as it is, and is not a look nearer to being given up on. */
  #readLater(parcel: Parcel, { message, waitMs }: ErpFault): void {
    const now = this.#now();
    if (waitMs === null) this.#breaker.failed(now, this.#parts.random());
    else this.#breaker.succeeded();
    const wait = Math.max(waitMs ?? 0, this.#parts.erp.limits.settleAfterMs);
    this.#readAgainAt.set(parcel.id, now + wait);
    this.#lastError = message;
    this.#parts.onOutcome?.(parcel, 'unknown', message);
  }

  #afterLook(parcel: Parcel, outcome: SettleOutcome): Verdict {
    const now = this.#now();
    this.#breaker.succeeded();
    switch (outcome.outcome) {
      case 'applied':
        return { ...NOTHING, outcome: 'applied', reference: outcome.reference };
      case 'undecidable':
        return { ...NOTHING, outcome: 'given_up', reason: outcome.reason };
      case 'not_applied': {
        const nextAttemptAt = now + this.#backoff(attemptsOf(parcel));
        return { ...NOTHING, outcome: 'not_applied', reason: outcome.reason, nextAttemptAt };
      }
      case 'unknown': {
        const looks = (parcel.messages[0]?.looks ?? 0) + 1;
        const { reason, waitMs = 0 } = outcome;
        if (looks >= this.#settings.maxLooks) return { ...NOTHING, outcome: 'given_up', reason };
        const { settleAfterMs } = this.#parts.erp.limits;
        const pause = Math.max(settleAfterMs, waitMs, this.#backoff(looks));
        return { ...NOTHING, outcome: 'unknown', reason, nextAttemptAt: now + pause };
      }
    }
  }

  #backoff(attempt: number): number {
    return backoffMs(attempt, this.#parts.random(), RETRY);
  }

  /** Until the store has taken it: told twice, it is refused as settled already. */
  async #tell(parcel: Parcel, verdict: Verdict): Promise<void> {
    if (verdict.reason !== null) this.#lastError = verdict.reason;
    for (;;) {
      try {
        await this.#parts.store.submit({ type: 'settle_parcel', parcelId: parcel.id, ...verdict });
        this.#parts.onOutcome?.(parcel, verdict.outcome, verdict.reason);
        return;
      } catch (error) {
        const passing = error instanceof Fault && PASSING.has(error.code);
        if (!passing || this.#stopping.signal.aborted) throw error;
        await this.#parts.sleep(STORE_RETRY_MS, this.#stopping.signal);
      }
    }
  }
}

type Verdict = Omit<SettleParcelCommand, 'type' | 'parcelId'>;

const NOTHING = { reference: null, reason: null, nextAttemptAt: 0 } as const;

function attemptsOf({ messages }: Parcel): number {
  return Math.max(1, ...messages.map(({ attempts }) => attempts));
}

/** When the oldest of its messages came to be. */
function createdAt({ messages }: Parcel): number {
  return Math.min(...messages.map((message) => message.createdAt));
}

function spent(kind: CallKind, waitMs: number): ErpFault {
  const but = kind === 'push' ? ', but for those kept for reading' : '';
  const reason = `the day's calls to the ERP are used up${but}`;
  return new ErpFault('ERP_UNAVAILABLE', reason, { waitMs });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
