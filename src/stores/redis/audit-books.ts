/**
 * Audits a shard's books without stopping sales. They are read page by page while they change; then what the ledger
 * says has been touched since is read again, together with the ledger's next part, until a step finds nothing left:
 * all that was read is then of that one moment.
 */
import { Audit, type AuditReport } from '../../core/audit.ts';
import type { LedgerEntry } from '../../core/ledger.ts';
import type { Reservation } from '../../core/reservation.ts';
import type { StockLevel } from '../../core/stock-level.ts';
import { entriesOf, lastSeqOf } from './ledger-parts.ts';
import type { Changes, Shard } from './shard.ts';

const PAGE = 500;

interface Copy {
  readonly levels: Map<string, StockLevel>;
  readonly reservations: Map<string, Reservation>;
}

export async function auditBooks(shard: Shard): Promise<AuditReport> {
  const begun = await shard.headSeq();
  const copy = await copyBooks(shard);
  const { entries, last } = await catchUp(shard, begun, copy);
  const audit = new Audit(last.purgedBefore);
  let lastSeq = await readLedger(shard, begun, audit);
  for (const entry of entries) {
    audit.entry(entry);
    lastSeq = entry.seq;
  }
  if (lastSeq < last.headSeq) {
    const message = `the ledger ends at entry ${lastSeq}, entry ${last.headSeq} was written`;
    audit.report('ledger_gap', message, { seq: last.headSeq });
  }
  for (const reservation of copy.reservations.values()) audit.reservation(reservation);
  for (const level of copy.levels.values()) audit.level(level);
  checkIndexes(audit, copy, last.indexed);
  return audit.finish();
}

/** Makes the copy one of this moment; returns the entries that were written since `begun`, and the last look. */
async function catchUp(
  shard: Shard,
  begun: number,
  copy: Copy,
): Promise<{ entries: LedgerEntry[]; last: Changes }> {
  const entries: LedgerEntry[] = [];
  for (let seq = begun; ;) {
    const changes = await shard.changesAfter(seq);
    entries.push(...changes.entries);
    for (const level of changes.levels) copy.levels.set(level.sku, level);
    for (const reservation of changes.reservations) {
      copy.reservations.set(reservation.id, reservation);
    }
    for (const id of changes.gone) copy.reservations.delete(id);
    seq = changes.lastSeq;
    // Where the ledger has lost its end, there is nothing more to come.
    if (seq >= changes.headSeq || changes.entries.length === 0) return { entries, last: changes };
  }
}

/** A purge leaves no entry in the ledger, so what has ended may have gone since it was copied. */
function checkIndexes(
  audit: Audit,
  { levels, reservations }: Copy,
  indexed: Changes['indexed'],
): void {
  const statuses = [...reservations.values()].map(({ status }) => status);
  const active = statuses.filter((status) => status === 'active').length;
  const open = active + statuses.filter((status) => status === 'confirmed').length;
  const [skus, deadlines, ended, all] = indexed;
  const check = (what: string, found: number, expected: number): void => {
    if (found === expected) return;
    audit.report('index_differs', `${found} ${what} are indexed, ${expected} are there`);
  };
  check('SKUs', skus, levels.size);
  check('active reservations', deadlines, active);
  check('reservations that have not ended', all - ended, open);
}

async function copyBooks(shard: Shard): Promise<Copy> {
  const copy: Copy = { levels: new Map(), reservations: new Map() };
  for await (const page of shard.allReservations()) {
    for (const reservation of page) copy.reservations.set(reservation.id, reservation);
  }
  for (let after: string | null = null, more = true; more;) {
    const page: StockLevel[] = await shard.recordedLevels(after, PAGE);
    for (const level of page) copy.levels.set(level.sku, level);
    after = page.at(-1)?.sku ?? after;
    more = page.length === PAGE;
  }
  return copy;
}

/** Returns the `seq` of the last entry that is there. */
async function readLedger(shard: Shard, last: number, audit: Audit): Promise<number> {
  let after = 0;
  while (after < last) {
    const parts = await shard.partsAfter(after, last);
    for (const entry of parts.flatMap(entriesOf)) audit.entry(entry);
    const lastPart = parts.at(-1);
    if (lastPart === undefined) break;
    after = lastSeqOf(lastPart);
  }
  return after;
}
