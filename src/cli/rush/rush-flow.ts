/**
 * The rush itself: sends each buyer's requests when they are due, never more at one time than there are
 * connections, and writes down what happens. One instance runs one round.
 */
import { type FollowMeaning, type ReserveMeaning, readFault } from './rush-answers.ts';
import { readFollowAnswer, readReserveAnswer } from './rush-answers.ts';
import { INTENT, type RushBuyers, wantedBy } from './rush-buyers.ts';
import type { RushAnswer, RushRequest, RushTransport } from './rush-client.ts';
import type { RushClock } from './rush-clock.ts';
import { FOLLOW, OUTCOME, type RushLog } from './rush-log.ts';
import type { RushMeter } from './rush-meter.ts';
import type { RushPlan } from './rush-plan.ts';
import { StepQueue } from './step-queue.ts';

interface FlowParts {
  readonly plan: RushPlan;
  readonly buyers: RushBuyers;
  readonly skus: readonly string[];
  readonly log: RushLog;
  readonly meter: RushMeter;
  readonly transport: RushTransport;
  readonly clock: RushClock;
  /** Begins every Idempotency-Key of the round, and differs between rounds and runs. */
  readonly keyPrefix: string;
}

interface Step {
  readonly kind: 'reserve' | 'confirm' | 'release';
  readonly buyer: number;
  readonly attempt: number;
}

const FIRST_BACKOFF_MS = 50;
const LONGEST_WAIT_MS = 30_000;

export class RushFlow {
  private readonly parts: FlowParts;
  private readonly ready = new StepQueue<Step>();
  private readonly timers = new Set<() => void>();
  private startedAt = 0;
  private arrived = 0;
  private arrivalTimer: (() => void) | null = null;
  private next = 0;
  private inFlight = 0;
  private stopped = false;
  private settling = false;
  private finish: (() => void) | null = null;

  constructor(parts: FlowParts) {
    this.parts = parts;
  }

  /** Sends all buyers; ends when each has its answers, or soon after `stop`. */
  run(): Promise<void> {
    this.startedAt = this.parts.clock.now();
    return this.untilIdle();
  }

  /**
   * Asks once more about everything that was left open. Only where every request has its Idempotency-Key: then the
   * answer tells what became of the first one, and nothing is done twice.
   */
  settle(): Promise<void> {
    const { log, buyers } = this.parts;
    this.stopped = false;
    this.settling = true;
    this.next = log.count;
    for (let buyer = 0; buyer < log.count; buyer++) {
      const open = log.outcome[buyer] === OUTCOME.unknown;
      if (open) this.ready.push({ kind: 'reserve', buyer, attempt: 0 });
      if (!open && log.follow[buyer] === FOLLOW.unknown) {
        const kind = buyers.intent[buyer] === INTENT.confirm ? 'confirm' : 'release';
        this.ready.push({ kind, buyer, attempt: 0 });
      }
    }
    return this.untilIdle();
  }

  /** Gives up on everything under way. The log already says what that leaves open. */
  stop(): void {
    this.stopped = true;
    this.ready.clear();
    for (const callOff of this.timers) callOff();
    this.timers.clear();
    this.arrivalTimer?.();
    this.arrivalTimer = null;
    this.parts.transport.abortAll();
    this.pump();
  }

  private untilIdle(): Promise<void> {
    return new Promise((resolve) => {
      this.finish = resolve;
      this.pump();
    });
  }

  /** Starts what can be started; notices the end. */
  private pump(): void {
    if (!this.stopped) {
      this.admitArrivals();
      while (this.inFlight < this.parts.plan.connections) {
        const step = this.ready.shift() ?? this.nextBuyer();
        if (step === null) break;
        this.start(step);
      }
    }
    const moreToCome = !this.stopped && (this.next < this.parts.log.count || this.timers.size > 0);
    if (this.inFlight === 0 && this.ready.size === 0 && !moreToCome) {
      const finish = this.finish;
      this.finish = null;
      finish?.();
    }
  }

  private nextBuyer(): Step | null {
    if (this.next >= this.arrived) return null;
    return { kind: 'reserve', buyer: this.next++, attempt: 0 };
  }

