/** The wire: requests over kept-alive connections, as cheap as undici makes them, each with an end. */
import { type Dispatcher, Pool } from 'undici';
import type { RushPlan } from './rush-plan.ts';

export interface RushRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly body?: string;
  readonly idempotencyKey?: string;
}

export interface RushAnswer {
  readonly status: number;
  readonly body: string;
  readonly retryAfterMs: number | null;
  /** The service's clock when it answered, by the second. */
  readonly stampMs: number | null;
}

/** `unreachable`: nothing was sent. The others leave open whether the service has acted. */
type FaultKind = 'unreachable' | 'timeout' | 'reset' | 'stopped';

export class RushFault extends Error {
  readonly kind: FaultKind;
  constructor(kind: FaultKind, message: string) {
    super(message);
    this.name = 'RushFault';
    this.kind = kind;
  }
}

export interface RushTransport {
  /** Rejects with a `RushFault`, and with nothing else. */
  send(request: RushRequest): Promise<RushAnswer>;
  /** Gives up on all that is on the way; what comes after is sent as ever. */
  abortAll(): void;
  close(): Promise<void>;
}

/** How often silence is looked for; undici's own timeouts are coarser than a short limit needs. */
const TIMEOUT_SCAN_MS = 25;

export function connectTransport(plan: RushPlan): RushTransport {
  const pool = new Pool(plan.origin, {
    connections: plan.connections,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: plan.requestTimeoutMs },
  });
  const baseHeaders: Record<string, string> = { accept: 'application/json' };
  if (plan.key !== null) baseHeaders['authorization'] = `Bearer ${plan.key}`;
  const underWay = new Set<Exchange>();
  const scan = setInterval(() => {
    const tooOld = performance.now() - plan.requestTimeoutMs;
    for (const exchange of underWay) {
      if (exchange.startedAt > tooOld) break; // a Set keeps the order of starting
      exchange.giveUp('timeout', `no answer within ${plan.requestTimeoutMs / 1000} s`);
    }
  }, TIMEOUT_SCAN_MS);
  scan.unref();

  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        const exchange = new Exchange(resolve, reject, (done) => underWay.delete(done));
        underWay.add(exchange);
        pool.dispatch(dispatchOptions(request, plan.basePath, baseHeaders), exchange);
      }),
    abortAll: () => {
      for (const exchange of underWay) exchange.giveUp('stopped', 'stopped by us');
    },
    close: async () => {
      clearInterval(scan);
      await pool.destroy();
    },
  };
}

function dispatchOptions(
  request: RushRequest,
  basePath: string,
  baseHeaders: Readonly<Record<string, string>>,
): Dispatcher.DispatchOptions {
  const headers: Record<string, string> = { ...baseHeaders };
  if (request.body !== undefined) headers['content-type'] = 'application/json';
  if (request.idempotencyKey !== undefined) headers['idempotency-key'] = request.idempotencyKey;
  return {
    method: request.method,
    path: basePath + request.path,
    headers,
    body: request.body ?? null,
  };
}

type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** One request and its answer. It settles once, and what arrives after that is ignored. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly startedAt = performance.now();
  private readonly resolve: (answer: RushAnswer) => void;
  private readonly reject: (fault: RushFault) => void;
  private readonly onDone: (exchange: Exchange) => void;
  private controller: Dispatcher.DispatchController | null = null;
  private done = false;
  private status = 0;
  private headers: AnswerHeaders = {};
  private readonly chunks: Buffer[] = [];

  constructor(
    resolve: (answer: RushAnswer) => void,
    reject: (fault: RushFault) => void,
    onDone: (exchange: Exchange) => void,
  ) {
    this.resolve = resolve;
    this.reject = reject;
    this.onDone = onDone;
  }

  giveUp(kind: FaultKind, message: string): void {
    // Undici tells us just before the first byte leaves; until then the service cannot have acted.
    const fault = new RushFault(this.controller === null ? 'unreachable' : kind, message);
    const { controller } = this;
    this.fail(fault);
    controller?.abort(fault);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.done) controller.abort(new RushFault('stopped', 'given up before it was sent'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: AnswerHeaders,
  ): void {
    this.status = status;
    this.headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (!this.finish()) return;
    const [first, ...more] = this.chunks;
    const body = first === undefined ? '' : more.length === 0 ? first : Buffer.concat(this.chunks);
    const stampMs = Date.parse(headerText(this.headers['date']));
    this.resolve({
      status: this.status,
      body: body.toString(),
      stampMs: Number.isNaN(stampMs) ? null : stampMs,
      retryAfterMs: parseRetryAfter(headerText(this.headers['retry-after']), stampMs),
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const kind = this.controller === null ? 'unreachable' : 'reset';
    const code = 'code' in error && typeof error.code === 'string' ? error.code : error.message;
    this.fail(new RushFault(kind, code === '' ? error.name : code));
  }

  private fail(fault: RushFault): void {
    if (this.finish()) this.reject(fault);
  }

  private finish(): boolean {
    if (this.done) return false;
    this.done = true;
    this.onDone(this);
    return true;
  }
}

function headerText(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

/** Seconds, or a date, which is read against the clock of the one who sent it. */
export function parseRetryAfter(text: string, stampMs: number): number | null {
  if (/^\d+$/.test(text)) return 1000 * Number(text);
  const wait = Date.parse(text) - stampMs;
  return Number.isNaN(wait) ? null : Math.max(0, wait);
}
