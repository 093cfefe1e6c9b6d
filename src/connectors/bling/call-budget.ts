/**
 * How often Bling may be called: by the second, by the day, and not at all for a while when it has said so. The day's
 * count outlives a restart; a part of the day's calls is kept for reading, as settling what is unknown needs it.
 */
import { join } from 'node:path';
import { SECOND_MS } from '../../core/pace.ts';
import { ErpFault } from '../../engine/erp-port.ts';
import { readIfThere, replaceFile } from '../../engine/durable-file.ts';
import { isOver } from '../../engine/unsent.ts';
import { onDisk } from './on-disk.ts';
import { isObject } from './refusal.ts';
import type { Time } from './settings.ts';

export interface CallBudgetOptions {
  readonly dataDir: string;
  readonly callsPerSecond: number;
  readonly callsPerDay: number;
  readonly time: Time;
}

const FILE_NAME = 'bling-calls.json';
const DAY_MS = 86_400_000;
/** Brasília, where Bling's day begins, is three hours behind UTC all year. */
const BRASILIA_MS = -3 * 3_600_000;
/** How long after midnight in UTC Bling's day begins. */
export const DAY_STARTS_MS = -BRASILIA_MS;
/** Counted on disk in advance, so that a crash forgets none and not every call writes. */
const CLAIM = 100;
/** Shorter pauses are waited out, longer ones are told. */
const MOST_WAIT_MS = 3_000;
const HOUR_MS = 3_600_000;
/** No call is given a place so far ahead. */
const MOST_AHEAD_MS = 60_000;

/** Whoever was let go, or will be: put right where they were woken late. */
interface Slot {
  at: number;
}

export class CallBudget {
  readonly #options: CallBudgetOptions;
  readonly #path: string;
  /** When the latest calls were let go, oldest first; as many as a second may have. */
  #latest: Slot[] = [];
  #day = -1;
  #loading: Promise<void> | null = null;
  #used = 0;
  #claimed = 0;
  #pausedUntil = 0;
  #pauseReason = '';
  #counting: Promise<void> = Promise.resolve();

  constructor(options: CallBudgetOptions) {
    this.#options = options;
    this.#path = join(options.dataDir, FILE_NAME);
  }

  /** Returns when the call may be sent; throws `ErpFault` if that will take long. */
  async take(kind: 'read' | 'write', signal: AbortSignal): Promise<void> {
    this.#refusePaused();
    await this.#count(kind);
    const { time, callsPerSecond } = this.#options;
    const now = time.now();
    // The clock was set back: what it says of the latest calls is of no use.
    if ((this.#latest.at(-1)?.at ?? now) > now + MOST_AHEAD_MS) this.#latest = [];
    const [first] = this.#latest.length < callsPerSecond ? [] : this.#latest;
    const earliest = (): number => (first === undefined ? now : first.at + SECOND_MS);
    const mine: Slot = { at: Math.max(now, earliest(), this.#pausedUntil) };
    this.#latest = [...this.#latest, mine].slice(-callsPerSecond);
    let reached = now;
    // Again where the one before had been woken late meanwhile: it counts from when it really left.
    while (mine.at > reached && !isOver(signal)) {
      await time.sleep(mine.at - reached, signal);
      reached = Math.max(mine.at, time.now());
      mine.at = Math.max(reached, earliest());
    }
  }

  /** Throws `ErpFault` while there are no calls left to begin something with that changes anything at Bling. */
  async assertWritable(): Promise<void> {
    this.#refusePaused();
    await this.#enterDay();
    this.#refuseSpent('write');
  }

  /** Bling wants to be left alone. */
  pause(ms: number, reason: string): void {
    const until = this.#options.time.now() + ms;
    if (until <= this.#pausedUntil) return;
    this.#pausedUntil = until;
    this.#pauseReason = reason;
  }

  /** Bling counts more than we did: others call it too. Asked again every hour, in case its day began. */
  pauseForTheDay(reason: string): void {
    this.pause(Math.min(HOUR_MS, this.#untilTomorrow()), reason);
  }

  /** Calls of this day of Bling's, counted with what a crash may have hidden. */
  async usedToday(): Promise<number> {
    await this.#enterDay();
    return this.#used;
  }

  #refusePaused(): void {
    const waitMs = this.#pausedUntil - this.#options.time.now();
    if (waitMs <= MOST_WAIT_MS) return;
    throw new ErpFault('ERP_UNAVAILABLE', this.#pauseReason, { waitMs });
  }

  async #count(kind: 'read' | 'write'): Promise<void> {
    await this.#enterDay();
    this.#refuseSpent(kind);
    this.#used += 1;
    if (this.#used <= this.#claimed) return;
    this.#claimed = this.#used + CLAIM - 1;
    await this.#save();
  }

  #refuseSpent(kind: 'read' | 'write'): void {
    const { callsPerDay } = this.#options;
    // A twelfth: 10,000 of Bling's 120,000.
    const most = kind === 'read' ? callsPerDay : callsPerDay - Math.floor(callsPerDay / 12);
    if (this.#used < most) return;
    throw new ErpFault(
      'ERP_UNAVAILABLE',
      `the day's ${callsPerDay} calls to Bling are used up${kind === 'read' ? '' : ', but for those kept for reading'}`,
      { waitMs: this.#untilTomorrow() },
    );
  }

  async #enterDay(): Promise<void> {
    const day = Math.floor((this.#options.time.now() + BRASILIA_MS) / DAY_MS);
    this.#loading ??= this.#load(day);
    await this.#loading;
    if (day === this.#day) return;
    this.#day = day;
    this.#used = 0;
    this.#claimed = 0;
  }

  async #load(day: number): Promise<void> {
    this.#day = day;
    try {
      const value: unknown = JSON.parse((await readIfThere(this.#path)) ?? 'null');
      const used = isObject(value) && value['day'] === day ? value['used'] : 0;
      if (typeof used === 'number' && Number.isSafeInteger(used) && used > 0) this.#used = used;
    } catch {
      // A count that cannot be read is one that Bling will remind us of.
    }
    this.#claimed = this.#used;
  }

  /** One after the other; the latest claim wins. */
  async #save(): Promise<void> {
    const write = () => {
      const text = `${JSON.stringify({ day: this.#day, used: this.#claimed })}\n`;
      return onDisk(this.#path, () => replaceFile(this.#path, text));
    };
    const saved = this.#counting.then(write);
    this.#counting = saved.catch(() => undefined);
    await saved;
  }

  #untilTomorrow(): number {
    const now = this.#options.time.now() + BRASILIA_MS;
    return (Math.floor(now / DAY_MS) + 1) * DAY_MS - now;
  }
}
