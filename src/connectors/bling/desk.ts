/** What a person does with the connection to Bling: connect it, and ask how it is. */
import { ErpFault, type ErpCall } from '../../engine/erp-port.ts';
import { assertDeposit, assertSituations } from './account-check.ts';
import type { BlingParts } from './parts.ts';
import type { Tokens } from './tokens/token-file.ts';

/** One line of how things are; none shows a secret. */
export interface DeskFact {
  readonly name: string;
  readonly value: string;
  /** False: somebody should do something about it. */
  readonly fine: boolean;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A refresh token that is not used for so long is about to end. */
const REFRESH_WARNING_MS = 7 * DAY_MS;

export class BlingDesk {
  readonly #parts: BlingParts;

  constructor(parts: BlingParts) {
    this.#parts = parts;
  }

  /** Where a person says yes. `state` comes back with the code. */
  authorizeUrl(state: string): string {
    return this.#parts.oauth.authorizeUrl(state);
  }

  /** Spends the code, which is good once, and keeps the tokens. A running service takes them up by itself. */
  async connect(code: string): Promise<void> {
    const { tokenFile, oauth } = this.#parts;
    await tokenFile.locked(async () => tokenFile.write(await oauth.redeem(code)));
  }

  /** `ask`: also of Bling itself. */
  async facts(ask: boolean): Promise<DeskFact[]> {
    const { tokenFile, settings, budget } = this.#parts;
    const facts = await this.#settled('connected', async () =>
      this.#tokenFacts(await tokenFile.read()),
    );
    const isConnected = facts.every(({ name }) => name !== 'connected');
    const { orderMode, balance, situations, soleWriter, callsPerDay, depositId } = settings;
    const bySituation = orderMode === 'movement' ? '' : `, by situations ${situations.join(', ')}`;
    facts.push(
      { name: 'mode', value: `${orderMode}${bySituation}`, fine: true },
      { name: 'balance', value: balance, fine: true },
    );
    if (orderMode === 'movement' && !soleWriter) {
      facts.push({
        name: 'sole writer',
        value: 'no: every movement whose answer is lost waits for a person',
        fine: true,
      });
    }
    if (ask && isConnected) facts.push(...(await this.#accountFacts()));
    else facts.push({ name: 'deposit', value: `${depositId}, not looked up`, fine: true });
    const used = await budget.usedToday();
    facts.push({
      name: 'calls today',
      value: `about ${used} of ${callsPerDay}`,
      fine: used < callsPerDay,
    });
    return facts;
  }

  async close(): Promise<void> {
    await this.#parts.exchange.close();
  }

  #tokenFacts(tokens: Tokens | null): DeskFact[] {
    if (tokens === null) {
      return [{ name: 'connected', value: 'no: holdfast bling connect', fine: false }];
    }
    const now = this.#parts.time.now();
    const refreshLeft = tokens.refreshExpiresAt - now;
    return [
      {
        name: 'access token',
        value: `obtained ${span(now - tokens.obtainedAt)} ago, ${left(tokens.accessExpiresAt - now)}; it is renewed by itself`,
        fine: true,
      },
      {
        name: 'refresh token',
        value: left(refreshLeft),
        fine: refreshLeft > REFRESH_WARNING_MS,
      },
    ];
  }

  async #accountFacts(): Promise<DeskFact[]> {
    const { delivery, settings } = this.#parts;
    const call: ErpCall = { signal: new AbortController().signal, turn: () => Promise.resolve() };
    const deposit = await this.#settled('deposit', async () => {
      const { id, name, standard } = await assertDeposit(this.#parts, call);
      const fact = { name: 'deposit', value: `${id} (${name})`, fine: true };
      // Orders reserve in the standard one, whichever we look at.
      if (standard || settings.orderMode === 'movement') return [fact];
      const value = `${fact.value}, which is not the standard one: make sure that orders take their units from it`;
      return [{ ...fact, value }];
    });
    // What ails every call is said once.
    if (deposit.some(({ fine }) => !fine)) return deposit;
    const account = await this.#settled('account', async () => {
      await assertSituations(this.#parts, call);
      await delivery.check(call);
      return [{ name: 'account', value: 'has what this mode needs', fine: true }];
    });
    return [...deposit, ...account];
  }

  /** A fault is a fact too. */
  async #settled(name: string, find: () => Promise<DeskFact[]>): Promise<DeskFact[]> {
    try {
      return await find();
    } catch (error) {
      if (!(error instanceof ErpFault)) throw error;
      return [{ name, value: error.message, fine: false }];
    }
  }
}

function left(ms: number): string {
  return ms > 0 ? `good for ${span(ms)}` : `ended ${span(-ms)} ago`;
}

function span(ms: number): string {
  if (ms >= 2 * DAY_MS) return `${Math.floor(ms / DAY_MS)} days`;
  if (ms >= 2 * HOUR_MS) return `${Math.floor(ms / HOUR_MS)} hours`;
  return `${Math.max(0, Math.floor(ms / 60_000))} minutes`;
}
