/**
 * A store whose messages are numbered otherwise than those of one book, seen as if they were not: a book in memory
 * hears the same commands, and says which number each message, parcel and fence would have there. What a store does
 * with them is its own; only their names are changed on the way in and out.
 */
import type { Answer, Command } from '../../src/core/command.ts';
import { execute } from '../../src/core/execute.ts';
import type { OutboxMessage, Parcel } from '../../src/core/outbox/message.ts';
import type { Rules } from '../../src/core/rules.ts';
import type { Clock, OutboxStore, Submission } from '../../src/engine/ports.ts';
import { MemoryBook } from '../../src/stores/memory/memory-book.ts';

const ALL = 1_000_000;
/** A number that no store has given. */
const NOBODYS = 1_000_000_000;

/** The numbers of one place's books, which outlive a store that is closed. */
export class Numbers {
  readonly book = new MemoryBook();
  readonly #there = new Map<number, number>();
  readonly #here = new Map<number, number>();
  /** By the latest number of one book: the store's fence at that time. */
  readonly fences = new Map<number, number>();

  pair(one: number, store: number): void {
    this.#there.set(one, store);
    this.#here.set(store, one);
  }

  knows(one: number): boolean {
    return this.#there.has(one);
  }

  toStore(one: number): number {
    return this.#there.get(one) ?? NOBODYS + one;
  }

  fromStore(store: number): number {
    return this.#here.get(store) ?? store;
  }

  /** Where one book took several numbers in one command, the store had no moment between them. */
  fenceOf(sku: string, one: number): number {
    const fence = this.fences.get(one);
    if (fence !== undefined) return fence;
    return this.book.outbox.level(sku).touched > one ? -1 : Number.MAX_SAFE_INTEGER;
  }
}

