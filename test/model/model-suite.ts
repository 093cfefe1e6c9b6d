/**
 * Random histories of every command on the store under test and on the memory store, with one clock for both. After
 * each step the answers and the whole of the books are equal, and the invariants hold (where a store has several books,
 * entries of different SKUs have no order). A failure prints the smallest
 * history that fast-check finds, and the line to type to run it again.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Answer, CommandType } from '../../src/core/command.ts';
import type { LedgerEntry } from '../../src/core/ledger.ts';
import { addToOpening, newOpening, type LedgerCut } from '../../src/core/ledger-cut.ts';
import { REJECTION_CODES, type RejectionCode } from '../../src/core/rejection.ts';
import type { OutboxStore, ReservationStore } from '../../src/engine/ports.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import { ALL, everything, type Everything, type StoreSubject } from '../conformance/subject.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { histories, type History, type Step } from '../support/histories.ts';
import { Narrator, type Request } from '../support/narrator.ts';
import { assertInvariants, assertWithinLimits, Watch, type Books } from '../support/invariants.ts';
import { assertProperty, isReplay, untilTired } from '../support/replay.ts';

function hasOutbox(store: ReservationStore): store is OutboxStore {
  return 'outbox' in store;
}

interface Extent {
  readonly runs: number;
  readonly maxSteps: number;
  /** The test file that calls, for the line to type. */
  readonly file: string;
  /** Too few histories to meet every command and every refusal. */
  readonly few?: true;
}

/** Of as many histories each, where the first left something out. */
const MOST_REPETITIONS = 4;

/** Commands as they went, and refusals as they came, over all histories of a run. */
class Coverage {
  readonly commands = new Set<CommandType>();
  readonly rejections = new Set<RejectionCode>();
  readonly steps = new Set<Step['kind']>();

  note({ command }: Request, answer: Answer): void {
    this.commands.add(command.type);
    if (!answer.ok) this.rejections.add(answer.rejection.code);
  }
}

const ERP_COMMANDS = {
  claim_messages: true,
  note_parcel: true,
  settle_parcel: true,
  recover_messages: true,
  retry_message: true,
  discard_message: true,
  reconcile: true,
} as const;
const ERP_REJECTIONS: readonly RejectionCode[] = [
  'parcel_not_found',
  'message_not_found',
  'message_not_dead',
  'discard_units',
  'balance_outdated',
];

const COMMANDS: Record<CommandType, true> = {
  reserve: true,
  confirm: true,
  release: true,
  extend: true,
  cancel: true,
  acknowledge: true,
  set_stock: true,
  adjust_stock: true,
  import_stock: true,
  sweep: true,
  purge: true,
  trim_ledger: true,
  ...ERP_COMMANDS,
};

export function modelSuite(subject: StoreSubject, { runs, maxSteps, file, few }: Extent): void {
  describe(`the ${subject.name} store against the memory store`, () => {
    const coverage = new Coverage();
    const { outbox } = subject.supports;
    const commands = Object.keys(COMMANDS).filter((type) => outbox || !(type in ERP_COMMANDS));
    const codes = REJECTION_CODES.filter((code) => outbox || !ERP_REJECTIONS.includes(code));
    const play = (): Promise<void> =>
      assertProperty(
        fc.asyncProperty(
          histories(maxSteps, outbox),
          untilTired((history) => compare(subject, history, coverage)),
        ),
        { runs, file },
      );

    it('answers every history alike, with the same books after every step', play);

    it('in histories that left no command and no refusal out', async () => {
      if (isReplay() || few) return;
      const isShort = (): boolean =>
        coverage.commands.size < commands.length || coverage.rejections.size < codes.length;
      // A rare refusal is a matter of luck in a few histories, and not in many.
      for (let again = 0; again < MOST_REPETITIONS && isShort(); again += 1) await play();
      assert.deepEqual([...coverage.commands].sort(), commands.sort());
      assert.deepEqual([...coverage.rejections].sort(), codes.sort());
      assert.equal(coverage.steps.size, 5);
    });
  });
}

async function compare(subject: StoreSubject, drawn: History, coverage: Coverage): Promise<void> {
  // What waits for an ERP cannot move to where there is no outbox.
  const acknowledgeOnConfirm = subject.supports.outbox ? {} : { acknowledgeOnConfirm: true };
  const history = subject.supports.renumbers
    ? { ...drawn, rules: { ...drawn.rules, ...acknowledgeOnConfirm } }
    : drawn;
  const cleanups: (() => unknown)[] = [];
  const home = await subject.home({ after: (done) => cleanups.push(done) });
  const setup = { rules: history.rules, clock: new FakeClock() };
  const pair = new Pair(await home.open(setup), setup.clock, history, {
    coverage,
    oneBook: subject.supports.oneBook,
    renumbers: subject.supports.renumbers === true,
  });
  try {
    await pair.begin();
    for (const step of history.steps) {
      coverage.steps.add(step.kind);
      if (step.kind === 'reopen' && subject.supports.durable) {
        await pair.store.close();
        pair.store = await home.open(setup);
      }
      await pair.take(step);
    }
    await pair.end();
  } finally {
    await pair.store.close();
    for (const cleanup of cleanups) await cleanup();
  }
}

