/** Tells listeners what was changed: once for each commit, and once for what several shards did for one caller. */
import type { CommitNotice } from '../../../engine/ports.ts';
import type { Change } from './shard-desk.ts';

export class Notices {
  readonly #listeners = new Set<(notice: CommitNotice) => void>();
  readonly #headSeq: () => number;
  /** Callers whose changes are told together. */
  #callers = 0;
  #kept: Change[] = [];

  /** `headSeq`: the newest that is known now. */
  constructor(headSeq: () => number) {
    this.#headSeq = headSeq;
  }

  get listened(): boolean {
    return this.#listeners.size > 0;
  }

  listen(listener: (notice: CommitNotice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(change: Change): void {
    if (this.#callers > 0) this.#kept.push(change);
    else this.#tell(change);
  }

  /** Another instance has written something. */
  headOnly(at: number): void {
    this.#tell({ commands: 0, seconds: 0, at, expired: [], levels: [] });
  }

  /** What is changed while `work` goes on is told when it has ended, before its caller hears of it. */
  async together<T>(commands: number, work: () => Promise<T>): Promise<T> {
    this.#callers += 1;
    try {
      return await work();
    } finally {
      this.#callers -= 1;
      this.#tellKept(commands);
    }
  }

  #tellKept(commands: number): void {
    const kept = this.#kept;
    if (kept.length === 0) return;
    this.#kept = [];
    const levels = new Map(kept.flatMap((each) => each.levels.map((level) => [level.sku, level])));
    this.#tell({
      commands: Math.max(
        commands,
        kept.reduce((sum, each) => sum + each.commands, 0),
      ),
      seconds: Math.max(...kept.map(({ seconds }) => seconds)),
      at: Math.max(...kept.map(({ at }) => at)),
      expired: kept.flatMap(({ expired }) => expired),
      levels: [...levels.values()],
    });
  }

  #tell(change: Change): void {
    const notice = { headSeq: this.#headSeq(), ...change };
    for (const listener of this.#listeners) listener(notice);
  }
}
