/** Authorization codes, access tokens and refresh tokens, with every way of losing them. */
import {
  codeUsedTwice,
  expiredToken,
  inactiveCompany,
  insufficientScope,
  invalidClient,
  invalidGrant,
  invalidRequest,
  invalidToken,
  malformedHeader,
  Refusal,
  unsupportedGrant,
  type Answer,
} from './answers.ts';
import type { SimulatedClock } from './clock.ts';
import type { Random } from './random.ts';
import { SCOPES, type Scope, type Switches } from './switches.ts';

export interface Client {
  readonly id: string;
  readonly secret: string;
}

/** One user's yes to one app: everything that was given for it ends with it. */
interface Grant {
  revoked: boolean;
}

interface Credential {
  readonly grant: Grant;
  readonly expiresAt: number;
  used: boolean;
}

/** What a token call answers, as Bling words it. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly expires_in: number;
  readonly token_type: 'Bearer';
  readonly scope: string;
  readonly refresh_token: string;
}

export class OAuth {
  readonly client: Client;
  readonly #clock: SimulatedClock;
  readonly #switches: Switches;
  readonly #random: Random;
  readonly #grants: Grant[] = [];
  readonly #codes = new Map<string, Credential>();
  readonly #access = new Map<string, Credential>();
  readonly #refresh = new Map<string, Credential>();

  constructor(client: Client, clock: SimulatedClock, switches: Switches, random: Random) {
    this.client = client;
    this.#clock = clock;
    this.#switches = switches;
    this.#random = random;
  }

  /** A user says yes: a code, good once and for a minute. */
  approve(): string {
    const code = this.#random.hex(40);
    const grant = { revoked: false };
    this.#grants.push(grant);
    this.#codes.set(code, this.#credential(grant, this.#switches.codeSeconds));
    return code;
  }

  /** POST /oauth/token. @param jwt whether the call said `enable-jwt: 1` */
  token(authorization: string | undefined, form: URLSearchParams, jwt: boolean): TokenAnswer {
    this.#checkClient(authorization);
    const type = form.get('grant_type');
    if (type === null) throw refuse(invalidRequest('The grant type was not specified'));
    if (type !== 'authorization_code' && type !== 'refresh_token') {
      throw refuse(unsupportedGrant(type));
    }
    const field = type === 'authorization_code' ? 'code' : 'refresh_token';
    const value = form.get(field);
    if (value === null) throw refuse(invalidRequest(`Missing parameter: "${field}" is required`));
    if (!jwt && !this.#switches.opaqueTokens) {
      throw refuse(invalidRequest('The enable-jwt header is required'));
    }
    const grant = field === 'code' ? this.#useCode(value) : this.#useRefreshToken(value);
    if (!this.#switches.companyActive) throw refuse(inactiveCompany());
    return this.issue(grant, jwt);
  }

  /** POST /oauth/revoke: the user's access ends, whichever of its tokens is named. */
  revoke(authorization: string | undefined, form: URLSearchParams): void {
    this.#checkClient(authorization);
    const token = form.get('token') ?? '';
    const grant = (this.#access.get(token) ?? this.#refresh.get(token))?.grant;
    if (grant === undefined) throw refuse(invalidGrant('Invalid token'));
    grant.revoked = true;
  }

  /** Refuses a call whose token is not good for it. @param scope null: any token will do */
  checkCall(authorization: string | undefined, jwt: boolean, scope: Scope | null): void {
    if (authorization === undefined) throw refuse(invalidToken());
    const token = /^Bearer (\S+)$/i.exec(authorization)?.[1];
    if (token === undefined) throw refuse(malformedHeader());
    const access = this.#access.get(token);
    if (access === undefined || access.grant.revoked) throw refuse(invalidToken());
    if (!jwt && !this.#switches.opaqueTokens) throw refuse(invalidToken());
    if (access.used || access.expiresAt <= this.#clock.now()) throw refuse(expiredToken());
    if (scope !== null && !this.#switches.scopes.includes(scope)) throw refuse(insufficientScope());
  }

  /** Tokens without the detour over a browser. */
  issue(grant: Grant = this.#newGrant(), jwt = true): TokenAnswer {
    const { accessTokenSeconds, refreshTokenSeconds, scopes } = this.#switches;
    const scope = scopes.map((name) => SCOPES[name]).join(' ');
    const accessToken = jwt ? this.#jwt(scope) : this.#random.hex(40);
    const refreshToken = this.#random.hex(40);
    this.#access.set(accessToken, this.#credential(grant, accessTokenSeconds));
    this.#refresh.set(refreshToken, this.#credential(grant, refreshTokenSeconds));
    return {
      access_token: accessToken,
      expires_in: accessTokenSeconds,
      token_type: 'Bearer',
      scope,
      refresh_token: refreshToken,
    };
  }

  /** Every access token so far has expired; they can be refreshed. */
  expireAccessTokens(): void {
    for (const credential of this.#access.values()) credential.used = true;
  }

  /** The user takes everything back: somebody has to authorize again. */
  revokeAll(): void {
    for (const grant of this.#grants) grant.revoked = true;
  }

  counts(): { codes: number; accessTokens: number; refreshTokens: number; liveGrants: number } {
    return {
      codes: this.#codes.size,
      accessTokens: this.#access.size,
      refreshTokens: this.#refresh.size,
      liveGrants: this.#grants.filter(({ revoked }) => !revoked).length,
    };
  }

  #newGrant(): Grant {
    const grant = { revoked: false };
    this.#grants.push(grant);
    return grant;
  }

  #credential(grant: Grant, seconds: number): Credential {
    return { grant, expiresAt: this.#clock.now() + seconds * 1_000, used: false };
  }

  #checkClient(authorization: string | undefined): void {
    const encoded = /^Basic (\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
    const { id, secret } = this.client;
    if (Buffer.from(encoded, 'base64').toString() !== `${id}:${secret}`) {
      throw refuse(invalidClient());
    }
  }

  #useCode(value: string): Grant {
    const code = this.#codes.get(value);
    if (code === undefined) {
      throw refuse(invalidGrant("Authorization code doesn't exist or is invalid for the client"));
    }
    if (code.expiresAt <= this.#clock.now()) {
      throw refuse(invalidGrant('The authorization code has expired'));
    }
    if (code.used) {
      code.grant.revoked = true;
      throw refuse(codeUsedTwice());
    }
    code.used = true;
    return code.grant;
  }

  #useRefreshToken(value: string): Grant {
    const token = this.#refresh.get(value);
    if (token === undefined || token.used || token.grant.revoked) {
      throw refuse(invalidGrant('Invalid refresh token'));
    }
    if (token.expiresAt <= this.#clock.now()) {
      throw refuse(invalidGrant('Refresh token has expired'));
    }
    if (!this.#switches.companyActive) throw refuse(inactiveCompany());
    token.used = true;
    return token.grant;
  }

  /** As long as Bling's and shaped like one; the signature is noise, as only we ever read it. */
  #jwt(scope: string): string {
    const part = (value: unknown): string =>
      Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = Math.floor(this.#clock.now() / 1_000);
    const claims = {
      iss: 'https://bling.simulator',
      aud: this.client.id,
      jti: this.#random.uuid(),
      iat: now,
      exp: now + this.#switches.accessTokenSeconds,
      scope,
      permissions: this.#random.hex(900),
    };
    return `${part({ typ: 'JWT', alg: 'RS256' })}.${part(claims)}.${this.#random.base64url(342)}`;
  }
}

function refuse(answer: Answer): Refusal {
  return new Refusal(answer);
}
