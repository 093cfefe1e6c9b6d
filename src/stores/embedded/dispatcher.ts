/**
 * When what waits goes to the writer: what arrives in one turn of the event loop as one batch, so that it shares a
 * commit.
 */
import { CommandQueue, type Job } from './command-queue.ts';
import { encodeOperation, type ToWriter } from './protocol.ts';

/**
 * So many are sent before the turn ends, or while the writer has one batch already: else this thread and the writer
 * would take turns at working. What waits here is certainly not done, what is sent may be: so never a third batch.
 */
const WORTH_SENDING = 32;
const BATCHES_IN_FLIGHT = 2;

export class Dispatcher {
  readonly queue: CommandQueue;
  readonly #post: (message: ToWriter) => void;
  #sending = false;
  #halted = false;

  /** `queueLimit`: operations that may wait. */
  constructor(queueLimit: number, post: (message: ToWriter) => void) {
    this.queue = new CommandQueue(queueLimit);
    this.#post = post;
  }

  /** Throws a `Fault` where too many wait already. */
  add(job: Job): void {
    this.queue.add(job);
    if (this.queue.waiting >= WORTH_SENDING) this.#send();
    if (this.#sending || this.queue.batchesInFlight > 0) return;
    this.#sending = true;
    setImmediate(() => {
      this.#sending = false;
      this.#send();
    });
  }

  /** The writer has answered the oldest batch, which this returns; the next one leaves before that is told to anybody. */
  answered(): readonly Job[] {
    const batch = this.queue.answered();
    this.#send();
    return batch;
  }

  /** Nothing leaves any more; what waits and what is in flight fails for this reason. */
  halt(reason: string): void {
    this.#halted = true;
    this.queue.fail(reason);
  }

  #send(): void {
    if (this.#halted) return;
    const { waiting, batchesInFlight } = this.queue;
    if (batchesInFlight >= (waiting < WORTH_SENDING ? 1 : BATCHES_IN_FLIGHT)) return;
    const batch = this.queue.take();
    if (batch.length === 0) return;
    const operations: (string | number | boolean | null)[] = [];
    for (const job of batch) {
      for (const operation of job.operations) encodeOperation(operation, operations);
    }
    this.#post({ type: 'batch', operations });
  }
}
