/**
 * Audits a shard's books without stopping sales. They are read page by page while they change; then what the ledger
 * says has been touched since is read again, together with the ledger's next part, until a step finds nothing left:
 * all that was read is then of that one moment.
 */
import { Audit, type AuditReport } from '../../core/audit.ts';
import type { StoryLine } from '../../core/audit-story.ts';
import type { LedgerCut, Opening } from '../../core/ledger-cut.ts';
import type { LedgerEntry } from '../../core/ledger.ts';
import { MESSAGE_STATES, type OutboxLevel, type OutboxMessage } from '../../core/outbox/message.ts';
import type { StockLevel } from '../../core/stock-level.ts';
import { Fault } from '../../engine/faults.ts';
import type { CartShares, OutboxChanges } from './outbox-reads.ts';
import type { PartRecord } from './records.ts';
import type { Changes, Shard } from './shard.ts';

const PAGE = 500;
/** How often the books are read anew before an audit gives up. */
const ATTEMPTS = 5;

interface Copy {
  readonly levels: Map<string, StockLevel>;
  readonly reservations: Map<string, PartRecord>;
  /** See `Shard.deadlines`. */
  readonly deadlines: ReadonlySet<string>;
  readonly messages: Map<number, OutboxMessage>;
  readonly outboxLevels: Map<string, OutboxLevel>;
  /** By cart: of one shard among several. */
  readonly shares: Map<string, CartShares>;
}

/** The books of one moment, and the entries that were written while they were copied. */
interface Moment {
  readonly begun: number;
  readonly copy: Copy;
  readonly entries: readonly LedgerEntry[];
  readonly last: Changes;
}

/** Of one shard among several, all but what its carts have to do with other shards. */
export async function auditBooks(shard: Shard): Promise<AuditReport> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const report = await auditOnce(shard);
    if (report !== null) return report;
  }
  const message = 'the ledger is being trimmed: try again in a while';
  throw new Fault('STORE_OVERLOADED', message, { retryable: true });
}

/** Null where the ledger was trimmed meanwhile. */
async function auditOnce(shard: Shard): Promise<AuditReport | null> {
  const beginning = await readBeginning(shard);
  const { begun, copy, entries, last } = await readMoment(shard);
  const audit = new Audit(last.purgedBefore).withOutbox();
  const { cut } = beginning;
  for (const opening of beginning.openings.values()) audit.opening(opening);
  for (const [id, lines] of beginning.stories) audit.story(id, lines);
  audit.cut(cut);
  let lastSeq = await readLedger(shard, cut.seq, begun, audit);
  if ((await shard.ledger.beginning(null)).cut.seq !== cut.seq) return null;
  for (const entry of entries) {
    audit.entry(entry);
    lastSeq = entry.seq;
  }
  if (lastSeq < last.headSeq) {
    const message = `the ledger ends at entry ${lastSeq}, entry ${last.headSeq} was written`;
    audit.report('ledger_gap', message, { seq: last.headSeq });
  }
  giveOutbox(audit, copy, shard.several);
  for (const reservation of copy.reservations.values()) {
    if (reservation.step === undefined) audit.reservation(reservation);
    else audit.part(reservation);
  }
  for (const level of copy.outboxLevels.values()) audit.outboxLevel(level);
  for (const level of copy.levels.values()) audit.level(level);
  checkIndexes(audit, copy, last.indexed);
  checkDeadlines(audit, copy, entries);
  checkOutboxIndexes(audit, copy, last.outbox.indexed);
  return audit.finish();
}

/** What is told of a cart is proven against the whole of it, elsewhere; here only that the figures agree. */
function giveOutbox(audit: Audit, copy: Copy, several: boolean): void {
  const messages = [...copy.messages.values()].sort((a, b) => a.id - b.id);
  for (const message of messages) {
    const known = copy.reservations.get(message.reservationId);
    if (!several || (known !== undefined && known.step === undefined)) {
      audit.message(message);
      continue;
    }
    const lines = message.lines.filter(({ sku }) => copy.levels.has(sku));
    audit.share({ ...message, lines });
  }
  for (const { messages: shares } of copy.shares.values()) {
    for (const share of shares) audit.share(share);
  }
}

interface Beginning {
  readonly cut: LedgerCut;
  readonly openings: ReadonlyMap<string, Opening>;
  readonly stories: ReadonlyMap<string, readonly StoryLine[]>;
}

/** Read before the reservations: a story goes with its reservation. */
async function readBeginning(shard: Shard): Promise<Beginning> {
  const { cut } = await shard.ledger.beginning(null);
  const openings = new Map<string, Opening>();
  const stories = new Map<string, readonly StoryLine[]>();
  for await (const opening of shard.ledger.openings()) openings.set(opening.sku, opening);
  for await (const [id, lines] of shard.ledger.stories()) stories.set(id, lines);
  return { cut, openings, stories };
}

