/**
 * How far this process knows the ledger of a shard to have come. Books that lost their newest entries agree with
 * themselves, so that no audit can tell, and others may have written on since: then the ledger is as long as before.
 */
import type { Shard } from './shard.ts';

export class HeardLedger {
  #seq = 0;
  #at = 0;

  /** At the moment `at` (epoch ms on the server's clock) `seq` was the newest entry. */
  note(seq: number, at: number): void {
    if (seq <= this.#seq) return;
    this.#seq = seq;
    this.#at = at;
  }

  /** What was lost is known to be, and the books go on without it. */
  forget(): void {
    this.#seq = 0;
    this.#at = 0;
  }

  /** What the ledger has lost, for people; null if nothing. `seen`: an entry that was heard of without its moment. */
  async lostFrom(shard: Shard, seen = 0): Promise<string | null> {
    const [seq, at] = [this.#seq, this.#at];
    const newest = Math.max(seq, seen);
    const head = await shard.headSeq();
    if (head < newest) {
      return `ends at entry ${head}, and ${newest} had been acknowledged here: changes were lost`;
    }
    if (seq === 0) return null;
    const [entry] = await shard.ledger.page({ sku: null, after: seq - 1, limit: 1 });
    // The clock of the books never runs back: what was there at that moment was not written after it.
    if (entry?.seq !== seq || entry.at <= at) return null;
    return `has another entry ${seq}, of ${new Date(entry.at).toISOString()}, than had been acknowledged here: changes were lost`;
  }
}
