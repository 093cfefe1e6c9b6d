/** Commands that concern all shards: imports, sweeps, purges; and what is left when somebody died in the middle. */
import {
  IMPORT_SAMPLE,
  type Answer,
  type ImportAnswer,
  type ImportedRow,
  type ImportStockCommand,
  type PurgeAnswer,
  type PurgeCommand,
  type SweepAnswer,
  type SweepCommand,
} from '../../../core/command.ts';
import type { Reservation } from '../../../core/reservation.ts';
import type { LevelView } from '../../../core/stock-level.ts';
import type { Submission } from '../../../engine/ports.ts';
import { isCart, type CartRecord, type Step } from './cart.ts';
import type { CartCommands } from './cart-commands.ts';
import type { Carts, KnownKey } from './carts.ts';
import type { CommonOutbox } from './common-outbox.ts';
import type { ShardDesk } from './shard-desk.ts';

/** `[sku, id]`: a shortfall of the SKU that the release of this cart comes before. */
type Blocked = readonly (readonly [sku: string, id: string])[];

/** When it lapsed, or ended. */
type Listed = readonly [at: number, id: string, isCart: boolean];

/** Carts that are looked for at once, of those that somebody may have left. */
const LEFT_AT_ONCE = 500;

export class StoreKeeping {
  readonly #desks: readonly ShardDesk[];
  readonly #carts: Carts;
  readonly #commands: CartCommands;
  readonly #outbox: CommonOutbox;
  readonly #leftAfterMs: number;

  /** `leftAfterMs`: what is undecided or untold for so long was left by somebody who is no more. */
  constructor(
    desks: readonly ShardDesk[],
    carts: Carts,
    commands: CartCommands,
    outbox: CommonOutbox,
    leftAfterMs: number,
  ) {
    this.#desks = desks;
    this.#carts = carts;
    this.#commands = commands;
    this.#outbox = outbox;
    this.#leftAfterMs = leftAfterMs;
  }

