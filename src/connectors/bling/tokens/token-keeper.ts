/**
 * The access token of the moment. Renewing spends the refresh token for good, so it is done by one process at a time,
 * and the new one is on the disk before anybody uses it.
 */
import { ErpFault } from '../../../engine/erp-port.ts';
import type { OAuth } from './oauth.ts';
import type { TokenFile, Tokens } from './token-file.ts';

/** Renewed this long before it expires, at most a tenth of its life. */
const MARGIN_MS = 300_000;
/** Between two tries to renew: 20 in a minute get an address blocked for an hour. */
const RETRY_MS = 5_000;

export class TokenKeeper {
  readonly #file: TokenFile;
  readonly #oauth: OAuth;
  readonly #now: () => number;
  #tokens: Tokens | null = null;
  /** An access token that Bling has refused. */
  #refused: string | null = null;
  /** Given by Bling for a refresh token that is dead since, and not on the disk yet: nobody else has them. */
  #unsaved: { readonly spent: string; readonly tokens: Tokens } | null = null;
  #renewing: Promise<Tokens> | null = null;
  #failure: {
    readonly fault: ErpFault;
    readonly refreshToken: string;
    readonly at: number;
  } | null = null;

  constructor(file: TokenFile, oauth: OAuth, now: () => number) {
    this.#file = file;
    this.#oauth = oauth;
    this.#now = now;
  }

  /** Throws `ErpFault`: before the call that needs it was sent. */
  async current(): Promise<string> {
    this.#tokens ??= await this.#file.read();
    if (this.#tokens !== null && this.#isGood(this.#tokens)) return this.#tokens.accessToken;
    this.#renewing ??= this.#renew().finally(() => (this.#renewing = null));
    return (await this.#renewing).accessToken;
  }

  /** Bling refused a call because of this token: the next one gets another. */
  refuse(accessToken: string): void {
    this.#refused = accessToken;
  }

  #isGood(tokens: Tokens): boolean {
    if (tokens.accessToken === this.#refused) return false;
    const margin = Math.min(MARGIN_MS, (tokens.accessExpiresAt - tokens.obtainedAt) / 10);
    return this.#now() < tokens.accessExpiresAt - margin;
  }

  async #renew(): Promise<Tokens> {
    return this.#file.locked(async () => {
      const stored = await this.#file.read();
      if (stored === null) {
        throw new ErpFault(
          'ERP_MISCONFIGURED',
          'Holdfast is not connected to Bling yet: holdfast bling connect',
        );
      }
      if (!this.#isGood(stored)) return this.#spend(stored);
      // Another process, or a person who connected again, was faster.
      this.#tokens = stored;
      return stored;
    });
  }

  async #spend({ refreshToken }: Tokens): Promise<Tokens> {
    const now = this.#now();
    const failure = this.#failure;
    if (failure?.refreshToken === refreshToken) {
      // A refresh token that was refused stays refused until somebody connects again.
      if (failure.fault.code === 'ERP_MISCONFIGURED' && now < failure.at + 12 * RETRY_MS) {
        throw failure.fault;
      }
      if (now < failure.at + RETRY_MS) throw failure.fault;
    }
    try {
      const given = this.#unsaved?.spent === refreshToken ? this.#unsaved.tokens : null;
      const tokens = given ?? (await this.#oauth.renew(refreshToken));
      this.#unsaved = { spent: refreshToken, tokens };
      await this.#file.write(tokens);
      this.#unsaved = null;
      this.#failure = null;
      this.#tokens = tokens;
      return tokens;
    } catch (error) {
      if (error instanceof ErpFault)
        this.#failure = { fault: error, refreshToken, at: this.#now() };
      throw error;
    }
  }
}