  /** In a closed loop everybody is at the door; in an open one, those whose time has come. */
  private admitArrivals(): void {
    const { buyers, clock, log } = this.parts;
    if (buyers.dueAt === null || this.settling) {
      this.arrived = log.count;
      return;
    }
    const elapsed = clock.now() - this.startedAt;
    while (this.arrived < log.count && (buyers.dueAt[this.arrived] ?? 0) <= elapsed) this.arrived++;
    if (this.arrived < log.count && this.arrivalTimer === null) {
      const due = buyers.dueAt[this.arrived] ?? 0;
      this.arrivalTimer = clock.after(due - elapsed, () => this.onArrival(due));
    }
  }

  private onArrival(due: number): void {
    const { clock, meter, plan, buyers } = this.parts;
    this.arrivalTimer = null;
    const stillWaiting = buyers.dueAt?.[this.arrived] === due;
    if (stillWaiting && this.inFlight < plan.connections) {
      meter.ownDelay.record(clock.now() - this.startedAt - due);
    }
    this.pump();
  }

  private start(step: Step): void {
    const { log, clock, meter, transport } = this.parts;
    const { buyer } = step;
    const sentAt = clock.now();
    if (step.kind === 'reserve') {
      if (log.outcome[buyer] === OUTCOME.unsent) {
        log.askedAt[buyer] = sentAt;
        meter.sent++;
      }
      log.outcome[buyer] = OUTCOME.unknown;
      log.answeredAt[buyer] = Number.POSITIVE_INFINITY;
    } else {
      if (log.follow[buyer] === FOLLOW.none) log.followAskedAt[buyer] = sentAt;
      log.follow[buyer] = FOLLOW.unknown;
      log.followAnsweredAt[buyer] = Number.POSITIVE_INFINITY;
    }
    if (step.attempt > 0) meter.retries++;
    this.inFlight++;
    transport.send(this.request(step)).then(
      (answer) => this.onAnswer(step, sentAt, answer),
      (fault: unknown) => this.onFault(step, sentAt, fault),
    );
  }

  private onAnswer(step: Step, sentAt: number, answer: RushAnswer): void {
    this.parts.meter.answered++;
    if (step.kind === 'reserve') this.onReserved(step, sentAt, readReserveAnswer(answer));
    else this.onFollowed(step, sentAt, readFollowAnswer(answer));
    this.inFlight--;
    this.pump();
  }

  private onFault(step: Step, sentAt: number, fault: unknown): void {
    const meaning = readFault(fault);
    if (step.kind === 'reserve') this.onReserved(step, sentAt, meaning);
    else this.onFollowed(step, sentAt, meaning);
    this.inFlight--;
    this.pump();
  }

  private onReserved(step: Step, sentAt: number, meaning: ReserveMeaning): void {
    const { log, meter, clock } = this.parts;
    const { buyer } = step;
    const now = clock.now();
    log.answeredAt[buyer] = now;
    if (meaning.kind === 'undecided') {
      if (meaning.acted === 'maybe') log.doubtful[buyer] = 1;
      log.outcome[buyer] = log.doubtful[buyer] === 1 ? OUTCOME.unknown : OUTCOME.turnedAway;
      log.addTrouble(meaning.reason);
      if (!this.retry(step, meaning.retryAfterMs)) meter.errors++;
      return;
    }
    if (this.settling) meter.settled++;
    if (meaning.kind === 'failed') {
      // A mistake in the asking does not undo what an earlier, unanswered request may have done.
      log.outcome[buyer] = log.doubtful[buyer] === 1 ? OUTCOME.unknown : OUTCOME.failed;
      log.addTrouble(meaning.reason);
      meter.errors++;
      return;
    }
    if (meaning.kind !== 'granted') {
      log.outcome[buyer] = OUTCOME[meaning.kind];
      log.setCode(buyer, meaning.code);
      this.decided(false, buyer, sentAt, now);
      return;
    }
    log.outcome[buyer] = OUTCOME.granted;
    log.expiresAt[buyer] = meaning.expiresAtMs;
    this.decided(true, buyer, sentAt, now);
    this.follow(buyer, meaning.id);
  }

  private decided(granted: boolean, buyer: number, sentAt: number, now: number): void {
    const { log, meter, buyers } = this.parts;
    if (granted) meter.grants++;
    else meter.refusals++;
    // What is settled afterwards was waited for by us, not by a buyer.
    if (this.settling) return;
    const due = buyers.dueAt?.[buyer];
    const meantAt = due === undefined ? (log.askedAt[buyer] ?? now) : this.startedAt + due;
    meter.decided(granted, meantAt, sentAt, now);
  }

