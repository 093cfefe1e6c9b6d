/**
 * Whole books out of several shards, as if they were one: carts put together from their parts, and the ledgers in the
 * order of their moments, numbered anew.
 */
import type { StoryLine } from '../../../core/audit-story.ts';
import type { LedgerEntry } from '../../../core/ledger.ts';
import type { OutboxLevel, OutboxMessage } from '../../../core/outbox/message.ts';
import type { Reservation } from '../../../core/reservation.ts';
import type {
  BooksHead,
  BooksRecord,
  BooksSource,
  KeptAnswer,
} from '../../../engine/books-file/whole-books.ts';
import { Fault } from '../../../engine/faults.ts';
import type { PartRecord } from '../records.ts';
import { isCart, type Cart } from './cart.ts';
import type { ShardDesk } from './shard-desk.ts';

/** Nobody may write the books meanwhile: if somebody does, reading them ends in a `Fault`. */
export async function exportShards(
  desks: readonly ShardDesk[],
  close: () => Promise<void>,
): Promise<BooksSource> {
  const heads = await headsOf(desks);
  const carts = await readCarts(desks);
  const head = await commonHead(desks, heads);
  return {
    head,
    records: async function* () {
      yield* recordsOf(desks, heads, head, carts);
      const after = await headsOf(desks);
      const same = after.every(
        ({ headSeq, clock }, index) =>
          headSeq === heads[index]?.headSeq && clock === heads[index].clock,
      );
      if (!same) throw changed();
    },
    close,
  };
}

function changed(): Fault {
  return new Fault(
    'STORE_LOCKED',
    'the books have changed while they were read: stop every instance, and begin again',
  );
}

function headsOf(desks: readonly ShardDesk[]): Promise<BooksHead[]> {
  return Promise.all(desks.map(({ shard }) => shard.head()));
}

async function commonHead(
  desks: readonly ShardDesk[],
  heads: readonly BooksHead[],
): Promise<BooksHead> {
  const sum = (figure: (head: BooksHead) => number): number =>
    heads.reduce((total, head) => total + figure(head), 0);
  const most = (figure: (head: BooksHead) => number): number => Math.max(...heads.map(figure));
  const seq = sum(({ cut }) => cut.seq);
  // Of one shard entries may remain that are older than what another has cut off.
  const first = await ledgersOf(desks, heads).next();
  const oldest = first.done === true ? Infinity : first.value.at;
  const at = Math.min(
    most(({ cut }) => cut.at),
    oldest,
  );
  return {
    clock: most(({ clock }) => clock),
    purgedBefore: most(({ purgedBefore }) => purgedBefore),
    headSeq: sum(({ headSeq }) => headSeq),
    outboxHead: most(({ outboxHead }) => outboxHead),
    // Numbered anew: what was exported by its old numbers is so no more.
    cut: { seq, at, exportedThrough: seq },
  };
}

/** Those of all, by their moments, which do not decrease in any of them. */
async function* inOrder<T extends { readonly at: number }>(
  sources: readonly AsyncGenerator<T>[],
): AsyncGenerator<T> {
  const next = await Promise.all(sources.map((source) => source.next()));
  for (;;) {
    let earliest = -1;
    let at = Infinity;
    next.forEach((each, index) => {
      if (each.done === true || each.value.at >= at) return;
      earliest = index;
      at = each.value.at;
    });
    const found = next[earliest];
    const source = sources[earliest];
    if (found === undefined || found.done === true || source === undefined) return;
    yield found.value;
    next[earliest] = await source.next();
  }
}

function ledgersOf(
  desks: readonly ShardDesk[],
  heads: readonly BooksHead[],
): AsyncGenerator<LedgerEntry> {
  return inOrder(
    desks.map(async function* ({ shard }, index) {
      for await (const page of shard.ledger.pagesFrom(heads[index]?.cut.seq ?? 0, '+')) yield* page;
    }),
  );
}

async function* recordsOf(
  desks: readonly ShardDesk[],
  heads: readonly BooksHead[],
  { cut }: BooksHead,
  carts: Carts,
): AsyncGenerator<BooksRecord> {
  yield* beginningOf(desks);
  let { seq } = cut;
  for await (const entry of ledgersOf(desks, heads)) {
    seq += 1;
    yield { kind: 'entry', value: { ...entry, seq } };
  }
  yield* outboxOf(desks);
  yield* reservationsOf(desks, carts);
  for (const { shard } of desks) {
    for (let after: string | null = null, more = true; more;) {
      const levels = await shard.recordedLevels(after, PAGE);
      for (const value of levels) yield { kind: 'level', value };
      after = levels.at(-1)?.sku ?? after;
      more = levels.length === PAGE;
    }
  }
  const known = new Set<string>();
  const answers: AsyncGenerator<KeptAnswer> = inOrder(
    desks.map(({ shard }) => shard.keptAnswers()),
  );
  for await (const value of answers) {
    if (known.has(value.key)) continue;
    known.add(value.key);
    yield { kind: 'answer', value };
  }
}

