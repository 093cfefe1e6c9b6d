/** A call as the routes see it, and what a route is. */
import { noData, notFound, Refusal, type Answer } from './answers.ts';
import { Query } from './query.ts';
import type { Scope } from './switches.ts';
import type { World } from './world.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export class Call {
  readonly method: string;
  /** Without /Api/v3 and query. */
  readonly path: string;
  readonly query: Query;
  readonly text: string;
  readonly ip: string;
  readonly authorization: string | undefined;
  /** Whether it said `enable-jwt: 1`. */
  readonly jwt: boolean;
  readonly #params: Readonly<Record<string, string>>;

  constructor(parts: {
    method: string;
    path: string;
    query: string;
    text: string;
    ip: string;
    authorization: string | undefined;
    jwt: boolean;
    params: Readonly<Record<string, string>>;
  }) {
    this.method = parts.method;
    this.path = parts.path;
    this.query = new Query(parts.query);
    this.text = parts.text;
    this.ip = parts.ip;
    this.authorization = parts.authorization;
    this.jwt = parts.jwt;
    this.#params = parts.params;
  }

  /** An id in the path; what is none leads nowhere. */
  id(name: string): number {
    const id = Number(this.#params[name]);
    if (!Number.isSafeInteger(id)) throw new Refusal(notFound());
    return id;
  }

  has(name: string): boolean {
    return this.#params[name] !== undefined;
  }

  /** The body's JSON object; anything else counts as nothing. */
  json(): JsonObject {
    const value = parsed(this.text);
    if (!isObject(value) || Object.keys(value).length === 0) throw new Refusal(noData());
    return value;
  }

  form(): URLSearchParams {
    return new URLSearchParams(this.text);
  }
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** Without /Api/v3; `:id` stands for an id. */
  readonly path: string;
  /** token: counted by address only. resource: wants a token with this scope (null: with any). */
  readonly access: 'token' | { readonly scope: Scope | null };
  readonly handle: (world: World, call: Call) => Answer;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
