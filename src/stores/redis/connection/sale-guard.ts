/**
 * Stops sales when the books may have lost something: a primary was replaced or started again. What a server had
 * acknowledged and not yet passed on, or written down, is then gone, and units would be sold a second time.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** `safety`: sell again when the audit has passed. `availability`: sell on, and report what the audit found. */
export type AfterFailover = 'safety' | 'availability';

/** What is wrong with the books, for people; null if nothing is. */
export type BooksAudit = () => Promise<string | null>;

export type Report = (message: string) => void;

const TRY_AGAIN_MS = 1_000;

export class SaleGuard {
  readonly #policy: AfterFailover;
  readonly #report: Report;
  readonly #known = new Set<string>();
  #audit: BooksAudit | null = null;
  #stopped: string | null = null;
  #changes = 0;
  #auditing = false;
  #closed = false;
  readonly #onChange: () => void;

  constructor(policy: AfterFailover, report: Report, onChange: () => void) {
    this.#policy = policy;
    this.#report = report;
    this.#onChange = onChange;
  }

  /** Why nothing is written; null while all is well. */
  get stopped(): string | null {
    return this.#stopped;
  }

  /** From now on, a primary that was not met before is a change. */
  start(audit: BooksAudit): void {
    this.#audit = audit;
  }

  /** To be called before anything is sent to a primary. `identity`: its process and its history of writes. */
  met(server: string, identity: string): void {
    if (this.#known.has(identity)) return;
    this.#known.add(identity);
    if (this.#audit !== null)
      this.interrupt(`the primary at ${server} was replaced or started again`);
  }

  interrupt(reason: string): void {
    this.#changes += 1;
    if (this.#policy === 'safety') {
      this.#stopped = `${reason}; nothing is sold until the audit has passed`;
      this.#report(`${reason}: sales stop until the audit has passed`);
    } else {
      this.#report(
        `${reason}: sales go on (HOLDFAST_REDIS_AFTER_FAILOVER=availability) while the audit runs`,
      );
    }
    if (!this.#auditing) void this.#auditUntilSettled();
  }

  close(): void {
    this.#closed = true;
  }

  async #auditUntilSettled(): Promise<void> {
    this.#auditing = true;
    for (;;) {
      const change = this.#changes;
      const finding = await this.#auditOnce();
      if (this.#closed) return;
      if (change !== this.#changes || finding === undefined) continue;
      this.#auditing = false;
      this.#settle(finding);
      return;
    }
  }

  /** Undefined where the audit could not be made: it is tried again. */
  async #auditOnce(): Promise<string | null | undefined> {
    try {
      return await (this.#audit ?? (() => Promise.resolve(null)))();
    } catch {
      await sleep(TRY_AGAIN_MS, null, { ref: false });
      return undefined;
    }
  }

  #settle(finding: string | null): void {
    if (finding === null) {
      this.#stopped = null;
      this.#report('the audit after the change of the primary has passed');
    } else if (this.#policy === 'safety') {
      this.#stopped = `the audit after a change of the primary found: ${finding}`;
      this.#report(`${this.#stopped}; nothing is sold until an operator has looked`);
    } else {
      this.#report(`the audit after a change of the primary found: ${finding}; sales go on`);
    }
    this.#onChange();
  }
}
