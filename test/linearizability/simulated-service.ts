/**
 * A stock service for one SKU, simulated: correct as it stands here, and the base of the planted bugs. Every call is a
 * generator; each `yield` is a place where the scheduler may let another call run. The correct service has none
 * between reading and writing: its verbs are atomic, as a store's must be.
 *
 * It keeps a counter of reserved units beside the reservations, as real stores do, for many real bugs are this counter
 * and the reservations drifting apart.
 */
import type { Random } from './random.ts';
import type { RefusalReason, StockInput, StockOutput } from './stock-operations.ts';

export interface SimulatedWorld {
  readonly random: Random;
  readonly clock: { now: number };
  readonly initialOnHand: number;
}

export interface SimulatedReservation {
  readonly id: string;
  readonly quantity: number;
  readonly expiresAt: number;
  status: 'active' | 'confirmed' | 'released' | 'expired';
}

export type Steps<T> = Generator<void, T, void>;
type InputOf<T extends StockInput['type']> = Extract<StockInput, { type: T }>;

export class SimulatedService {
  protected readonly world: SimulatedWorld;
  protected onHand: number;
  protected reserved = 0;
  protected reservations = new Map<string, SimulatedReservation>();
  protected lastId = 0;

  constructor(world: SimulatedWorld) {
    this.world = world;
    this.onHand = world.initialOnHand;
  }

  /** The whole call: the way there, the decision, the way back. */
  *call(input: StockInput): Steps<StockOutput> {
    yield;
    const output = yield* this.decide(input);
    yield;
    return output;
  }

  /** The process dies and starts again. What was decided is durable here, so nothing changes. */
  crash(): void {
    // A buggy service forgets something.
  }

  protected *decide(input: StockInput): Steps<StockOutput> {
    switch (input.type) {
      case 'reserve':
        return yield* this.reserve(input);
      case 'confirm':
        return yield* this.confirm(input.id);
      case 'release':
        return yield* this.release(input.id);
      case 'read':
        return yield* this.read();
      case 'set_on_hand':
        return yield* this.setOnHand(input.onHand);
      case 'adjust':
        return yield* this.adjust(input.delta);
    }
  }

  protected *reserve(input: InputOf<'reserve'>): Steps<StockOutput> {
    this.expireDue();
    if (this.available() < input.quantity) return this.refusal();
    return this.grant(input);
  }

  protected *confirm(id: string): Steps<StockOutput> {
    this.expireDue();
    const found = this.reservations.get(id);
    if (found === undefined) return { type: 'not_found' };
    if (found.status === 'active') this.consume(found);
    return { type: found.status === 'confirmed' ? 'ok' : found.status } as StockOutput;
  }

  protected *release(id: string): Steps<StockOutput> {
    this.expireDue();
    const found = this.reservations.get(id);
    if (found === undefined) return { type: 'not_found' };
    if (found.status === 'confirmed') return { type: 'already_confirmed' };
    if (found.status === 'active') this.end(found, 'released');
    return { type: found.status === 'released' ? 'ok' : 'expired' };
  }

  protected *read(): Steps<StockOutput> {
    this.expireDue();
    return this.level();
  }

  protected *setOnHand(onHand: number): Steps<StockOutput> {
    this.onHand = onHand;
    return { type: 'ok' };
  }

  protected *adjust(delta: number): Steps<StockOutput> {
    if (this.onHand + delta < 0) return { type: 'out_of_range' };
    this.onHand += delta;
    return { type: 'ok' };
  }

  protected now(): number {
    return this.world.clock.now;
  }

  protected available(): number {
    return Math.max(0, this.onHand - this.reserved);
  }

  protected level(): StockOutput {
    return {
      type: 'level',
      available: this.available(),
      onHand: this.onHand,
      reserved: this.reserved,
    };
  }

  protected due(): SimulatedReservation[] {
    const now = this.now();
    return [...this.reservations.values()].filter(
      ({ status, expiresAt }) => status === 'active' && expiresAt <= now,
    );
  }

  protected expireDue(): void {
    for (const reservation of this.due()) this.end(reservation, 'expired');
  }

  protected end(reservation: SimulatedReservation, status: 'released' | 'expired'): void {
    reservation.status = status;
    this.reserved -= reservation.quantity;
  }

  protected consume(reservation: SimulatedReservation): void {
    reservation.status = 'confirmed';
    this.reserved -= reservation.quantity;
    this.onHand = Math.max(0, this.onHand - reservation.quantity);
  }

  protected nextId(): string {
    this.lastId += 1;
    return `r${String(this.lastId)}`;
  }

  protected grant(
    { quantity, ttl = Infinity }: InputOf<'reserve'>,
    id = this.nextId(),
  ): StockOutput {
    const expiresAt = this.now() + ttl;
    this.reservations.set(id, { id, quantity, expiresAt, status: 'active' });
    this.reserved += quantity;
    return { type: 'granted', id, expiresAt, quantity };
  }

  protected refusal(): StockOutput {
    const available = this.available();
    return { type: 'refused', reason: this.reason(available), available };
  }

  protected reason(available: number): RefusalReason {
    if (available > 0) return 'insufficient_stock';
    return this.reserved > 0 && this.onHand > 0 ? 'all_reserved' : 'sold_out';
  }
}
