/** Bling's token endpoint, and the address where a person says yes. */
import { ErpFault } from '../../../engine/erp-port.ts';
import { notReached, type Exchange } from '../exchange.ts';
import { isObject, readRefusal } from '../refusal.ts';
import type { BlingSettings } from '../settings.ts';
import type { Tokens } from './token-file.ts';

type OAuthSettings = Pick<BlingSettings, 'oauthUrl' | 'clientId' | 'clientSecret' | 'timeoutMs'>;

/** Documented life of a refresh token; the answer does not say. */
const REFRESH_TOKEN_MS = 30 * 86_400_000;
const CONNECT_AGAIN = 'authorize Holdfast again: holdfast bling connect';
/** A stop of the service does not interrupt a renewal: the new token must not be lost. */
const NEVER = new AbortController().signal;

export class OAuth {
  readonly #settings: OAuthSettings;
  readonly #exchange: Exchange;
  readonly #now: () => number;

  constructor(settings: OAuthSettings, exchange: Exchange, now: () => number) {
    this.#settings = settings;
    this.#exchange = exchange;
    this.#now = now;
  }

  authorizeUrl(state: string): string {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: this.#settings.clientId,
      state,
    });
    return `${this.#settings.oauthUrl}/oauth/authorize?${query.toString()}`;
  }

  /** A code is good for a minute and once: using it twice takes all access away. */
  async redeem(code: string): Promise<Tokens> {
    return this.#ask({ grant_type: 'authorization_code', code });
  }

  /** Bling gives a new refresh token each time, and the old one is dead from then on. */
  async renew(refreshToken: string): Promise<Tokens> {
    return this.#ask({ grant_type: 'refresh_token', refresh_token: refreshToken });
  }

  async #ask(form: Record<string, string>): Promise<Tokens> {
    const { oauthUrl, clientId, clientSecret, timeoutMs } = this.#settings;
    const askedAt = this.#now();
    const reply = await this.#exchange.send({
      method: 'POST',
      url: `${oauthUrl}/oauth/token`,
      headers: {
        authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
        accept: '1.0',
        'enable-jwt': '1',
      },
      body: new URLSearchParams(form).toString(),
      timeoutMs,
      signal: NEVER,
    });
    if (reply.kind !== 'answer') {
      const { kind, reason } = reply;
      const what =
        kind === 'lost' ? reason : notReached(oauthUrl, 'HOLDFAST_BLING_OAUTH_URL', reason);
      throw new ErpFault('ERP_UNAVAILABLE', `Bling gives no token: ${what}`);
    }
    if (reply.status !== 200) throw refused(reply.status, reply.text);
    return readTokens(reply.text, askedAt);
  }
}

function refused(status: number, text: string | null): ErpFault {
  const refusal = readRefusal(status, text);
  if (refusal.type === 'invalid_client') {
    return new ErpFault(
      'ERP_MISCONFIGURED',
      `Bling does not know this app (${refusal.text}): see HOLDFAST_BLING_CLIENT_ID and HOLDFAST_BLING_CLIENT_SECRET`,
    );
  }
  if (refusal.type === 'UNAUTHORIZED_ERROR') {
    return new ErpFault('ERP_MISCONFIGURED', `Bling gives this account no token (${refusal.text})`);
  }
  if (status >= 400 && status < 500 && status !== 429 && refusal.type !== null) {
    return new ErpFault(
      'ERP_MISCONFIGURED',
      `Bling refuses the authorization (${refusal.text}): ${CONNECT_AGAIN}`,
    );
  }
  return new ErpFault('ERP_UNAVAILABLE', `Bling gives no token: ${refusal.text}`);
}

function readTokens(text: string | null, askedAt: number): Tokens {
  let value: unknown = null;
  try {
    value = JSON.parse(text ?? '');
  } catch {
    // Told below, with the other ways of not being an answer.
  }
  const answer = isObject(value) ? value : {};
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresIn } = answer;
  if (
    typeof accessToken !== 'string' ||
    typeof refreshToken !== 'string' ||
    typeof expiresIn !== 'number' ||
    !(expiresIn > 0)
  ) {
    throw new ErpFault('ERP_UNAVAILABLE', "Bling's answer with the tokens cannot be read");
  }
  return {
    accessToken,
    refreshToken,
    obtainedAt: askedAt,
    accessExpiresAt: askedAt + Math.floor(expiresIn * 1_000),
    refreshExpiresAt: askedAt + REFRESH_TOKEN_MS,
  };
}
