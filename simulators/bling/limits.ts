/** The limits of an account (3/s, 120,000/day) and of an address (blocks). */
import { page, tooManyRequests, type Answer } from './answers.ts';
import type { SimulatedClock } from './clock.ts';
import type { Switches } from './switches.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 86_400 * SECOND;
/** Brasília, where Bling's day begins, is three hours behind UTC all year. */
const BRASILIA = -3 * 3_600 * SECOND;

/** What gets an address blocked: so many within a span, for how long. */
const BLOCKS = {
  errors: { most: 300, within: 10 * SECOND, lasts: 10 * MINUTE },
  requests: { most: 600, within: 10 * SECOND, lasts: 10 * MINUTE },
  tokens: { most: 20, within: 60 * SECOND, lasts: 60 * MINUTE },
} as const;
type BlockReason = keyof typeof BLOCKS;

/** How often something happened within a span that ends now. */
class SlidingCount {
  readonly #span: number;
  #times: number[] = [];
  /** Where the span begins in `times`; what lies before it is swept out now and then. */
  #first = 0;

  constructor(span: number) {
    this.#span = span;
  }

  at(now: number): number {
    while ((this.#times[this.#first] ?? Infinity) <= now - this.#span) this.#first++;
    if (this.#first > 1_000) {
      this.#times = this.#times.slice(this.#first);
      this.#first = 0;
    }
    return this.#times.length - this.#first;
  }

  /** Counts one more and says how many there are now. */
  add(now: number): number {
    this.#times.push(now);
    return this.at(now);
  }
}

interface Address {
  readonly counts: Readonly<Record<BlockReason, SlidingCount>>;
  blockedUntil: number;
  blocks: number;
  blockedFor: BlockReason | null;
}

export interface LimitsReport {
  /** The most calls that were let through in any one second. */
  readonly peakPerSecond: number;
  readonly today: number;
  readonly refusedPerSecond: number;
  readonly refusedPerDay: number;
  /** `until` null: for good. */
  readonly blocked: readonly { address: string; reason: BlockReason; until: number | null }[];
}

export class Limits {
  readonly #clock: SimulatedClock;
  readonly #switches: Switches;
  readonly #addresses = new Map<string, Address>();
  readonly #lastSecond = new SlidingCount(SECOND);
  #day = 0;
  #today = 0;
  #peak = 0;
  #refused = { second: 0, day: 0 };

  constructor(clock: SimulatedClock, switches: Switches) {
    this.#clock = clock;
    this.#switches = switches;
  }

  /** Counts a call of an address; an answer if the address is, or is thereby, blocked. */
  meetAddress(ip: string, isTokenCall: boolean): Answer | 'reset' | null {
    if (!this.#switches.ipBlocks) return null;
    const address = this.#address(ip);
    if (this.#clock.now() < address.blockedUntil) return this.#blockAnswer();
    this.#count(address, 'requests');
    if (isTokenCall) this.#count(address, 'tokens');
    return this.#clock.now() < address.blockedUntil ? this.#blockAnswer() : null;
  }

  /** To be told of every answer of 400 and above. */
  countError(ip: string): void {
    if (this.#switches.ipBlocks) this.#count(this.#address(ip), 'errors');
  }

  /** Counts a call of the account, or says by which limit it is refused. */
  meetAccount(): Answer | null {
    const { limitPerSecond, limitPerDay, othersPerSecond } = this.#switches;
    const now = this.#clock.now();
    this.#enterDay(now);
    if (limitPerDay > 0 && this.#today >= limitPerDay) {
      this.#refused.day++;
      return tooManyRequests(limitPerDay, 'day');
    }
    if (limitPerSecond > 0 && this.#lastSecond.at(now) + othersPerSecond >= limitPerSecond) {
      this.#refused.second++;
      return tooManyRequests(limitPerSecond, 'second');
    }
    this.#today++;
    this.#peak = Math.max(this.#peak, this.#lastSecond.add(now));
    return null;
  }

  /** As if other integrations had made so many calls today. */
  spendToday(calls: number): void {
    this.#enterDay(this.#clock.now());
    this.#today += calls;
  }

  unblock(): void {
    this.#addresses.clear();
  }

  report(): LimitsReport {
    const now = this.#clock.now();
    this.#enterDay(now);
    return {
      peakPerSecond: this.#peak,
      today: this.#today,
      refusedPerSecond: this.#refused.second,
      refusedPerDay: this.#refused.day,
      blocked: [...this.#addresses].flatMap(([address, { blockedFor, blockedUntil }]) =>
        blockedFor === null || blockedUntil <= now
          ? []
          : [
              {
                address,
                reason: blockedFor,
                until: Number.isFinite(blockedUntil) ? blockedUntil : null,
              },
            ],
      ),
    };
  }

  #enterDay(now: number): void {
    const day = Math.floor((now + BRASILIA) / DAY);
    if (day !== this.#day) this.#today = 0;
    this.#day = day;
  }

  #address(ip: string): Address {
    let address = this.#addresses.get(ip);
    if (address === undefined) {
      const counts = {
        errors: new SlidingCount(BLOCKS.errors.within),
        requests: new SlidingCount(BLOCKS.requests.within),
        tokens: new SlidingCount(BLOCKS.tokens.within),
      };
      address = { counts, blockedUntil: 0, blocks: 0, blockedFor: null };
      this.#addresses.set(ip, address);
    }
    return address;
  }

  #count(address: Address, reason: BlockReason): void {
    const { most, lasts } = BLOCKS[reason];
    const now = this.#clock.now();
    if (address.counts[reason].add(now) <= most) return;
    // One burst is one block, however many of its calls come on top.
    if (now >= address.blockedUntil) address.blocks++;
    const { ipBlockForGoodAt: last } = this.#switches;
    address.blockedUntil = last > 0 && address.blocks >= last ? Infinity : now + lasts;
    address.blockedFor = reason;
  }

  #blockAnswer(): Answer | 'reset' {
    switch (this.#switches.ipBlockAnswer) {
      case 'forbidden':
        return page(403, 'Acesso bloqueado');
      case 'too_many':
        return page(429, 'Acesso bloqueado');
      case 'reset':
        return 'reset';
    }
  }
}
