/**
 * Where the ledger of all shards together begins. The common cut is written down first and the shards cut after it, so
 * that nobody reads past entries that are gone; what a shard has not cut yet it cuts with the next step.
 */
import type { TrimAnswer, TrimLedgerCommand } from '../../../core/command.ts';
import { addToOpening, newOpening, type LedgerCut } from '../../../core/ledger-cut.ts';
import type { LedgerEntry } from '../../../core/ledger.ts';
import type { LedgerBeginning } from '../../../engine/ports.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import type { commonKeys } from '../keys.ts';
import type { CommonLedger } from './common-ledger.ts';
import type { ShardDesk } from './shard-desk.ts';

interface State {
  readonly cut: LedgerCut;
  /** Of each shard the `seq` there of its last entry up to the cut. */
  readonly seqs: readonly number[];
}

export interface CommonCutParts {
  readonly connection: RedisConnection;
  readonly desks: readonly ShardDesk[];
  readonly ledger: CommonLedger;
  readonly keys: ReturnType<typeof commonKeys>;
  readonly shardOf: (sku: string) => number;
  readonly now: () => number;
}

export class CommonCut {
  readonly #parts: CommonCutParts;

  constructor(parts: CommonCutParts) {
    this.#parts = parts;
  }

  async #state(): Promise<State> {
    const { connection, desks, keys } = this.#parts;
    const fields = ['cut', 'cutAt', 'exported', ...desks.map(({ index }) => `cut:${index}`)];
    const answer = await connection.read('HMGET', [keys.numbered], fields);
    const [seq = 0, at = 0, exportedThrough = 0, ...seqs] = (answer as (string | null)[]).map(
      Number,
    );
    return { cut: { seq, at, exportedThrough }, seqs };
  }

  async trim(command: TrimLedgerCommand): Promise<TrimAnswer> {
    const { type, before, limit } = command;
    const head = await this.#parts.ledger.number();
    const { cut, seqs } = await this.#state();
    const through = Math.min(command.exportedThrough ?? 0, head);
    const exportedThrough = Math.max(cut.exportedThrough, through);
    const last = Math.min(exportedThrough, head - Math.max(1, command.keepEntries));
    const entries = before === null ? [] : await this.#removable(cut, last, before, limit);
    const { seq, at } = entries.at(-1) ?? cut;
    const next = { cut: { seq, at, exportedThrough }, seqs: this.#moved(seqs, entries) };
    const done = exportedThrough > cut.exportedThrough || seq > cut.seq;
    if (done && !(await this.#write(cut, next))) {
      return { ok: true, type, trimmed: 0, cut: (await this.#state()).cut, more: true };
    }
    if (before !== null) await this.#cutShards(next.seqs, limit);
    return {
      ok: true,
      type,
      trimmed: entries.length,
      cut: next.cut,
      more: entries.length === limit,
    };
  }

  /** What may go, oldest first: as `executeTrim` of core has it. */
  async #removable(
    cut: LedgerCut,
    last: number,
    before: number,
    limit: number,
  ): Promise<LedgerEntry[]> {
    const { ledger, now } = this.#parts;
    const count = Math.min(limit, last - cut.seq);
    if (count <= 0) return [];
    const found = await ledger.read({ sku: null, after: cut.seq, limit: count });
    const young = found.findIndex(({ at }) => at >= Math.min(before, now()));
    return young === -1 ? found : found.slice(0, young);
  }

  /** Entries of one shard stand in the common order as they stand there, without a gap. */
  #moved(seqs: readonly number[], entries: readonly LedgerEntry[]): number[] {
    const moved = [...seqs];
    for (const { sku } of entries) {
      const shard = this.#parts.shardOf(sku);
      moved[shard] = (moved[shard] ?? 0) + 1;
    }
    return moved;
  }

  async #write(before: LedgerCut, { cut, seqs }: State): Promise<boolean> {
    const { connection, keys } = this.#parts;
    const args = [before.seq, cut.exportedThrough, cut.seq, cut.at, ...seqs];
    const { numbered, ranges, rangesOf } = keys;
    return (await connection.run('cut-entries', [numbered, ranges, ...rangesOf], args)) === 1;
  }

  async #cutShards(seqs: readonly number[], limit: number): Promise<void> {
    await Promise.all(
      this.#parts.desks.map(async (desk) => {
        const command: TrimLedgerCommand = {
          type: 'trim_ledger',
          exportedThrough: seqs[desk.index] ?? 0,
          before: Number.MAX_SAFE_INTEGER,
          keepEntries: 1,
          limit,
        };
        if (command.exportedThrough === 0) return;
        while ((await desk.step<TrimAnswer>(command)).more);
      }),
    );
  }

  async beginning(sku: string | null): Promise<LedgerBeginning> {
    for (;;) {
      const { cut, seqs } = await this.#state();
      if (sku === null || cut.seq === 0) return { cut, opening: null };
      const index = this.#parts.shardOf(sku);
      const desk = this.#parts.desks[index] as ShardDesk;
      const own = await desk.shard.ledger.beginning(sku);
      const last = seqs[index] ?? 0;
      // What the shard has not cut yet counts as cut.
      const late = last - own.cut.seq;
      const query = { sku, after: own.cut.seq, limit: late };
      const entries = late > 0 ? await desk.shard.ledger.page(query) : [];
      const opening = own.opening ?? newOpening(sku);
      for (const entry of entries) if (entry.seq <= last) addToOpening(opening, entry);
      if ((await this.#state()).cut.seq !== cut.seq) continue;
      return { cut, opening: opening.entries === 0 ? null : opening };
    }
  }
}
