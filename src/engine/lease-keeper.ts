/** Does a piece of work as long as this instance holds the lease, and gives both up together. */
import { Fault } from './faults.ts';
import type { Fence, LeaseName, Leases, LeaseState } from './lease.ts';

/** A time in which this instance holds the lease. */
export interface Tenure {
  readonly fence: Fence;
  /**
   * Throws `Fault` (`LEASE_LOST`) if it is over as far as this process can tell. To be asked right before something is
   * done outside the store, which cannot be refused there.
   */
  readonly assertHeld: () => void;
}

export interface LeaseKeeperParts {
  readonly leases: Leases;
  readonly lease: LeaseName;
  /** This instance's name, like no other's. */
  readonly holder: string;
  readonly lengthMs: number;
  /** Begins the work; the returned function stops it, and resolves when nothing of it goes on. */
  readonly work: (tenure: Tenure) => () => Promise<void>;
  /** Resolves after `ms`, or at once when the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Ms from any origin; goes on while the process is stopped. */
  readonly monotonic: () => number;
  /** Told when another instance (or none, or this one) has it than was known; must not throw. */
  readonly onChange?: (state: LeaseStatus) => void;
}

export interface LeaseStatus extends LeaseState {
  readonly lease: LeaseName;
  /** Does this instance hold it? */
  readonly ours: boolean;
}

/** A holder renews so often in the length of the lease. */
const RENEWALS_PER_LENGTH = 3;
/** One that has heard nothing asks again this often, and others look this often whether it is free. */
const LOOKS_PER_LENGTH = 10;

interface Current {
  readonly token: number;
  until: number;
  readonly stop: () => Promise<void>;
}

export class LeaseKeeper {
  readonly #parts: LeaseKeeperParts;
  readonly #stopping = new AbortController();
  #current: Current | null = null;
  #known: LeaseState = { token: 0, holder: null };
  #running: Promise<void> = Promise.resolve();

  constructor(parts: LeaseKeeperParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Stops the work, then lets the next instance have the lease at once. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  get status(): LeaseStatus {
    const ours = this.#current !== null;
    return { ...this.#known, lease: this.#parts.lease, ours };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { lengthMs, sleep } = this.#parts;
    while (!signal.aborted) {
      const heard = await this.#look();
      const renews = heard && this.#current !== null;
      await sleep(lengthMs / (renews ? RENEWALS_PER_LENGTH : LOOKS_PER_LENGTH), signal);
    }
    const token = this.#current?.token;
    await this.#end();
    if (token !== undefined) await this.#release(token);
  }

  /** Did the store answer? */
  async #look(): Promise<boolean> {
    const { leases, lease, holder, lengthMs, monotonic } = this.#parts;
    // From before the question: the store counts from a later moment.
    const until = monotonic() + lengthMs;
    const before = this.status;
    let heard = true;
    try {
      await this.#take(await leases.acquire(lease, holder, lengthMs), until);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      heard = false;
      // Perhaps the store is away for a moment; what it knows of us ends when ours does.
      if (this.#current !== null && monotonic() >= this.#current.until) await this.#end();
    }
    const { token, holder: now, ours } = this.status;
    const isNews = token !== before.token || now !== before.holder || ours !== before.ours;
    if (isNews) this.#parts.onChange?.(this.status);
    return heard;
  }

  async #take(found: LeaseState, until: number): Promise<void> {
    this.#known = found;
    const ours = found.holder === this.#parts.holder;
    if (ours && found.token === this.#current?.token) {
      this.#current.until = until;
      return;
    }
    await this.#end();
    if (ours && !this.#stopping.signal.aborted) this.#begin(found.token, until);
  }

  #begin(token: number, until: number): void {
    const { lease, holder, work, monotonic } = this.#parts;
    const tenure = { until };
    const stop = work({
      fence: { lease, token, holder },
      assertHeld: () => {
        if (monotonic() < tenure.until) return;
        throw new Fault('LEASE_LOST', `the lease (${lease}) ran out before it was renewed`);
      },
    });
    this.#current = Object.assign(tenure, { token, stop });
  }

  async #end(): Promise<void> {
    const current = this.#current;
    this.#current = null;
    if (current === null) return;
    current.until = -Infinity;
    await current.stop();
  }

  async #release(token: number): Promise<void> {
    const { leases, lease, holder } = this.#parts;
    try {
      await leases.release({ lease, token, holder });
    } catch (error) {
      // It ends by itself.
      if (!(error instanceof Fault)) throw error;
    }
  }
}