/** Of the outbox only what was written last is remembered: an audit that is slower begins again. */
async function readMoment(shard: Shard): Promise<Moment> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const begun = await shard.headSeq();
    const revision = await shard.outbox.revision();
    const copy = await copyBooks(shard);
    const caughtUp = await catchUp(shard, begun, revision, copy);
    if (caughtUp !== null) return { begun, copy, ...caughtUp };
  }
  const message = 'the outbox changes faster than it can be audited: try again when less is sold';
  throw new Fault('STORE_OVERLOADED', message, { retryable: true });
}

/**
 * Makes the copy one of this moment; returns the entries that were written since `begun`, and the last look. Null
 * where the outbox has changed too much meanwhile.
 */
async function catchUp(
  shard: Shard,
  begun: number,
  begunRevision: number,
  copy: Copy,
): Promise<Pick<Moment, 'entries' | 'last'> | null> {
  const entries: LedgerEntry[] = [];
  let [seq, revision] = [begun, begunRevision];
  for (;;) {
    const changes = await shard.changesAfter(seq, revision);
    entries.push(...changes.entries);
    for (const level of changes.levels) copy.levels.set(level.sku, level);
    for (const reservation of changes.reservations) {
      copy.reservations.set(reservation.id, reservation);
    }
    for (const id of changes.gone) copy.reservations.delete(id);
    const { reached } = changes.outbox;
    if (reached === null) return null;
    takeOutboxChanges(copy, changes.outbox);
    // Where a log has lost its end, there is nothing more to come.
    const wholeLedger = changes.lastSeq >= changes.headSeq || changes.entries.length === 0;
    const wholeOutbox = reached >= changes.outbox.revision || reached === revision;
    if (wholeLedger && wholeOutbox) return { entries, last: changes };
    [seq, revision] = [changes.lastSeq, reached];
  }
}

function takeOutboxChanges(copy: Copy, { messages, gone, levels, shares }: OutboxChanges): void {
  for (const message of messages) copy.messages.set(message.id, message);
  for (const id of gone) copy.messages.delete(id);
  for (const level of levels) copy.outboxLevels.set(level.sku, level);
  for (const [id, known] of shares) {
    if (known === null) copy.shares.delete(id);
    else copy.shares.set(id, known);
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

/** Parts of carts have their deadlines elsewhere; what has changed meanwhile may have another one. */
function checkDeadlines(
  audit: Audit,
  { reservations, deadlines }: Copy,
  entries: readonly LedgerEntry[],
): void {
  const changed = new Set(entries.map(({ reservationId }) => reservationId));
  for (const { id, status, expiresAt, step } of reservations.values()) {
    if (status !== 'active' || step !== undefined || changed.has(id)) continue;
    if (deadlines.has(`${id} ${expiresAt}`)) continue;
    audit.report('index_differs', 'an active reservation is not indexed by its deadline', {
      reservationId: id,
    });
  }
}

/** A message is listed by its state, and a key with a pending message by that. */
function checkOutboxIndexes(audit: Audit, { messages }: Copy, indexed: readonly number[]): void {
  const all = [...messages.values()];
  const expected = MESSAGE_STATES.map((state) => all.filter((each) => each.state === state).length);
  const keys = new Set(all.flatMap(({ state, key }) => (state === 'pending' ? [key] : [])));
  const check = (what: string, found: number, expected: number): void => {
    if (found === expected) return;
    audit.report('index_differs', `${found} ${what} are indexed, ${expected} are there`);
  };
  MESSAGE_STATES.forEach((state, index) => {
    check(`${state} messages`, indexed[index] ?? 0, expected[index] ?? 0);
  });
  check('keys with a pending message', indexed[MESSAGE_STATES.length] ?? 0, keys.size);
}

async function copyBooks(shard: Shard): Promise<Copy> {
  const copy: Copy = {
    levels: new Map(),
    reservations: new Map(),
    deadlines: await shard.deadlines(),
    messages: new Map(),
    outboxLevels: new Map(),
    shares: new Map(),
  };
  for await (const page of shard.outbox.allShares()) {
    for (const [id, known] of page) copy.shares.set(id, known);
  }
  for await (const page of shard.outbox.allMessages()) {
    for (const message of page) copy.messages.set(message.id, message);
  }
  for await (const page of shard.outbox.allLevels()) {
    for (const level of page) copy.outboxLevels.set(level.sku, level);
  }
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
async function readLedger(shard: Shard, cut: number, last: number, audit: Audit): Promise<number> {
  let reached = cut;
  for await (const page of shard.ledger.pagesFrom(cut, last)) {
    for (const entry of page) audit.entry(entry);
    reached = page.at(-1)?.seq ?? reached;
  }
  return reached;
}
