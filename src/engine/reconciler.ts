/**
 * Compares what the ERP has on hand with our books, SKU by SKU, and with `fix` corrects ours. Before the ERP is asked,
 * the outbox's number is noted; the store refuses an answer that anything of its SKU has overtaken, and it is read
 * again. Reservations are never touched: they are counted on our side. While raises are held back (`raise-guard.ts`), a
 * balance above our books is only told. Where others tell the ERP, it may have units back before we have seen it: a
 * SKU with such a cancellation is not raised, but read again later.
 */
import { rejected, type Answer, type ReconcileCommand } from '../core/command.ts';
import { explain, type Drift, type DriftCause } from '../core/reconcile.ts';
import type { ErpCall, ErpConnector, ErpLevel, ErpLevelProblem } from './erp-port.ts';
import type { OutboxStore } from './ports.ts';

/** Readings of a SKU that moves all the time; then it is left for the next run. */
const READINGS = 3;
const LEVELS_PAGE = 500;
const MESSAGES_PAGE = 1_000;

export interface ReconcileOptions {
  readonly fix: boolean;
  /** For the ledger: `schedule`, `webhook`, `pull`, `operator`. */
  readonly cause: string;
}

export interface ExplainedDrift extends Drift {
  readonly cause: DriftCause;
  readonly corrected: boolean;
  /** It would have been corrected, but raises are held back. */
  readonly held: boolean;
}

export interface ReconcileReport {
  /** SKUs that were compared. */
  readonly compared: number;
  /** Those that did not agree. */
  readonly drifts: readonly ExplainedDrift[];
  /** SKUs whose sales were on their way at each reading. */
  readonly moving: readonly string[];
  /** SKUs that cannot be sold as the ERP has them, or of which it has sold more than it had: one message each. */
  readonly problems: readonly ErpLevelProblem[];
}

export interface ReconcilerParts {
  readonly store: OutboxStore;
  readonly erp: ErpConnector;
  /** A new call of the connector, at the pace of all others. */
  readonly call: () => ErpCall;
  /** May a balance raise our books? Left out: always. */
  readonly mayRaise?: () => boolean;
}

/** After each page of a pull. */
export interface PullProgress {
  /** Where the next page begins; null: this was the last. */
  readonly next: string | null;
  /** Of this run, so far. */
  readonly pages: number;
  readonly compared: number;
  readonly imported: number;
  readonly corrected: number;
}

class Tally {
  compared = 0;
  imported = 0;
  corrected = 0;
  drifts: ExplainedDrift[] = [];
  moving = new Set<string>();
  readonly #problems = new Map<string, ErpLevelProblem>();

  /** A SKU that is read again has one message still: the latest. */
  note(problems: readonly ErpLevelProblem[]): void {
    for (const problem of problems) this.#problems.set(problem.sku, problem);
  }

  /** `skus`: what was asked, in the order of `answers`. */
  take(skus: readonly string[], answers: readonly Answer[], isHeldBack: boolean): void {
    answers.forEach((answer, index) => {
      const sku = skus[index] ?? '';
      if (answer.ok && answer.type === 'reconcile') {
        const { drift, corrected } = answer;
        this.compared += 1;
        this.moving.delete(sku);
        if (drift.erpOnHand < 0) this.note([{ sku, reason: belowZero(drift) }]);
        if (differs(drift)) {
          const held = isHeldBack && isRaise(drift);
          this.drifts.push({ ...drift, cause: explain(drift), corrected, held });
          if (corrected && drift.known) this.corrected += 1;
          else if (corrected) this.imported += 1;
        }
      } else this.moving.add(sku);
    });
  }

  report(): ReconcileReport {
    const { compared, drifts } = this;
    const problems = [...this.#problems.values()];
    return { compared, drifts, moving: [...this.moving], problems };
  }
}

export class Reconciler {
  readonly #parts: ReconcilerParts;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
  }

  /** These SKUs, whether or not our books have them. Throws `ErpFault` where the ERP gives no usable answer. */
  async compare(skus: readonly string[], options: ReconcileOptions): Promise<ReconcileReport> {
    const tally = new Tally();
    await this.#compare(skus, options, tally);
    return tally.report();
  }

  /** Every SKU of our books. */
  async compareAll(
    options: ReconcileOptions,
    onProgress: (compared: number) => void = () => undefined,
  ): Promise<ReconcileReport> {
    const tally = new Tally();
    for (let after: string | null = null; ;) {
      const levels = await this.#parts.store.levels({ after, prefix: null, limit: LEVELS_PAGE });
      const skus = levels.map(({ sku }) => sku);
      await this.#compare(skus, options, tally, onProgress);
      after = skus.at(-1) ?? null;
      if (skus.length < LEVELS_PAGE) return tally.report();
    }
  }

