/**
 * The way of commands to one shard: in order of arrival, one batch at a time; what arrives while a batch is under way
 * shares the next. Bounded in number and in time: past the bound a command is refused, and one that has waited too
 * long is taken back, both certainly not done; one that is under way too long is given up on, its outcome unknown.
 */
import type { Answer } from '../../core/command.ts';
import { Fault } from '../../engine/faults.ts';
import type { Submission } from '../../engine/ports.ts';

interface Job {
  readonly submissions: readonly Submission[];
  /** Monotonic ms. */
  readonly deadline: number;
  readonly resolve: (answers: (Answer | null)[]) => void;
  readonly reject: (error: unknown) => void;
}

export interface LaneOptions {
  /** Commands that may wait. */
  readonly queueLimit: number;
  /** How long a command may take, waiting included, in ms. */
  readonly deadlineMs: number;
  /** Carries a batch out: its answers, in order; null to a command whose fence has fallen. */
  readonly run: (batch: readonly Submission[]) => Promise<(Answer | null)[]>;
}

/** More time for each row of an import. */
const MS_PER_ROW = 0.2;
/** Commands that one batch takes, unless one call has more: a few milliseconds of the server's only thread. */
const COMMANDS_PER_BATCH = 256;
const LOOKS_PER_DEADLINE = 20;

export class CommandLane {
  readonly #options: LaneOptions;
  readonly #timer: NodeJS.Timeout;
  #waiting: Job[] = [];
  #waitingCommands = 0;
  #underWay: readonly Job[] = [];
  #running: Promise<void> | null = null;
  #closed = false;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      this.#lookForLate();
    }, options.deadlineMs / LOOKS_PER_DEADLINE);
    this.#timer.unref();
  }

  /** Commands waiting or under way. */
  get size(): number {
    const underWay = this.#underWay.reduce((sum, { submissions }) => sum + submissions.length, 0);
    return this.#waitingCommands + underWay;
  }

  get idle(): boolean {
    return this.#running === null;
  }

  /** Decided in this order, among all others. */
  submit(submissions: readonly Submission[]): Promise<(Answer | null)[]> {
    if (this.#closed) throw new Fault('STORE_UNAVAILABLE', 'the store is closed');
    const { length } = submissions;
    if (this.#waitingCommands > 0 && this.#waitingCommands + length > this.#options.queueLimit) {
      throw new Fault('STORE_OVERLOADED', `${this.#waitingCommands} commands are waiting`, {
        retryable: true,
      });
    }
    const { promise, resolve, reject } = Promise.withResolvers<(Answer | null)[]>();
    const deadline = performance.now() + this.#options.deadlineMs + extraMs(submissions);
    this.#waiting.push({ submissions, deadline, resolve, reject });
    this.#waitingCommands += length;
    // In the next turn, so that what arrives in this one goes along.
    this.#running ??= Promise.resolve().then(() => this.#work());
    return promise;
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      this.#underWay = batch;
      try {
        const answers = await this.#options.run(batch.flatMap(({ submissions }) => submissions));
        let from = 0;
        for (const { submissions, resolve } of batch) {
          resolve(answers.slice(from, from + submissions.length));
          from += submissions.length;
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      this.#underWay = [];
    }
    this.#running = null;
  }

  #take(): Job[] {
    let taken = 0;
    let commands = 0;
    for (const { submissions } of this.#waiting) {
      if (taken > 0 && commands + submissions.length > COMMANDS_PER_BATCH) break;
      taken += 1;
      commands += submissions.length;
    }
    this.#waitingCommands -= commands;
    return this.#waiting.splice(0, taken);
  }

  /** Promises settle once, so what is given up on here may still be answered there, unheard. */
  #lookForLate(): void {
    const now = performance.now();
    for (const { deadline, reject } of this.#underWay) {
      if (deadline > now) continue;
      const message = 'the store has not answered in time';
      reject(new Fault('STORE_TIMEOUT', message, { retryable: true, outcomeUnknown: true }));
    }
    const late = this.#waiting.filter(({ deadline }) => deadline <= now);
    if (late.length === 0) return;
    this.#waiting = this.#waiting.filter(({ deadline }) => deadline > now);
    for (const { submissions, reject } of late) {
      this.#waitingCommands -= submissions.length;
      const message = 'the command waited too long for its turn and was not carried out';
      reject(new Fault('STORE_OVERLOADED', message, { retryable: true }));
    }
  }

  /** Waits for what is queued; nothing more is taken on. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    clearInterval(this.#timer);
  }
}

/** How much longer these may take than others, in ms. */
export function extraMs(submissions: readonly Submission[]): number {
  let rows = 0;
  for (const { command } of submissions) {
    if (command.type === 'import_stock') rows += command.rows.length;
  }
  return rows * MS_PER_ROW;
}
