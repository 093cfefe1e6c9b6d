/** Gauges of one status, which is read once before each scrape. */
import { Gauge, type Registry } from 'prom-client';

export class StatusGauges<Status> {
  readonly #registry: Registry;
  readonly #read: () => Promise<Status>;
  readonly #now: () => number;
  #status: Status | null = null;

  /** `now`: epoch ms of the clock that the status tells its moments by. */
  constructor(registry: Registry, read: () => Promise<Status>, now: () => number) {
    this.#registry = registry;
    this.#read = read;
    this.#now = now;
  }

  /** As last read; null where it could not be had in time. */
  get status(): Status | null {
    return this.#status;
  }

  /** Before a scrape; `late` ends the waiting, and then the gauges are absent. */
  async refresh(late: Promise<null>): Promise<void> {
    this.#status = await Promise.race([this.#read().catch(() => null), late]);
  }

  /** `valueOf`: null where there is nothing to tell, and then the gauge is absent. */
  add(name: string, help: string, valueOf: (status: Status, now: number) => number | null): void {
    const current = (): number | null =>
      this.#status === null ? null : valueOf(this.#status, this.#now());
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        const value = current();
        if (value === null) this.remove();
        else this.set(value);
      },
    });
  }
}
