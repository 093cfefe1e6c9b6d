/** Audits each shard's books by itself, then carts against their parts. */
import type { AuditReport, Problem } from '../../../core/audit.ts';
import { auditBooks } from '../audit-books.ts';
import { isCart, partOf, type Cart } from './cart.ts';
import type { Carts } from './carts.ts';
import type { PartRecord } from '../records.ts';
import type { ShardDesk } from './shard-desk.ts';

/** What changes while it is looked at is looked at again; so often at most. */
const LOOKS = 5;
const AT_ONCE = 64;

export async function auditShards(desks: readonly ShardDesk[], carts: Carts): Promise<AuditReport> {
  const reports = await Promise.all(desks.map((desk) => auditBooks(desk.shard, { outbox: false })));
  const problems = reports.flatMap((report) => report.problems);
  const suspects = new Set<string>();
  let [plain, whole] = [0, 0];
  for (const desk of desks) {
    for await (const page of desk.records()) {
      for (const record of page) {
        if (record.step === undefined) plain += 1;
        else suspects.add(record.id);
      }
    }
    for await (const page of desk.carts()) {
      for (const [id, record] of page) {
        if (!isCart(record)) continue;
        whole += 1;
        suspects.add(id);
      }
    }
  }
  const ids = [...suspects];
  const found: Problem[] = [];
  while (ids.length > 0) {
    const faults = await Promise.all(ids.splice(0, AT_ONCE).map((id) => faultOf(id, desks, carts)));
    found.push(...faults.flat());
  }
  const sum = (field: 'skus' | 'entries' | 'problemCount'): number =>
    reports.reduce((total, report) => total + report[field], 0);
  const problemCount = sum('problemCount') + found.length;
  return {
    ok: problemCount === 0,
    skus: sum('skus'),
    reservations: plain + whole,
    entries: sum('entries'),
    problemCount,
    problems: [...problems, ...found],
  };
}

/** What is wrong between a cart and its parts, as far as nobody is changing it. */
async function faultOf(id: string, desks: readonly ShardDesk[], carts: Carts): Promise<Problem[]> {
  for (let look = 0; look < LOOKS; look += 1) {
    const cart = await carts.home(id).cart(id);
    const parts = await Promise.all(desks.map((desk) => desk.part(id)));
    const again = await carts.home(id).cart(id);
    if (cart?.version !== again?.version) continue;
    // What is not told yet is written down to be told.
    if (isCart(cart) && (cart.redo !== null || (isCart(again) && again.redo !== null))) return [];
    const fault = isCart(cart) ? differenceOf(cart, parts, carts) : strayOf(parts);
    if (fault === null) return [];
    return [
      {
        kind: 'reservation_differs',
        message: `cart ${id}: ${fault}`,
        sku: null,
        reservationId: id,
        seq: null,
      },
    ];
  }
  return [];
}

function differenceOf(
  { whole, shards }: Cart,
  parts: readonly (PartRecord | null)[],
  carts: Carts,
): string | null {
  const lines = carts.byShard(whole.lines);
  for (const shard of shards) {
    const part = parts[shard] ?? null;
    if (part === null) return `shard ${shard} has lost its part`;
    const at = { shard, step: 0, hold: null };
    const expected = partOf(whole, lines.get(shard) ?? [], [], at);
    if (part.status !== expected.status) {
      return `it is ${whole.status}, and its part at shard ${shard} is ${part.status}, not ${expected.status}`;
    }
    if (JSON.stringify(part.lines) !== JSON.stringify(expected.lines)) {
      return `its lines at shard ${shard} are not those of its part there`;
    }
  }
  return null;
}

/** Units that were taken and are not decided about lapse, or are given back. */
function strayOf(parts: readonly (PartRecord | null)[]): string | null {
  const shard = parts.findIndex(
    (part) => part !== null && part.step !== 0 && /^(active|confirmed)$/.test(part.status),
  );
  return shard === -1 ? null : `shard ${shard} has a part of it, and its home knows nothing`;
}
