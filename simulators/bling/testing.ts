/** A simulator for one test, and calls to it. */
import { startBlingSimulator, type BlingSimulator, type SimulatorOptions } from './server.ts';

/** What lasts as long as a test. */
export interface Lifetime {
  after(done: () => unknown): void;
}

export interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly text: string;
  readonly headers: Headers;
}

export interface Bench extends BlingSimulator {
  /** A call with a good token. @param path without /Api/v3 */
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Reply>;
  /** POST /oauth/token with the client's credentials. */
  token(form: Record<string, string>, headers?: Record<string, string>): Promise<Reply>;
}

/** Time stands still and no limit is in the way, unless the test says otherwise. */
export async function bench(t: Lifetime, options: SimulatorOptions = {}): Promise<Bench> {
  const simulator = await startBlingSimulator({
    speed: 0,
    startAt: Date.UTC(2026, 10, 22, 12),
    ...options,
    switches: { limitPerSecond: 0, ipBlocks: false, ...options.switches },
  });
  t.after(() => simulator.stop());
  const { apiUrl, client, control } = simulator;
  const token = control.issueTokens().access_token;
  const basic = Buffer.from(`${client.id}:${client.secret}`).toString('base64');
  return {
    ...simulator,
    call: (method, path, body, headers = {}) =>
      send(`${apiUrl}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          'enable-jwt': '1',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    token: (form, headers = {}) =>
      send(`${apiUrl}/oauth/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${basic}`, 'enable-jwt': '1', ...headers },
        body: new URLSearchParams(form),
      }),
  };
}

export async function send(url: string, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(url, { redirect: 'manual', ...init });
  const text = await response.text();
  const { status, headers } = response;
  return { status, headers, text, body: parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A body that POST /pedidos/vendas takes, of one unit of each product. */
export function orderOf(
  productIds: readonly number[],
  contactId: number,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    numeroLoja: 'SHOPIFY-1',
    data: '2026-11-22',
    dataSaida: '2026-11-22',
    dataPrevista: '2026-11-22',
    contato: { id: contactId },
    loja: { id: 42 },
    itens: productIds.map((id) => ({
      descricao: 'Camisa',
      unidade: 'UN',
      quantidade: 1,
      valor: 99.9,
      produto: { id },
    })),
    parcelas: [
      {
        dataVencimento: '2026-11-22',
        valor: Math.round(productIds.length * 9_990) / 100,
        formaPagamento: { id: 3_100_001 },
      },
    ],
    ...more,
  };
}
