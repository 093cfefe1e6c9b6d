/** An ERP that speaks the protocol of docs/connectors.md, written from it alone: a real HTTP server that a test can trouble. */
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Lifetime } from '../support/temp-dir.ts';

export const SECRET = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;

type Trouble =
  | { readonly kind: 'reset' | 'garbage' | 'answer'; readonly applied: boolean; status?: number }
  | { readonly kind: 'late' };

interface Message {
  readonly type: 'sale' | 'cancellation';
  readonly message_id: string;
  readonly reservation_id: string;
  readonly lines: readonly { sku: string; quantity: number; restock?: boolean }[];
}

/** What stands in the header, computed as the specification says, and by nothing of the connector's. */
export function signatureOf(id: string, timestamp: string, payload: string, secret = SECRET) {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const content = `${id}.${timestamp}.${payload}`;
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
}

export class WebhookErp {
  readonly levels = new Map<string, number | string>();
  /** Messages applied, by their ids, in order. */
  readonly applied: string[] = [];
  /** Those that came again after they had been applied. */
  readonly repeated: string[] = [];
  /** The reservation of each message that was applied. */
  readonly reservations = new Map<string, string>();
  /** Of what it has not seen it says for certain that it will not take it, in place of 404. */
  isSure = false;
  /** How long an answer to a POST takes, in ms; what it asks for is done at once. */
  answersAfterMs = 0;
  /** Requests whose signature was wrong. */
  forged = 0;
  requests = 0;
  /** What befalls the next POST. */
  trouble: Trouble | null = null;
  /** Every request is answered so. */
  always: { status: number; headers?: Record<string, string> } | null = null;
  #late: Message[] = [];
  #url = '';

  get url(): string {
    return this.#url;
  }

  async start(t: Lifetime): Promise<this> {
    const server = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (part: string) => (text += part));
      request.on('end', () => this.#answer(request, text, response));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    this.#url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/erp`;
    return this;
  }

  /** What was on its way arrives. */
  arrive(): void {
    for (const message of this.#late.splice(0)) this.#apply(message);
  }

  #answer(request: IncomingMessage, text: string, response: ServerResponse): void {
    this.requests += 1;
    const payload = request.method === 'GET' ? (request.url ?? '') : text;
    const {
      'webhook-id': id,
      'webhook-timestamp': at,
      'webhook-signature': given,
    } = request.headers;
    if (
      !String(given)
        .split(' ')
        .includes(signatureOf(String(id), String(at), payload))
    ) {
      this.forged += 1;
      json(response, 401, { reason: 'the signature is wrong' });
      return;
    }
    if (this.always !== null) {
      response.writeHead(this.always.status, this.always.headers).end();
      return;
    }
    const url = new URL(request.url ?? '', this.#url);
    if (url.pathname === '/erp/levels') this.#levels(url.searchParams, response);
    else if (request.method === 'GET') this.#state(url.pathname, response);
    else this.#take(JSON.parse(text) as Message, request, response);
  }

  #levels(query: URLSearchParams, response: ServerResponse): void {
    const asked = query.getAll('sku');
    const all = [...this.levels].map(([sku, level]) =>
      typeof level === 'number' ? { sku, on_hand: level } : { sku, problem: level },
    );
    if (asked.length > 0) {
      json(response, 200, { levels: all.filter(({ sku }) => asked.includes(sku)), next: null });
      return;
    }
    const from = Number(query.get('cursor') ?? 0);
    const end = from + Number(query.get('limit'));
    const next = end < all.length ? String(end) : null;
    json(response, 200, { levels: all.slice(from, end), next });
  }

  #state(path: string, response: ServerResponse): void {
    const id = decodeURIComponent(path.split('/').at(-1) ?? '');
    if (this.applied.includes(id)) json(response, 200, { status: 'applied', reference: `E-${id}` });
    else if (this.isSure) json(response, 200, { status: 'not_applied', reason: 'not here' });
    else json(response, 404, { reason: 'never seen' });
  }

  #take(message: Message, request: IncomingMessage, response: ServerResponse): void {
    const { trouble } = this;
    this.trouble = null;
    if (trouble?.kind === 'late') {
      this.#late.push(message);
      json(response, 504, {});
      return;
    }
    if (trouble === null || trouble.applied) this.#apply(message);
    switch (trouble?.kind) {
      case 'reset':
        request.socket.resetAndDestroy();
        break;
      case 'garbage':
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"refer');
        break;
      case 'answer':
        json(response, trouble.status ?? 500, { reason: 'it was not to be, says the test' });
        break;
      case undefined:
        setTimeout(() => {
          json(response, 200, { reference: `E-${message.message_id}` });
        }, this.answersAfterMs);
    }
  }

  #apply({ type, message_id: id, reservation_id: reservation, lines }: Message): void {
    if (this.reservations.has(id)) {
      this.repeated.push(id);
      return;
    }
    this.applied.push(id);
    this.reservations.set(id, reservation);
    for (const { sku, quantity, restock } of lines) {
      const change = type === 'sale' ? -quantity : restock === true ? quantity : 0;
      this.levels.set(sku, Number(this.levels.get(sku) ?? 0) + change);
    }
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
