/** Audits each shard's books by itself, then carts against their parts and their messages. */
import { OutboxAudit } from '../../../core/audit-outbox.ts';
import type { AuditReport, Problem } from '../../../core/audit.ts';
import type { OutboxMessage } from '../../../core/outbox/message.ts';
import type { Reservation } from '../../../core/reservation.ts';
import type { MessageShare } from '../outbox-reads.ts';
import { auditBooks } from '../audit-books.ts';
import { isCart, partOf, type Cart } from './cart.ts';
import type { Carts } from './carts.ts';
import type { PartRecord } from '../records.ts';
import type { ShardDesk } from './shard-desk.ts';

/** What changes while it is looked at is looked at again; so often at most. */
const LOOKS = 5;
const AT_ONCE = 64;

export async function auditShards(desks: readonly ShardDesk[], carts: Carts): Promise<AuditReport> {
  const reports = await Promise.all(desks.map((desk) => auditBooks(desk.shard)));
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
  const heads = await Promise.all(desks.map(({ shard }) => shard.outbox.head()));
  const hasOutbox = heads.some((head) => head > 0);
  // Also of carts that were purged while something was still to be told of them.
  for (const id of hasOutbox ? await sharedAmong(desks, carts) : []) suspects.add(id);
  const ids = [...suspects];
  const found: Problem[] = [];
  while (ids.length > 0) {
    const faults = await Promise.all(
      ids.splice(0, AT_ONCE).map((id) => faultOf(id, desks, carts, hasOutbox)),
    );
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

/** Ids of carts of which a message names SKUs of several shards, and is to be told, or of which a shard has a share. */
async function sharedAmong(desks: readonly ShardDesk[], carts: Carts): Promise<Set<string>> {
  const found = new Set<string>();
  for (const { shard } of desks) {
    for await (const page of shard.outbox.allShares()) for (const [id] of page) found.add(id);
    for await (const page of shard.outbox.allMessages()) {
      for (const { key, reservationId, state, lines } of page) {
        if (key !== reservationId || state === 'delivered') continue;
        const home = carts.home(reservationId).index;
        if (Array.from(carts.byShard(lines).keys()).some((at) => at !== home)) found.add(key);
      }
    }
  }
  return found;
}

/** What is wrong between a cart and its parts, as far as nobody is changing it. */
async function faultOf(
  id: string,
  desks: readonly ShardDesk[],
  carts: Carts,
  hasOutbox: boolean,
): Promise<Problem[]> {
  for (let look = 0; look < LOOKS; look += 1) {
    const cart = await carts.home(id).cart(id);
    const parts = await Promise.all(desks.map((desk) => desk.part(id)));
    const told = hasOutbox ? await toldOf(id, desks, carts) : null;
    const again = await carts.home(id).cart(id);
    if (cart?.version !== again?.version) continue;
    if (told !== null && told.before !== (await messagesOf(id, desks)).text) continue;
    // What is not told yet is written down to be told.
    if (isCart(cart) && (cart.redo !== null || (isCart(again) && again.redo !== null))) return [];
    const fault = isCart(cart)
      ? differenceOf(cart, parts, await purgesOf(desks, parts), carts)
      : strayOf(parts);
    const problem = { message: `cart ${id}: ${fault}`, sku: null, reservationId: id, seq: null };
    const problems: Problem[] = fault === null ? [] : [{ kind: 'reservation_differs', ...problem }];
    return told === null
      ? problems
      : [...problems, ...wrongOf(id, isCart(cart) ? cart.whole : null, told)];
  }
  return [];
}

/** What is told of a cart, and to which shard. */
interface Told {
  readonly messages: readonly OutboxMessage[];
  /** The same as JSON. */
  readonly before: string;
  /** Of each shard but the home: what counts there, and what is to. */
  readonly shares: readonly (readonly [found: string, expected: string])[];
  /** Is it written down that others may not have heard of a change? */
  readonly isBehind: boolean;
  /** Is it written down that nothing is left to be told? */
  readonly isTold: boolean;
}

async function messagesOf(
  id: string,
  desks: readonly ShardDesk[],
): Promise<{ all: readonly OutboxMessage[]; text: string }> {
  const pages = await Promise.all(desks.map(({ shard }) => shard.outbox.ofReservation(id)));
  const all = pages.flat().sort((a, b) => a.id - b.id);
  return { all, text: JSON.stringify(all) };
}

async function toldOf(id: string, desks: readonly ShardDesk[], carts: Carts): Promise<Told> {
  const { all, text } = await messagesOf(id, desks);
  const home = carts.home(id);
  // Before the shares: what was told between is not looked for.
  const isBehind = await home.shard.outbox.isBehind(id);
  const others = desks.filter((desk) => desk !== home);
  const shares = await Promise.all(
    others.map(async ({ index, shard }): Promise<[string, string]> => {
      const found = (await shard.outbox.sharesOf(id))?.messages ?? [];
      const expected = all.filter(({ key, state }) => key === id && state !== 'delivered');
      const own = expected.map(({ lines, ...message }) => ({
        ...message,
        lines: carts.byShard(lines).get(index) ?? [],
      }));
      return [sharesText(found), sharesText(own.filter(({ lines }) => lines.length > 0))];
    }),
  );
  const marks = await Promise.all(desks.map(({ shard }) => shard.outbox.isTold(id)));
  return { messages: all, before: text, shares, isBehind, isTold: marks.includes(true) };
}

function sharesText(shares: readonly MessageShare[]): string {
  const lineOf = ({ sku, quantity, restock }: MessageShare['lines'][number]): string =>
    `${quantity} of ${sku}${restock ? ' restocked' : ''}`;
  return shares
    .map(({ id, kind, state, lines }) => `${kind} ${id} ${state}: ${lines.map(lineOf).join(', ')}`)
    .join('; ');
}

/** What is wrong between a cart (null: it was purged), its messages and their shares at other shards. */
function wrongOf(
  id: string,
  whole: Reservation | null,
  { messages, shares, isBehind, isTold }: Told,
): Problem[] {
  const problems: Problem[] = [];
  const audit = new OutboxAudit((kind, message, { sku = null } = {}) => {
    // Who settled the last has not come to say so, and others will.
    if (kind === 'message_missing' && isTold) return;
    problems.push({ kind, message, sku, reservationId: id, seq: null });
  });
  for (const message of messages) audit.message(message);
  if (whole !== null) audit.reservation(whole);
  if (isBehind) return problems;
  for (const [found, expected] of shares) {
    if (found === expected) continue;
    const message = `cart ${id}: a shard counts (${found}) of its messages, and they are (${expected})`;
    problems.push({ kind: 'outbox_differs', message, sku: null, reservationId: id, seq: null });
  }
  return problems;
}

/** Of each shard without a part, up to which end it has purged; read after the parts. */
async function purgesOf(
  desks: readonly ShardDesk[],
  parts: readonly (PartRecord | null)[],
): Promise<readonly number[]> {
  return Promise.all(
    desks.map(async ({ shard }, index) =>
      parts[index] === null ? (await shard.head()).purgedBefore : 0,
    ),
  );
}

function differenceOf(
  { whole, shards }: Cart,
  parts: readonly (PartRecord | null)[],
  purges: readonly number[],
  carts: Carts,
): string | null {
  const lines = carts.byShard(whole.lines);
  for (const shard of shards) {
    const part = parts[shard] ?? null;
    const at = { shard, step: 0, hold: null, outbox: null };
    const expected = partOf(whole, lines.get(shard) ?? [], [], at);
    if (part === null) {
      // One that holds nothing any more may go long before the cart does, which others keep.
      const isOver = /^(released|expired|cancelled)$/.test(expected.status);
      if (isOver && whole.createdAt < (purges[shard] ?? 0)) continue;
      return `shard ${shard} has lost its part`;
    }
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
