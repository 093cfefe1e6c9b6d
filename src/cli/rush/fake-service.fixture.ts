/**
 * A small stock service for the tests of `rush`, over real HTTP on a free port of this machine. It is correct unless
 * told otherwise, and then wrong in exactly one way.
 */
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeFaults {
  /** Grants so many units beyond the stock of each SKU. */
  oversell?: number;
  /** Keeps so many units of each SKU back, for nobody. */
  undersell?: number;
  /** Released units stay reserved, unseen by the books. */
  loseReleased?: boolean;
  /** Shows books that add up, whatever was granted. */
  hideInBooks?: boolean;
  /** Answers a reserve with 503 before doing anything, if this is true of its number (from 1). */
  busy?: (reserve: number) => boolean;
  /** Reserves, and then cuts the line instead of answering. */
  cut?: (reserve: number) => boolean;
  /** Never answers this reserve. */
  silent?: (reserve: number) => boolean;
  /** Confirms nothing: every reservation has lapsed early. */
  forgetful?: boolean;
  retryAfter?: string;
}

interface Stock {
  onHand: number;
  lost: number;
}

interface Reservation {
  readonly lines: readonly { sku: string; quantity: number }[];
  readonly expiresAt: number;
  state: 'active' | 'confirmed' | 'released';
}

interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers?: Record<string, string>;
}

const DEFAULT_TTL_SECONDS = 600;

export class FakeService {
  readonly faults: FakeFaults = {};
  readonly keysSeen = new Map<string, number>();
  reserves = 0;
  authorization: string | undefined;
  private readonly stocks = new Map<string, Stock>();
  private readonly reservations = new Map<string, Reservation>();
  private readonly replies = new Map<string, Reply>();
  private readonly server: Server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => this.serve(request, response, text));
  });

  constructor(faults: FakeFaults = {}) {
    this.faults = faults;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get skus(): string[] {
    return [...this.stocks.keys()];
  }

  setStock(sku: string, onHand: number): void {
    this.stocks.set(sku, { onHand, lost: 0 });
  }

  private serve(request: IncomingMessage, response: ServerResponse, text: string): void {
    this.authorization = request.headers.authorization;
    const [, first = '', name = '', verb] = (request.url ?? '').split('/');
    const id = decodeURIComponent(name);
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    const key = request.headers['idempotency-key'];
    if (verb === 'reserve' || (first === 'reservations' && name === '')) {
      this.serveReserve(response, body, first === 'stock' ? id : null, key?.toString());
    } else if (first === 'reservations') {
      this.reply(response, this.end(id, verb ?? ''));
    } else if (request.method === 'PUT') {
      const known = this.stocks.has(id);
      this.setStock(id, Number(body['on_hand']));
      this.reply(response, { status: known ? 200 : 201, body: this.levels(id) });
    } else {
      const known = this.stocks.has(id);
      this.reply(response, { status: known ? 200 : 404, body: known ? this.levels(id) : {} });
    }
  }

  private serveReserve(
    response: ServerResponse,
    body: Record<string, unknown>,
    sku: string | null,
    key: string | undefined,
  ): void {
    const number = ++this.reserves;
    if (key !== undefined) this.keysSeen.set(key, (this.keysSeen.get(key) ?? 0) + 1);
    if (this.faults.silent?.(number) === true) return;
    if (this.faults.busy?.(number) === true) {
      const headers = { 'retry-after': this.faults.retryAfter ?? '0' };
      this.reply(response, { status: 503, body: { code: 'store_unavailable' }, headers });
      return;
    }
    const earlier = key === undefined ? undefined : this.replies.get(key);
    const reply = earlier ?? this.reserve(body, sku);
    if (key !== undefined) this.replies.set(key, reply);
    if (this.faults.cut?.(number) === true) response.destroy();
    else this.reply(response, reply);
  }

  private reserve(body: Record<string, unknown>, sku: string | null): Reply {
    const lines =
      sku === null
        ? (body['lines'] as { sku: string; quantity: number }[])
        : [{ sku, quantity: Number(body['quantity'] ?? 1) }];
    if (lines.some((line) => !this.stocks.has(line.sku))) {
      return { status: 404, body: { code: 'unknown_sku' } };
    }
    const bonus = (this.faults.oversell ?? 0) - (this.faults.undersell ?? 0);
    const short = lines.find((line) => this.available(line.sku) + bonus < line.quantity);
    if (short !== undefined) {
      const code = this.reserved(short.sku) > 0 ? 'all_reserved' : 'sold_out';
      return { status: 409, body: { code } };
    }
    const ttlMs = 1000 * Number(body['ttl_seconds'] ?? DEFAULT_TTL_SECONDS);
    const reservation: Reservation = { lines, expiresAt: Date.now() + ttlMs, state: 'active' };
    const id = randomUUID();
    this.reservations.set(id, reservation);
    const expiresAt = new Date(reservation.expiresAt).toISOString();
    return {
      status: sku === null ? 201 : 200,
      body: { reservation_id: id, sku, expires_at: expiresAt },
    };
  }

  private end(id: string, verb: string): Reply {
    const reservation = this.reservations.get(id);
    if (reservation === undefined) return { status: 404, body: { code: 'reservation_not_found' } };
    const ended = verb === 'confirm' ? 'confirmed' : 'released';
    if (reservation.state === ended) return { status: 200, body: { status: ended } };
    const lapsed = reservation.expiresAt <= Date.now() || this.faults.forgetful === true;
    if (lapsed || reservation.state !== 'active') {
      reservation.state = 'released';
      return { status: 410, body: { code: 'reservation_expired' } };
    }
    reservation.state = ended;
    for (const { sku, quantity } of reservation.lines) {
      const stock = this.stocks.get(sku);
      if (stock === undefined) continue;
      if (ended === 'confirmed') stock.onHand -= quantity;
      else if (this.faults.loseReleased === true) stock.lost += quantity;
    }
    return { status: 200, body: { status: ended } };
  }

  private reserved(sku: string): number {
    const now = Date.now();
    let units = 0;
    for (const { state, expiresAt, lines } of this.reservations.values()) {
      if (state !== 'active' || expiresAt <= now) continue;
      for (const line of lines) if (line.sku === sku) units += line.quantity;
    }
    return units;
  }

  private available(sku: string): number {
    const stock = this.stocks.get(sku) ?? { onHand: 0, lost: 0 };
    return stock.onHand - stock.lost - this.reserved(sku);
  }

  private levels(sku: string): Record<string, unknown> {
    const onHand = this.stocks.get(sku)?.onHand ?? 0;
    const hidden = this.faults.hideInBooks === true;
    const reserved = hidden ? Math.min(onHand, this.reserved(sku)) : this.reserved(sku);
    const available = Math.max(0, onHand - reserved);
    return {
      sku,
      quantity: available,
      available,
      on_hand: hidden ? Math.max(0, onHand) : onHand,
      reserved,
      allocated: 0,
      safety_stock: 0,
    };
  }

  private reply(response: ServerResponse, { status, body, headers }: Reply): void {
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    response.writeHead(status, { 'content-type': type, ...headers });
    response.end(JSON.stringify(body));
  }
}