  /**
   * Every SKU of the ERP, in its pages from `cursor` on; null: from the first. `onPage` is told where the next one
   * begins, and waited for, so that a run which ends early can be taken up again.
   */
  async pull(
    cursor: string | null,
    options: ReconcileOptions,
    onPage: (progress: PullProgress) => Promise<void> = () => Promise.resolve(),
  ): Promise<ReconcileReport> {
    const tally = new Tally();
    let at = cursor;
    for (let pages = 1; ; pages += 1) {
      const fence = await this.#parts.store.balanceFence();
      const page = await this.#parts.erp.readPage(at, this.#parts.call());
      tally.note(page.problems);
      await this.#apply(page.levels, fence, options, tally);
      at = page.next;
      const { compared, imported, corrected } = tally;
      await onPage({ next: at, pages, compared, imported, corrected });
      if (at === null) break;
    }
    await this.#compare([...tally.moving], options, tally);
    return tally.report();
  }

  async #compare(
    skus: readonly string[],
    options: ReconcileOptions,
    tally: Tally,
    onProgress: (compared: number) => void = () => undefined,
  ): Promise<void> {
    let left = skus;
    for (let reading = 0; reading < READINGS && left.length > 0; reading += 1) {
      for (const chunk of chunks(left, this.#parts.erp.limits.skusPerRead)) {
        const fence = await this.#parts.store.balanceFence();
        const page = await this.#parts.erp.readLevels(chunk, this.#parts.call());
        tally.note(page.problems);
        await this.#apply(page.levels, fence, options, tally);
        onProgress(tally.compared);
      }
      left = left.filter((sku) => tally.moving.has(sku));
    }
  }

  async #apply(
    levels: readonly ErpLevel[],
    fence: number,
    options: ReconcileOptions,
    tally: Tally,
  ): Promise<void> {
    const isHeldBack = options.fix && this.#parts.mayRaise?.() === false;
    const answers =
      isHeldBack || this.#parts.erp.toldByOthers
        ? await this.#applyWithCare(levels, fence, options, isHeldBack)
        : await this.#submit(levels, fence, options);
    tally.take(
      levels.map(({ sku }) => sku),
      answers,
      isHeldBack,
    );
  }

  /** Compares all, then corrects those that differ and may be corrected. */
  async #applyWithCare(
    levels: readonly ErpLevel[],
    fence: number,
    options: ReconcileOptions,
    isHeldBack: boolean,
  ): Promise<Answer[]> {
    const compared = await this.#submit(levels, fence, { ...options, fix: false });
    const raises = new Set(compared.filter(isRaising));
    const comingBack =
      this.#parts.erp.toldByOthers && raises.size > 0 ? await this.#skusComingBack() : NONE;
    const answers = compared.map((answer, index) => {
      const sku = levels[index]?.sku ?? '';
      return raises.has(answer) && comingBack.has(sku)
        ? rejected('reconcile', { code: 'balance_outdated', sku })
        : answer;
    });
    if (!options.fix) return answers;
    const correct = levels.filter((_level, index) => {
      const answer = answers[index];
      return answer !== undefined && isDiffering(answer) && !(isHeldBack && raises.has(answer));
    });
    const corrected = await this.#submit(correct, fence, options);
    const bySku = new Map(correct.map(({ sku }, index) => [sku, corrected[index]]));
    return answers.map((answer, index) => bySku.get(levels[index]?.sku ?? '') ?? answer);
  }

  /** With units of a cancellation that we have back, and that were not yet seen to be back in the ERP. */
  async #skusComingBack(): Promise<ReadonlySet<string>> {
    const skus = new Set<string>();
    for (let after = 0; ;) {
      const messages = await this.#parts.store.outbox({ state: null, after, limit: MESSAGES_PAGE });
      for (const { kind, lines } of messages) {
        if (kind !== 'cancellation') continue;
        for (const { sku, restock } of lines) if (restock) skus.add(sku);
      }
      after = messages.at(-1)?.id ?? after;
      if (messages.length < MESSAGES_PAGE) return skus;
    }
  }

  async #submit(
    levels: readonly ErpLevel[],
    fence: number,
    { fix, cause }: ReconcileOptions,
  ): Promise<Answer[]> {
    const submissions = levels.map(({ sku, onHand }) => {
      const command: ReconcileCommand = {
        type: 'reconcile',
        sku,
        erpOnHand: onHand,
        fence,
        fix,
        cause,
      };
      return { command, idempotency: null };
    });
    return submissions.length === 0 ? [] : this.#parts.store.submitAll(submissions);
  }
}

const NONE: ReadonlySet<string> = new Set();

/** A SKU that is new here differs even where the ERP has none of it. */
function differs({ units, known }: Drift): boolean {
  return units !== 0 || !known;
}

function isDiffering(answer: Answer): boolean {
  return answer.ok && answer.type === 'reconcile' && differs(answer.drift);
}

function isRaising(answer: Answer): boolean {
  return answer.ok && answer.type === 'reconcile' && isRaise(answer.drift);
}

/** Would its correction put units of a SKU on sale that our books do not have? One that is new here has no sales. */
function isRaise({ known, units }: Drift): boolean {
  return known && units > 0;
}

function belowZero({ sku, erpOnHand }: Drift): string {
  return `the ERP has ${erpOnHand} of ${sku}: ${-erpOnHand} more were sold there than it had. It counts as none, so no more are sold until the ERP has some again; correct its stock, or cancel what cannot be sent`;
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < list.length; at += size) parts.push(list.slice(at, at + size));
  return parts;
}
