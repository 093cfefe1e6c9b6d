/**
 * Sales that were made without an ERP are still on the ERP's shelf: whoever takes its balances over sells those units
 * again. So once there are such sales, no balance raises our books until the operator says that the ERP knows of them.
 */
import type { ReservationStore } from './ports.ts';

/** `allowed`: balances are taken over. `held`: not where they are higher. `away`: the books are kept without an ERP. */
export interface RaiseRecord {
  readonly state: 'allowed' | 'held' | 'away';
  readonly since: number;
  /** The ledger's newest entry then: with a lower one now, the record is of other books. */
  readonly seq: number;
}

/** Where it outlives the process. */
export interface RaiseMemory {
  /** Null: nothing is known. */
  load(): Promise<RaiseRecord | null>;
  /** Durable once it resolves; throws where it cannot be. */
  save(record: RaiseRecord): Promise<void>;
}

export interface RaiseGuardParts {
  readonly store: ReservationStore;
  readonly memory: RaiseMemory;
}

const LEDGER_PAGE = 5_000;

export class RaiseGuard {
  readonly #parts: RaiseGuardParts;
  #record: RaiseRecord;

  private constructor(parts: RaiseGuardParts, record: RaiseRecord) {
    this.#parts = parts;
    this.#record = record;
  }

  /** At each start with an ERP. `everTold`: has an ERP been told of anything by these books? */
  static async open(parts: RaiseGuardParts, everTold: boolean): Promise<RaiseGuard> {
    const known = await load(parts);
    if (known !== null && known.state !== 'away') return new RaiseGuard(parts, known);
    // Of books that an ERP was told from before there was a record, nobody knows of sales made meanwhile.
    const from = known?.seq ?? (everTold ? null : 0);
    const isUntold = from !== null && (await isSoldAfter(parts.store, from));
    const record = await save(parts, isUntold ? 'held' : 'allowed');
    return new RaiseGuard(parts, record);
  }

  /** Epoch ms; null: nothing is held back. */
  get heldSince(): number | null {
    return this.#record.state === 'held' ? this.#record.since : null;
  }

  /** The ERP knows of every sale: from now on its balances are taken over. Says whether they were held back. */
  async accept(): Promise<boolean> {
    if (this.heldSince === null) return false;
    this.#record = await save(this.#parts, 'allowed');
    return true;
  }
}

/** At each start without an ERP: what is sold from now on will never be told. */
export async function noteAway(parts: RaiseGuardParts, everTold: boolean): Promise<void> {
  const known = await load(parts);
  const isUsed = known?.state === 'allowed' || (known === null && everTold);
  if (isUsed) await save(parts, 'away');
}

async function load({ store, memory }: RaiseGuardParts): Promise<RaiseRecord | null> {
  const record = await memory.load();
  return record !== null && record.seq <= (await store.stats()).headSeq ? record : null;
}

async function save(
  { store, memory }: RaiseGuardParts,
  state: RaiseRecord['state'],
): Promise<RaiseRecord> {
  const { headSeq } = await store.stats();
  const record = { state, since: store.clock.now(), seq: headSeq };
  await memory.save(record);
  return record;
}

/** What was cut off the ledger may have been sales. */
async function isSoldAfter(store: ReservationStore, seq: number): Promise<boolean> {
  if ((await store.ledgerBeginning(null)).cut.seq > seq) return true;
  for (let after = seq; ;) {
    const page = await store.ledger({ sku: null, after, limit: LEDGER_PAGE });
    if (page.some(({ kind }) => kind === 'confirm')) return true;
    const last = page.at(-1)?.seq;
    if (last === undefined || page.length < LEDGER_PAGE) return false;
    after = last;
  }
}