  private follow(buyer: number, id: string): void {
    const { buyers, log } = this.parts;
    const intent = buyers.intent[buyer];
    if (intent === INTENT.abandon) return;
    log.ids.set(buyer, id);
    const kind = intent === INTENT.confirm ? 'confirm' : 'release';
    this.later(buyers.think?.[buyer] ?? 0, { kind, buyer, attempt: 0 });
  }

  private onFollowed(step: Step, sentAt: number, meaning: FollowMeaning): void {
    const { log, meter, clock } = this.parts;
    const { buyer } = step;
    const now = clock.now();
    log.followAnsweredAt[buyer] = now;
    if (meaning.kind === 'undecided') {
      if (meaning.acted === 'maybe') log.followDoubtful[buyer] = 1;
      log.follow[buyer] = log.followDoubtful[buyer] === 1 ? FOLLOW.unknown : FOLLOW.failed;
      log.addTrouble(`${step.kind}: ${meaning.reason}`);
      if (!this.retry(step, meaning.retryAfterMs)) meter.errors++;
      return;
    }
    if (meaning.kind === 'failed') {
      log.follow[buyer] = log.followDoubtful[buyer] === 1 ? FOLLOW.unknown : FOLLOW.failed;
      log.addTrouble(`${step.kind}: ${meaning.reason}`);
      meter.errors++;
      return;
    }
    log.ids.delete(buyer);
    if (meaning.kind === 'done') {
      log.follow[buyer] = step.kind === 'confirm' ? FOLLOW.confirmed : FOLLOW.released;
    } else {
      log.follow[buyer] = FOLLOW.gone;
    }
    if (!this.settling) meter.follows.record(now - sentAt);
  }

  /** Asks again later, if the plan allows it and somebody is still there to ask. */
  private retry(step: Step, retryAfterMs: number | null): boolean {
    if (this.stopped || step.attempt >= this.parts.plan.retries) return false;
    // Buyers turned away together must not come back together: the wait differs from buyer to buyer.
    const spread = 0.75 + ((step.buyer * 0.618_033_988_75) % 1) / 2;
    const backoff = FIRST_BACKOFF_MS * 2 ** step.attempt * spread;
    const told = (retryAfterMs ?? 0) * (spread + 0.25);
    const wait = Math.min(LONGEST_WAIT_MS, Math.max(backoff, told));
    this.later(wait, { ...step, attempt: step.attempt + 1 });
    return true;
  }

  private later(ms: number, step: Step): void {
    if (this.stopped) return;
    if (ms <= 0) {
      this.ready.push(step);
      return;
    }
    const callOff = this.parts.clock.after(ms, () => {
      this.timers.delete(callOff);
      this.ready.push(step);
      this.pump();
    });
    this.timers.add(callOff);
  }

  private request(step: Step): RushRequest {
    const { plan, keyPrefix } = this.parts;
    const key = `${keyPrefix}-${step.buyer}`;
    if (step.kind === 'reserve') {
      const asked = this.reserveRequest(step.buyer);
      return plan.retries > 0 ? { ...asked, idempotencyKey: key } : asked;
    }
    const id = encodeURIComponent(this.parts.log.ids.get(step.buyer) ?? '');
    const path = `/reservations/${id}/${step.kind}`;
    return plan.retries > 0
      ? { method: 'POST', path, idempotencyKey: `${key}-${step.kind}` }
      : { method: 'POST', path };
  }

  private reserveRequest(buyer: number): RushRequest {
    const { plan, buyers, skus, keyPrefix } = this.parts;
    const wanted = wantedBy(buyers, buyer);
    const details: Record<string, unknown> = {};
    if (plan.withCustomers) details['customer_id'] = `${keyPrefix}-${buyer}`;
    if (plan.ttlSeconds !== null && buyers.intent[buyer] === INTENT.abandon) {
      details['ttl_seconds'] = plan.ttlSeconds;
    }
    if (plan.lines > 1) {
      details['lines'] = Array.from(wanted, (index) => ({
        sku: skus[index],
        quantity: plan.quantity,
      }));
      return { method: 'POST', path: '/reservations', body: JSON.stringify(details) };
    }
    if (plan.quantity > 1) details['quantity'] = plan.quantity;
    const path = `/stock/${encodeURIComponent(skus[wanted[0] ?? 0] ?? '')}/reserve`;
    return Object.keys(details).length === 0
      ? { method: 'POST', path }
      : { method: 'POST', path, body: JSON.stringify(details) };
  }
}
