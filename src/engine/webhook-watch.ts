/**
 * Watches over the webhook inbox: notices when no webhook has come for too long, and forgets those that are long
 * settled. An ERP that has switched its webhooks off says nothing of it; only the silence does.
 */
import { Fault } from './faults.ts';
import type { InboxStats, WebhookInbox } from './webhook-inbox.ts';

const LOOK_EVERY_MS = 30_000;
/** Longer than any sender tries: an event that comes again after that is refused as stale. */
const KEPT_MS = 7 * 86_400_000;
const PRUNED_AT_ONCE = 1_000;
/** After a start nothing is said of a silence. */
const GRACE_MS = 15 * 60_000;

export interface Silence {
  /** Has no webhook come for too long? */
  readonly silent: boolean;
  /** After how long that is so, in ms; null: never. */
  readonly afterMs: number | null;
}

export interface WebhookWatchParts {
  readonly inbox: WebhookInbox;
  /** Epoch ms of the wall clock. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Without a webhook for so long, in ms, there is silence; null: never. Counted from the start where none ever came. */
  readonly silenceMs: number | null;
  /** Told once when a silence begins, with when the last webhook came (null: never), and once when it has ended. */
  readonly onSilence: (silent: boolean, lastReceivedAt: number | null) => void;
  /** Told of a look that failed; the next one tries again. */
  readonly onError: (error: unknown) => void;
}

export class WebhookWatch {
  readonly #parts: WebhookWatchParts;
  readonly #startedAt: number;
  readonly #stopping = new AbortController();
  #silent = false;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: WebhookWatchParts) {
    this.#parts = parts;
    this.#startedAt = parts.now();
  }

  get silence(): Silence {
    return { silent: this.#silent, afterMs: this.#parts.silenceMs };
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        this.#parts.onError(error);
      }
      await this.#parts.sleep(LOOK_EVERY_MS, signal);
    }
  }

  /** Throws `Fault` where the store does not answer. */
  async look(): Promise<void> {
    const { inbox, now } = this.#parts;
    this.#listen(await inbox.stats());
    const before = now() - KEPT_MS;
    while ((await inbox.prune(before, PRUNED_AT_ONCE)) === PRUNED_AT_ONCE) {
      if (this.#stopping.signal.aborted) return;
    }
  }

  #listen({ lastReceivedAt }: InboxStats): void {
    const { silenceMs, now, onSilence } = this.#parts;
    if (silenceMs === null) return;
    const up = now() - this.#startedAt;
    // Right after a start, what could not be delivered meanwhile may be on its way.
    const silent =
      now() - (lastReceivedAt ?? this.#startedAt) >= silenceMs &&
      up >= Math.min(silenceMs, GRACE_MS);
    if (silent === this.#silent) return;
    this.#silent = silent;
    onSilence(silent, lastReceivedAt);
  }
}
