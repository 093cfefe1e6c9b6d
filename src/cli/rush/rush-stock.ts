/** The service's own figures: set before the rush, read before and after it. */
import { parseObject } from './rush-answers.ts';
import { type RushAnswer, RushFault, type RushRequest, type RushTransport } from './rush-client.ts';
import { type RushClock, type ServerClock, narrowServerClock, pause } from './rush-clock.ts';
import type { RushPlan } from './rush-plan.ts';

/** The levels of one SKU. A service that shows only `quantity` leaves the others null. */
export interface Level {
  readonly available: number;
  readonly onHand: number | null;
  readonly reserved: number | null;
  readonly allocated: number | null;
  readonly safetyStock: number | null;
}

export interface Reading {
  readonly level: Level;
  /** Between these moments of our clock the figures were true. */
  readonly askedAt: number;
  readonly answeredAt: number;
}

/** The rush cannot be run at all: no verdict, and exit code 2. */
export class CannotRush extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CannotRush';
  }
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2000;

interface StockDeskParts {
  readonly plan: RushPlan;
  readonly transport: RushTransport;
  readonly clock: RushClock;
}

export class StockDesk {
  /** What the answers have told of the service's clock so far. */
  serverClock: ServerClock | null = null;
  private readonly parts: StockDeskParts;

  constructor(parts: StockDeskParts) {
    this.parts = parts;
  }

  /** Opens every connection, so that the first buyers do not pay for it; fails if nobody is there. */
  async warmUp(sku: string, until: number): Promise<void> {
    const calls = Array.from({ length: this.parts.plan.connections }, () => sku);
    await this.each(calls, async () => {
      await this.ask({ method: 'GET', path: stockPath(sku) }, until);
    });
  }

  async setStock(skus: readonly string[], onHand: number, until: number): Promise<void> {
    const body = JSON.stringify({ on_hand: onHand });
    await this.each(skus, async (sku) => {
      const { answer } = await this.ask({ method: 'PUT', path: stockPath(sku), body }, until);
      if (answer.status !== 200 && answer.status !== 201) throw cannotSet(sku, answer);
    });
  }

  async read(skus: readonly string[], until: number): Promise<Reading[]> {
    return this.each(skus, async (sku) => {
      const request = { method: 'GET', path: stockPath(sku) } as const;
      const { answer, askedAt, answeredAt } = await this.ask(request, until);
      const level = answer.status === 200 ? parseLevel(answer.body) : null;
      if (level === null) throw cannotRead(sku, answer);
      return { level, askedAt, answeredAt };
    });
  }

  private async each<T>(skus: readonly string[], call: (sku: string) => Promise<T>): Promise<T[]> {
    const results: T[] = [];
    let next = 0;
    let failed = false;
    const worker = async (): Promise<void> => {
      while (next < skus.length && !failed) {
        const index = next++;
        try {
          results[index] = await call(skus[index] ?? '');
        } catch (error) {
          failed = true;
          throw error;
        }
      }
    };
    const workers = Math.min(skus.length, this.parts.plan.connections);
    await Promise.all(Array.from({ length: workers }, worker));
    return results;
  }

  /** Asks until there is an answer other than "not now", or no time is left. */
  private async ask(
    request: RushRequest,
    until: number,
  ): Promise<{ answer: RushAnswer; askedAt: number; answeredAt: number }> {
    const { clock, transport } = this.parts;
    for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(2 * wait, LONGEST_PAUSE_MS)) {
      const askedAt = clock.now();
      let trouble: string;
      let retryAfterMs = 0;
      try {
        const answer = await transport.send(request);
        const answeredAt = clock.now();
        if (answer.stampMs !== null) {
          this.serverClock = narrowServerClock(
            this.serverClock,
            answer.stampMs,
            askedAt,
            answeredAt,
          );
        }
        if (answer.status !== 429 && answer.status < 500) return { answer, askedAt, answeredAt };
        trouble = `answered ${answer.status}`;
        retryAfterMs = answer.retryAfterMs ?? 0;
      } catch (fault) {
        if (!(fault instanceof RushFault)) throw fault;
        trouble = `did not answer (${fault.message})`;
      }
      const pauseMs = Math.max(wait, retryAfterMs);
      if (clock.now() + pauseMs > until) {
        const what = `${request.method} ${request.path}`;
        throw new CannotRush(`${this.parts.plan.origin} ${trouble} to ${what}`);
      }
      await pause(clock, pauseMs);
    }
  }
}

function stockPath(sku: string): string {
  return `/stock/${encodeURIComponent(sku)}`;
}

function parseLevel(body: string): Level | null {
  const stock = parseObject(body);
  const figure = (name: string): number | null => {
    const value = stock?.[name];
    return typeof value === 'number' ? value : null;
  };
  const available = figure('available') ?? figure('quantity');
  if (available === null) return null;
  return {
    available,
    onHand: figure('on_hand'),
    reserved: figure('reserved'),
    allocated: figure('allocated'),
    safetyStock: figure('safety_stock'),
  };
}

function cannotSet(sku: string, { status }: RushAnswer): CannotRush {
  if (status === 401 || status === 403) {
    return new CannotRush(
      `not allowed to set the stock of ${sku} (${status}): give a --key with the scope admin, ` +
        'or rush at a SKU that has stock with --sku',
    );
  }
  return new CannotRush(`could not set the stock of ${sku}: PUT ${stockPath(sku)} gave ${status}`);
}

function cannotRead(sku: string, { status }: RushAnswer): CannotRush {
  if (status === 404) return new CannotRush(`there is no SKU ${sku}; give --stock to make it`);
  if (status === 401 || status === 403) {
    return new CannotRush(`not allowed to read the stock of ${sku} (${status}): give a --key`);
  }
  return new CannotRush(`GET ${stockPath(sku)} gave ${status} without levels that can be read`);
}
