/** All that a running service does about webhooks: takes them in, follows them, and notices when they stop coming. */
import type { ErpConnector } from './erp-port.ts';
import type { InboxStats, WebhookInbox } from './webhook-inbox.ts';
import { WebhookIntake, type WebhookIntakeParts } from './webhook-intake.ts';
import { WebhookWatch, type Silence, type WebhookWatchParts } from './webhook-watch.ts';
import { WebhookWorker, type WebhookWorkerParts } from './webhook-worker.ts';

/** What the service around it decides, and is told. */
export interface WebhookOptions
  extends
    Pick<WebhookIntakeParts, 'now' | 'onOutcome'>,
    Pick<WebhookWatchParts, 'silenceMs' | 'onSilence'>,
    Pick<WebhookWorkerParts, 'onReport'> {}

export interface WebhookServiceParts
  extends
    WebhookOptions,
    Pick<WebhookWorkerParts, 'fix' | 'sleep' | 'random' | 'idleMs' | 'onError'> {
  readonly inbox: WebhookInbox;
  readonly erp: ErpConnector;
}

export interface WebhookStatus extends InboxStats, Silence {}

export class WebhookService {
  readonly intake: WebhookIntake;
  readonly #parts: WebhookServiceParts;
  readonly #watch: WebhookWatch;
  #worker: WebhookWorker | null = null;

  constructor(parts: WebhookServiceParts) {
    this.#parts = parts;
    this.#watch = new WebhookWatch(parts);
    this.intake = new WebhookIntake({ ...parts, onStored: () => this.#worker?.nudge() });
  }

  start(): void {
    this.#watch.start();
  }

  async stop(): Promise<void> {
    await this.#watch.stop();
  }

  /**
   * Follows hints, of all instances' webhooks, until the function that it returns is called: for the one instance that
   * may. What was not followed by then waits in the inbox for the next.
   */
  follow(by: Pick<WebhookWorkerParts, 'reconciler' | 'call'>): () => Promise<void> {
    const worker = new WebhookWorker({ ...this.#parts, ...by });
    this.#worker = worker;
    worker.start();
    return async () => {
      if (this.#worker === worker) this.#worker = null;
      await worker.stop();
    };
  }

  async status(): Promise<WebhookStatus> {
    return { ...(await this.#parts.inbox.stats()), ...this.#watch.silence };
  }
}