  /** Each shard's rows together, all or none; one shard after the other may be interrupted, and is repeated then. */
  async importStock({ type, rows, dryRun }: ImportStockCommand): Promise<ImportAnswer> {
    const numbered = rows.map((each, row) => ({ ...each, row }));
    const parts = await Promise.all(
      Array.from(this.#carts.byShard(numbered), async ([shard, own]) => {
        const submission = { command: { type, rows: own, dryRun }, idempotency: null };
        const desk = this.#carts.desk(shard);
        const [answer] = await desk.submit([submission]);
        await this.settleShortfalls(answer as Answer, submission, desk);
        return answer as ImportAnswer;
      }),
    );
    const sum = (field: 'created' | 'updated' | 'unchanged'): number =>
      parts.reduce((total, part) => total + part[field], 0);
    const changes = parts
      .flatMap((part) => part.changes as readonly (ImportedRow & { readonly row: number })[])
      .sort((a, b) => a.row - b.row)
      .slice(0, IMPORT_SAMPLE)
      .map(({ sku, effect, onHandBefore, onHandAfter }) => ({
        sku,
        effect,
        onHandBefore,
        onHandAfter,
      }));
    const [created, updated, unchanged] = [sum('created'), sum('updated'), sum('unchanged')];
    return { ok: true, type, created, updated, unchanged, changes };
  }

  /**
   * Where a cart is the next to be released for a shortfall, releases it at its home, and goes on. `desk`: who gave the
   * answer. What it has come to in the end is the answer under its key from then on.
   */
  async settleShortfalls(
    answer: Answer,
    { idempotency }: Submission,
    desk: ShardDesk,
  ): Promise<Answer> {
    const { blocked, ...rest } = answer as Answer & { readonly blocked?: Blocked };
    if (blocked === undefined) return answer;
    const settled = await this.#settle(rest, blocked);
    if (idempotency === null) return settled;
    const known = await desk.step<KnownKey | null>({
      type: 'remember_settled',
      key: idempotency.key,
      answer: JSON.stringify(settled),
    });
    return known?.answer ?? settled;
  }

  async #settle(answer: Answer, blocked: Blocked): Promise<Answer> {
    let settled = answer;
    const waiting = [...blocked];
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [sku, id] = next;
      const [shard = 0] = this.#carts.byShard([{ sku }]).keys();
      const desk = this.#carts.desk(shard);
      const release = { type: 'release', reservationId: id } as const;
      const outcome = await this.#commands.change(release, null);
      if ('plain' in outcome) await this.#carts.resolve(desk, id);
      const more = await desk.weigh<{ level: LevelView; released: string[]; blocked: Blocked }>({
        type: 'cart_shortfall',
        sku,
      });
      waiting.push(...more.blocked);
      if (!settled.ok || !('released' in settled)) continue;
      const gone = 'answer' in outcome && outcome.answer.ok ? [id] : [];
      const released = [...settled.released, ...gone, ...more.released];
      settled =
        settled.type === 'reconcile'
          ? { ...settled, released }
          : { ...settled, level: more.level, released };
    }
    return settled;
  }

  /** The oldest of all shards first. */
  async sweep({ limit }: SweepCommand): Promise<SweepAnswer> {
    await this.recover();
    const { chosen, more } = await this.#oldest({ type: 'cart_due', limit: limit + 1 }, limit);
    const expired = await Promise.all(
      chosen.map(async ({ desk, plain, carts }) => {
        const swept =
          plain === 0
            ? Promise.resolve([])
            : desk
                .step<SweepAnswer>({ type: 'sweep', limit: plain })
                .then(({ expired }) => expired);
        return Promise.all([swept, ...carts.map((id) => this.#expired(id))]);
      }),
    );
    const all = expired.flat(2).sort((a, b) => a.expiresAt - b.expiresAt || (a.id < b.id ? -1 : 1));
    return { ok: true, type: 'sweep', expired: all, more };
  }

  /** Of what all shards have listed the oldest, by shard: how many reservations, which carts. */
  async #oldest(step: Extract<Step, { type: 'cart_due' | 'cart_ended' }>, limit: number) {
    const lists = await Promise.all(this.#desks.map((desk) => desk.step<Listed[]>(step)));
    const all = lists
      .flatMap((list, shard) => list.map(([at, id, cart]) => ({ at, id, cart, shard })))
      .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
    const chosen = all.slice(0, limit);
    return {
      more: all.length > limit,
      chosen: this.#desks.map((desk) => {
        const own = chosen.filter(({ shard }) => shard === desk.index);
        const carts = own.filter(({ cart }) => cart).map(({ id }) => id);
        return { desk, plain: own.length - carts.length, carts };
      }),
    };
  }

  async #expired(id: string): Promise<Reservation[]> {
    const { cart } = await this.#carts.settled(id);
    return isCart(cart) && cart.whole.status === 'expired' ? [cart.whole] : [];
  }

  async purge({ endedBefore, limit }: PurgeCommand): Promise<PurgeAnswer> {
    const ended = { type: 'cart_ended', endedBefore, limit: limit + 1 } as const;
    const { chosen, more } = await this.#oldest(ended, limit);
    const purged = await Promise.all(
      chosen.map(async ({ desk, plain, carts }) => {
        const answer = await desk.step<{
          readonly purged: number;
          readonly more: boolean;
          readonly carts: readonly (readonly [id: string, record: CartRecord])[];
        }>({ type: 'purge', endedBefore, limit: plain, carts: carts.length, answers: limit });
        let count = answer.purged;
        for (const [id, record] of answer.carts) {
          if (!isCart(record)) continue;
          count += 1;
          const forget = { type: 'cart_forget', id, endedBefore } as const;
          await Promise.all(record.shards.map((shard) => this.#carts.desk(shard).step(forget)));
        }
        return { count, more: answer.more };
      }),
    );
    return {
      ok: true,
      type: 'purge',
      purged: purged.reduce((sum, { count }) => sum + count, 0),
      more: more || purged.some((each) => each.more),
    };
  }

  /** Finishes or undoes what somebody began and has not ended. */
  async recover(): Promise<void> {
    await Promise.all(
      this.#desks.map(async (desk) => {
        const left = await desk.step<{ tentative: string[]; unfinished: string[] }>({
          type: 'cart_pending',
          ageMs: this.#leftAfterMs,
          limit: LEFT_AT_ONCE,
        });
        await Promise.all([
          ...left.tentative.map((id) => this.#carts.resolve(desk, id)),
          ...left.unfinished.map((id) => this.#carts.settled(id)),
        ]);
      }),
    );
    await this.#outbox.tellLeft();
  }
}