const PAGE = 500;

/** Numbers tell the shard, so that they are those of one outbox as they are; shares stand in no file. */
async function* outboxOf(desks: readonly ShardDesk[]): AsyncGenerator<BooksRecord> {
  const messages = new Map<number, OutboxMessage>();
  const levels = new Map<string, OutboxLevel>();
  for (const { shard } of desks) {
    for await (const page of shard.outbox.allMessages()) {
      for (const message of page) messages.set(message.id, message);
    }
    for await (const page of shard.outbox.allLevels()) {
      for (const level of page) levels.set(level.sku, level);
    }
  }
  for (const value of [...messages.values()].sort((a, b) => a.id - b.id)) {
    yield { kind: 'message', value };
  }
  for (const value of levels.values()) yield { kind: 'outbox_level', value };
}

async function* beginningOf(desks: readonly ShardDesk[]): AsyncGenerator<BooksRecord> {
  const stories = new Map<string, StoryLine[]>();
  for (const { shard } of desks) {
    const told = new Set<string>();
    for await (const opening of shard.ledger.openings()) {
      if (told.has(opening.sku)) continue;
      told.add(opening.sku);
      yield { kind: 'opening', value: opening };
    }
    const own = new Map<string, readonly StoryLine[]>();
    for await (const [id, lines] of shard.ledger.stories()) own.set(id, lines);
    for (const [id, lines] of own) stories.set(id, [...(stories.get(id) ?? []), ...lines]);
  }
  for (const [reservationId, lines] of stories) {
    yield { kind: 'story', value: { reservationId, lines } };
  }
}

interface Carts {
  readonly whole: ReadonlyMap<string, Cart>;
  /** Also of carts that were never decided. */
  readonly parts: ReadonlyMap<string, readonly PartRecord[]>;
}

/** Throws `Fault` where one is not settled. */
async function readCarts(desks: readonly ShardDesk[]): Promise<Carts> {
  const whole = new Map<string, Cart>();
  const parts = new Map<string, PartRecord[]>();
  for (const desk of desks) {
    for await (const page of desk.carts()) {
      for (const [id, record] of page) if (isCart(record)) whole.set(id, record);
    }
    const own = new Map<string, PartRecord>();
    for await (const page of desk.records()) {
      for (const record of page) if (record.step !== undefined) own.set(record.id, record);
    }
    for (const [id, part] of own) parts.set(id, [...(parts.get(id) ?? []), part]);
  }
  for (const [id, cart] of whole) if (cart.redo !== null) throw unsettled(id);
  for (const [id, all] of parts) {
    const open = all.some(({ status }) => status === 'active' || status === 'confirmed');
    if (open && !whole.has(id)) throw unsettled(id);
  }
  return { whole, parts };
}

function unsettled(id: string): Fault {
  return new Fault(
    'STORE_LOCKED',
    `cart ${id} is under way between shards: stop every instance, wait a few seconds, and begin again`,
    { retryable: true },
  );
}

async function* reservationsOf(
  desks: readonly ShardDesk[],
  { whole, parts }: Carts,
): AsyncGenerator<BooksRecord> {
  for (const desk of desks) {
    const seen = new Set<string>();
    for await (const page of desk.records()) {
      for (const value of page) {
        if (value.step !== undefined || seen.has(value.id)) continue;
        seen.add(value.id);
        yield { kind: 'reservation', value };
      }
    }
  }
  for (const [id, cart] of whole) {
    yield {
      kind: 'reservation',
      value: { ...cart.whole, endedAt: endOf(cart.whole, parts.get(id)) },
    };
  }
  for (const [id, all] of parts) {
    const [first] = all;
    if (whole.has(id) || first === undefined) continue;
    // Taken, never decided and given back; the ledger tells of it all the same.
    const { step: _, ...part } = first;
    const lines = all.flatMap((each) => each.lines);
    yield { kind: 'reservation', value: { ...part, lines, endedAt: endOf(part, all) } };
  }
}

/** The whole has ended when the last of its parts has, by the clocks that dated the entries. */
function endOf({ status, endedAt }: Reservation, parts: readonly PartRecord[] = []): number | null {
  if (status === 'active') return null;
  const ends = parts.flatMap((part) => part.endedAt ?? []);
  return ends.length === 0 ? endedAt : Math.max(...ends);
}