/** The store under test and the reference, one step at a time. */
class Pair {
  readonly #oneBook: boolean;
  readonly #renumbers: boolean;
  store: ReservationStore;
  readonly #reference: MemoryStore;
  readonly #clock: FakeClock;
  readonly #coverage: Coverage;
  readonly #narrator: Narrator;
  readonly #watch = new Watch();
  /** All that was ever written, also what has been cut off since. */
  #ledger: Books['ledger'] = [];
  readonly #referenceLedger: LedgerEntry[] = [];

  constructor(
    store: ReservationStore,
    clock: FakeClock,
    { rules }: History,
    { coverage, oneBook, renumbers }: { coverage: Coverage; oneBook: boolean; renumbers: boolean },
  ) {
    this.store = store;
    this.#oneBook = oneBook;
    this.#renumbers = renumbers;
    this.#clock = clock;
    this.#coverage = coverage;
    this.#reference = new MemoryStore(clock, rules);
    this.#narrator = new Narrator(clock);
  }

  async begin(): Promise<void> {
    for (const request of this.#narrator.opening) await this.#submit(request);
  }

  async take(step: Step): Promise<void> {
    if (!this.#oneBook) await this.#tidy();
    switch (step.kind) {
      case 'wait':
      case 'deadline':
        this.#clock.set(this.#narrator.timeOf(step));
        break;
      case 'submit':
        await this.#submit(this.#request(step.asked));
        return;
      case 'batch':
        await this.#submitAll(step.asked.map((asked) => this.#request(asked)));
        break;
      case 'reopen':
        break;
    }
    await this.#look();
  }

  /** What would be recorded in passing by one command here and another there is recorded in both before. */
  async #tidy(): Promise<void> {
    const answers = await Promise.all(
      [this.store, this.#reference].map((store) => store.submit({ type: 'sweep', limit: ALL })),
    );
    const [mine, reference] = answers.map((answer) =>
      answer.ok ? answer.expired.toSorted((a, b) => (a.id < b.id ? -1 : 1)) : [],
    );
    assert.deepEqual(mine, reference);
  }

  #request(asked: Parameters<Narrator['request']>[0]): Request {
    const request = this.#narrator.request(asked);
    const { command } = request;
    if (this.#oneBook) return request;
    // Which are the first of those that lapsed, ended or became due at one moment is no question to several books.
    if (command.type === 'sweep' || command.type === 'purge' || command.type === 'claim_messages') {
      return { ...request, command: { ...command, limit: ALL } };
    }
    // No file names a SKU twice; several books, where a cart stands in the way of the first row, would count it in the
    // shortfall that the second one records.
    if (command.type !== 'import_stock') return request;
    const rows = [...new Map(command.rows.map((row) => [row.sku, row])).values()];
    return { ...request, command: { ...command, rows } };
  }

  async #submit(request: Request): Promise<void> {
    const { command, idempotency } = request;
    const headBefore = this.#ledger.length;
    const answer = await this.store.submit(command, { idempotency });
    const expected = await this.#reference.submit(command, { idempotency });
    this.#compareAnswers([answer], [expected]);
    this.#hear(request, answer);
    const books = await this.#look();
    assertWithinLimits(answer, books, books.ledger.slice(headBefore));
  }

  async #submitAll(requests: readonly Request[]): Promise<void> {
    const answers = await this.store.submitAll(requests);
    this.#compareAnswers(answers, await this.#reference.submitAll(requests));
    requests.forEach((request, index) => {
      const answer = answers[index];
      assert.ok(answer);
      this.#hear(request, answer);
    });
  }

  /** Where several books have entries of their own, how many of them go, and up to which, is a question of each. */
  #compareAnswers(mine: readonly Answer[], reference: readonly Answer[]): void {
    if (this.#oneBook) {
      assert.deepEqual(mine, reference);
      return;
    }
    const comparable = (answer: Answer): unknown =>
      answer.ok && (answer.type === 'trim_ledger' || (this.#renumbers && answer.type === 'purge'))
        ? answer.type
        : answer;
    assert.deepEqual(mine.map(comparable), reference.map(comparable));
  }

  #hear(request: Request, answer: Answer): void {
    this.#coverage.note(request, answer);
    this.#narrator.heard(answer);
  }

