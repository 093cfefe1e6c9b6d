/** The ledger as the stream holds it: parts of up to 64 entries, each named by the `seq` of its last one. */
import type { Detail, EntryKind, LedgerEntry } from '../../core/ledger.ts';

const ENTRIES_PER_PART = 64;

/** As XRANGE answers: `["<seq>-0", ["at", …, "n", …, "e", <JSON>]]`. */
export type LedgerPart = readonly [id: string, fields: readonly string[]];

type EntryRow = readonly [
  kind: EntryKind,
  sku: string,
  reservationId: string | null,
  onHand: number,
  reserved: number,
  allocated: number,
  safetyStock: number,
  detail: Detail | null,
];

export function lastSeqOf([id]: LedgerPart): number {
  return Number.parseInt(id, 10);
}

export function entriesOf(part: LedgerPart): LedgerEntry[] {
  const [, fields] = part;
  const rows = JSON.parse(fields[5] ?? '[]') as EntryRow[];
  const at = Number(fields[1]);
  const first = lastSeqOf(part) - rows.length + 1;
  return rows.map(
    ([kind, sku, reservationId, onHand, reserved, allocated, safetyStock, detail], index) => ({
      kind,
      sku,
      reservationId,
      onHand,
      reserved,
      allocated,
      safetyStock,
      detail,
      seq: first + index,
      at,
    }),
  );
}

interface PartToWrite {
  /** Of its last entry. */
  readonly seq: number;
  readonly skus: ReadonlySet<string>;
  /** Its seq, its moment, how many entries, and these as JSON. */
  readonly row: readonly [seq: number, at: number, n: number, entries: string];
}

/** As the scripts make them: entries of one moment, up to 64 in each. */
export function partsOf(entries: readonly LedgerEntry[]): PartToWrite[] {
  const parts: PartToWrite[] = [];
  let rows: EntryRow[] = [];
  for (const [index, entry] of entries.entries()) {
    const { kind, sku, reservationId, onHand, reserved, allocated, safetyStock, detail } = entry;
    rows.push([kind, sku, reservationId, onHand, reserved, allocated, safetyStock, detail]);
    if (entries[index + 1]?.at === entry.at && rows.length < ENTRIES_PER_PART) continue;
    const { seq, at } = entry;
    const skus = new Set(rows.map((row) => row[1]));
    parts.push({ seq, skus, row: [seq, at, rows.length, JSON.stringify(rows)] });
    rows = [];
  }
  return parts;
}
