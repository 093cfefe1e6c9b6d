/** Asks a service that may die at any moment. */
import type { TestContext } from 'node:test';
import { Pool, type Dispatcher } from 'undici';

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Readonly<Record<string, unknown>>;
}

export class Client {
  readonly #pool: Pool;

  constructor(t: TestContext, url: string, connections = 1) {
    // Each request is sent once, at once: none is sent again by itself, and none waits behind another.
    this.#pool = new Pool(url, { connections, pipelining: 1 });
    t.after(() => this.#pool.destroy());
  }

  /** Null when no whole answer came: the request may or may not have been carried out. */
  async ask(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: Readonly<Record<string, unknown>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Reply | null> {
    try {
      const type = body === undefined ? {} : { 'content-type': 'application/json' };
      const answer = await this.#pool.request({
        method,
        path,
        body: body === undefined ? null : JSON.stringify(body),
        headers: { ...type, ...headers },
      });
      const { statusCode: status } = answer;
      return { status, headers: answer.headers, body: (await answer.body.json()) as Reply['body'] };
    } catch {
      return null;
    }
  }

  /** For a service that is meant to live. */
  async must(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: Readonly<Record<string, unknown>>,
  ): Promise<Reply> {
    const reply = await this.ask(method, path, body);
    if (reply === null) throw new Error(`${method} ${path}: no answer`);
    return reply;
  }
}