  /** Reads both books whole, but for the ledger, of which only what is new. */
  async #look(): Promise<Books> {
    const after = this.#ledger.length;
    const read = async (store: ReservationStore): Promise<Everything> => {
      const [levels, reservations, ledger, stats] = await Promise.all([
        store.levels({ after: null, prefix: null, limit: ALL }),
        store.reservations(null, ALL),
        store.ledger({ sku: null, after, limit: ALL }),
        store.stats(),
      ]);
      return { levels, reservations, ledger, stats };
    };
    const mine = await read(this.store);
    if (this.#oneBook) assert.deepEqual(mine, await read(this.#reference));
    else await this.#compareInPieces(mine);
    if (hasOutbox(this.store)) await this.#lookAtOutbox(this.store);
    this.#ledger = [...this.#ledger, ...mine.ledger];
    const books = { ...mine, ledger: this.#ledger, now: this.#clock.now() };
    assertInvariants(books);
    this.#watch.look(books);
    return books;
  }

  /** Entries of each SKU are the same; between SKUs they have no order, and units that move have entries of their own. */
  async #compareInPieces({ levels, reservations, ledger, stats }: Everything): Promise<void> {
    const whole = await everything(this.#reference);
    const last = this.#referenceLedger.at(-1)?.seq ?? 0;
    this.#referenceLedger.push(...whole.ledger.filter(({ seq }) => seq > last));
    assert.deepEqual(levels, whole.levels);
    const ids = new Set(whole.reservations.map(({ id }) => id));
    const own = this.#renumbers ? reservations.filter(({ id }) => ids.has(id)) : reservations;
    assert.deepEqual(own, whole.reservations);
    const { headSeq, ...others } = stats;
    assert.equal(headSeq, this.#ledger.length + ledger.length);
    assert.deepEqual({ ...others, headSeq: whole.stats.headSeq }, whole.stats);
    const known = new Set(this.#referenceLedger.map(({ reservationId }) => reservationId));
    const mine = [...this.#ledger, ...ledger].filter(({ reservationId }) =>
      known.has(reservationId),
    );
    const unordered = (entries: Books['ledger']): string[] =>
      entries
        .map(({ detail, ...entry }) => {
          const fields = Object.entries(detail ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
          const all = { ...entry, seq: 0, detail: detail && fields };
          return JSON.stringify(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
        })
        .sort();
    assert.deepEqual(unordered(mine), unordered(this.#referenceLedger));
  }

  async #lookAtOutbox(store: OutboxStore): Promise<void> {
    const query = { after: 0, limit: ALL };
    for (const state of [null, 'delivered'] as const) {
      const messages = await store.outbox({ ...query, state });
      assert.deepEqual(messages, await this.#reference.outbox({ ...query, state }));
    }
    assert.deepEqual(await store.outboxStats(), await this.#reference.outboxStats());
  }

  #ofSku(sku: string): LedgerEntry[] {
    return this.#ledger.filter((entry) => entry.sku === sku);
  }

  /** An opening is the sum of what was cut off. */
  async #lookAtBeginning(sku: string, cut: LedgerCut): Promise<void> {
    const gone = this.#ledger.filter((entry) => entry.sku === sku && entry.seq <= cut.seq);
    const sum = newOpening(sku);
    for (const entry of gone) addToOpening(sum, entry);
    const { cut: found, opening } = await this.store.ledgerBeginning(sku);
    assert.deepEqual(found, cut);
    // Where there are several books, an entry has a place of its own in each.
    const expected = gone.length === 0 ? null : { ...sum, lastSeq: 0 };
    assert.deepEqual(opening && { ...opening, lastSeq: 0 }, expected);
  }

  /** What is too dear to be asked after each step. */
  async end(): Promise<void> {
    const { reservations, levels } = await this.#look();
    for (const { id } of reservations) {
      // Units that moved between books.
      if (this.#renumbers && (await this.#reference.reservation(id)) === null) continue;
      assert.deepEqual(await this.store.reservation(id), await this.#reference.reservation(id));
    }
    const { cut } = await this.store.ledgerBeginning(null);
    for (const { sku } of levels) {
      if (!this.#renumbers) await this.#lookAtBeginning(sku, cut);
      assert.deepEqual(await this.store.level(sku), await this.#reference.level(sku));
      const query = { sku, after: 0, limit: ALL };
      if (!this.#oneBook) {
        const own = this.#ledger.filter((entry) => entry.sku === sku && entry.seq > cut.seq);
        const found = await this.store.ledger(query);
        if (!this.#renumbers) assert.deepEqual(found, own);
        else
          assert.deepEqual(unnumbered(found), newest(unnumbered(this.#ofSku(sku)), found.length));
        continue;
      }
      assert.deepEqual(await this.store.ledger(query), await this.#reference.ledger(query));
    }
    const report = await this.store.audit();
    assert.deepEqual(report.problems, []);
    const expected = await this.#reference.audit();
    if (this.#oneBook) assert.deepEqual(report, expected);
    else if (this.#renumbers) assert.equal(report.skus, expected.skus);
    else assert.deepEqual({ ...report, entries: expected.entries }, expected);
  }
}

function unnumbered(entries: readonly LedgerEntry[]): LedgerEntry[] {
  return entries.map((entry) => ({ ...entry, seq: 0 }));
}

/** Also none of them. */
function newest<T>(all: readonly T[], count: number): T[] {
  return all.slice(all.length - count);
}