export function numberedAsOne(
  store: OutboxStore,
  numbers: Numbers,
  { clock, rules }: { clock: Clock; rules: Rules },
): OutboxStore {
  const { book } = numbers;

  const inbound = (command: Command): Command => {
    if ('parcelId' in command) return { ...command, parcelId: numbers.toStore(command.parcelId) };
    if ('messageId' in command) {
      return { ...command, messageId: numbers.toStore(command.messageId) };
    }
    if (command.type !== 'reconcile') return command;
    return { ...command, fence: numbers.fenceOf(command.sku, command.fence) };
  };

  const message = (each: OutboxMessage): OutboxMessage => ({
    ...each,
    id: numbers.fromStore(each.id),
    parcelId: each.parcelId === null ? null : numbers.fromStore(each.parcelId),
  });
  const byId = (a: { id: number }, b: { id: number }): number => a.id - b.id;
  const messages = (all: readonly OutboxMessage[]): OutboxMessage[] => all.map(message).sort(byId);

  const outbound = (answer: Answer): Answer => {
    if (!answer.ok) {
      const { rejection } = answer;
      if ('messageId' in rejection) {
        const messageId = nameOf(numbers.fromStore(rejection.messageId));
        return { ...answer, rejection: { ...rejection, messageId } };
      }
      if (!('parcelId' in rejection)) return answer;
      const parcelId = nameOf(numbers.fromStore(rejection.parcelId));
      return { ...answer, rejection: { ...rejection, parcelId } };
    }
    if (answer.type === 'claim_messages') {
      const parcels = answer.parcels.map((parcel): Parcel => ({
        ...parcel,
        id: numbers.fromStore(parcel.id),
        messages: messages(parcel.messages),
      }));
      return { ...answer, parcels: parcels.sort(byId) };
    }
    if ('messages' in answer) return { ...answer, messages: messages(answer.messages) };
    return 'message' in answer ? { ...answer, message: message(answer.message) } : answer;
  };

  /** Messages of a reservation, a key and a kind came to be in the same order there. */
  const learn = async (): Promise<void> => {
    const query = { after: 0, limit: ALL };
    const there = [
      ...(await store.outbox({ ...query, state: null })),
      ...(await store.outbox({ ...query, state: 'delivered' })),
    ].sort(byId);
    const left = Map.groupBy(there, nameOfMessage);
    for (const one of book.outbox.messages()) {
      const same = left.get(nameOfMessage(one))?.shift();
      if (same === undefined) continue;
      numbers.pair(one.id, same.id);
      if (one.parcelId !== null && same.parcelId !== null) {
        numbers.pair(one.parcelId, same.parcelId);
      }
    }
    numbers.fences.set(book.outbox.head(), await store.balanceFence());
  };

  /** It may name what a command before it in the batch is to make: nobody knows that number before it is made. */
  const isAhead = ({ command }: Submission, index: number): boolean =>
    index > 0 &&
    (('parcelId' in command && !numbers.knows(command.parcelId)) ||
      ('messageId' in command && !numbers.knows(command.messageId)));

  const submitAll = async (submissions: readonly Submission[]): Promise<Answer[]> => {
    const ahead = submissions.findIndex(isAhead);
    if (ahead > 0) {
      const before = await submitAll(submissions.slice(0, ahead));
      return [...before, ...(await submitAll(submissions.slice(ahead)))];
    }
    const asked = submissions.map((each) => ({ ...each, command: inbound(each.command) }));
    const [first] = asked;
    const answers =
      asked.length === 1 && first !== undefined
        ? [await store.submit(first.command, first)]
        : await store.submitAll(asked);
    const now = clock.now();
    const expected = submissions.map(({ command, idempotency }) =>
      execute(book, command, now, rules, idempotency),
    );
    if (submissions.some(({ command }) => !LEAVES_OUTBOX.has(command.type))) await learn();
    answers.forEach((answer, index) => {
      pairParcels(numbers, answer, expected[index]);
    });
    return answers.map(outbound);
  };

  const own: Partial<OutboxStore> = {
    submit: async (command, options = {}) => {
      const { idempotency = null, fence = null } = options;
      const [answer] = await submitAll([{ command, idempotency, fence }]);
      return answer as never;
    },
    submitAll,
    outbox: async ({ state, after, limit }) => {
      const all = messages(await store.outbox({ state, after: 0, limit: ALL }));
      return all.filter(({ id }) => id > after).slice(0, limit);
    },
    message: async (id) => {
      const found = await store.message(numbers.toStore(id));
      return found && message(found);
    },
    outboxStats: async () => ({ ...(await store.outboxStats()), head: book.outbox.head() }),
    ledger: async (query) =>
      (await store.ledger(query)).map((entry) => {
        const told = entry.detail?.['message'];
        if (typeof told !== 'number') return entry;
        return { ...entry, detail: { ...entry.detail, message: numbers.fromStore(told) } };
      }),
  };
  return new Proxy(store, {
    get: (target, name) => {
      const mine: unknown = Reflect.get(own, name);
      if (mine !== undefined) return mine;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

const LEAVES_OUTBOX = new Set([
  'reserve',
  'release',
  'extend',
  'set_stock',
  'adjust_stock',
  'sweep',
]);

function nameOfMessage({ reservationId, key, kind }: OutboxMessage): string {
  return `${reservationId} ${key} ${kind}`;
}

function nameOf(id: number): number {
  return id >= NOBODYS ? id - NOBODYS : id;
}

/** Of a claim within a batch the messages may have gone on already. */
function pairParcels(numbers: Numbers, answer: Answer, expected: Answer | undefined): void {
  if (!answer.ok || answer.type !== 'claim_messages') return;
  if (expected?.ok !== true || expected.type !== 'claim_messages') return;
  for (const { id, messages } of answer.parcels) {
    const head = numbers.fromStore(messages[0]?.id ?? 0);
    const same = expected.parcels.find((parcel) => parcel.messages[0]?.id === head);
    if (same !== undefined) numbers.pair(same.id, id);
  }
}
