/** Replays an order file against a service and accounts for every unit. */
import { replaySteps, type OrderFile } from './order-file.ts';
import type { Cancellation, Cart, WriteOff } from './order-groups.ts';
import { PurchaseBook, unitsOf, type TakenLine } from './purchase-book.ts';
import { Accounts, type Difference, type SkuLevel } from './replay-accounts.ts';
import type { ReplayDesk } from './replay-desk.ts';

export type StockChoice = 'exact' | 'keep' | number;

export interface ReplayPlan {
  readonly file: OrderFile;
  readonly desk: ReplayDesk;
  readonly stock: StockChoice;
  readonly by: 'file' | 'time';
  readonly concurrency: number;
  readonly onStep: () => void;
}

/** How often something happened, and to how many units. */
export interface Tally {
  times: number;
  units: number;
}

export interface ReplayOutcome {
  readonly accounts: Accounts;
  readonly sold: Tally;
  readonly refused: ReadonlyMap<string, Tally>;
  readonly cancelled: Tally;
  /** Cancellations of what was bought before the file began, line by line. */
  readonly unmatched: Tally;
  readonly writtenOff: Tally;
  readonly notWrittenOff: ReadonlyMap<string, Tally>;
  /** Steps that had to succeed and did not. */
  readonly broken: readonly string[];
  readonly differences: readonly Difference[];
  readonly audit: Readonly<Record<string, unknown>> | null;
  readonly seconds: number;
}

export async function runReplay(plan: ReplayPlan): Promise<ReplayOutcome> {
  return new ReplayRun(plan).run();
}

/** How many steps `runReplay` tells of. */
export function countSteps({ carts, cancellations, writeOffs }: OrderFile): number {
  return carts.length + cancellations.length + writeOffs.length;
}

class ReplayRun {
  readonly #plan: ReplayPlan;
  readonly #accounts = new Accounts();
  readonly #book = new PurchaseBook();
  readonly #sold: Tally = { times: 0, units: 0 };
  readonly #refused = new Map<string, Tally>();
  readonly #cancelled: Tally = { times: 0, units: 0 };
  readonly #unmatched: Tally = { times: 0, units: 0 };
  readonly #writtenOff: Tally = { times: 0, units: 0 };
  readonly #notWrittenOff = new Map<string, Tally>();
  readonly #broken: string[] = [];

  constructor(plan: ReplayPlan) {
    this.#plan = plan;
    for (const { lines } of plan.file.carts) {
      for (const { sku, quantity } of lines) this.#accounts.of(sku).wanted += quantity;
    }
    for (const { sku } of plan.file.writeOffs) this.#accounts.of(sku);
  }

  async run(): Promise<ReplayOutcome> {
    const startedAt = performance.now();
    await this.#prepare();
    await this.#play();
    await this.#readLevels((account, level) => {
      account.remaining = level?.available ?? 0;
      account.reservedAfter = level?.reserved ?? 0;
    });
    const seconds = (performance.now() - startedAt) / 1000;
    return {
      accounts: this.#accounts,
      sold: this.#sold,
      refused: this.#refused,
      cancelled: this.#cancelled,
      unmatched: this.#unmatched,
      writtenOff: this.#writtenOff,
      notWrittenOff: this.#notWrittenOff,
      broken: this.#broken,
      differences: this.#accounts.differences(this.#plan.stock === 'exact'),
      audit: await this.#plan.desk.audit(),
      seconds,
    };
  }

  /** Sets the stock so that the chosen number is available whatever others have reserved, and reads what is offered. */
  async #prepare(): Promise<void> {
    const { stock, desk, file } = this.#plan;
    if (stock !== 'keep') {
      const needs = new Map(this.#accounts.all.map(({ sku, wanted }) => [sku, wanted]));
      for (const { sku, quantity } of file.writeOffs) {
        needs.set(sku, (needs.get(sku) ?? 0) + quantity);
      }
      const rows: { sku: string; onHand: number }[] = [];
      await this.#readLevels(({ sku }, level) => {
        const promised =
          (level?.reserved ?? 0) + (level?.allocated ?? 0) + (level?.safetyStock ?? 0);
        const wanted = stock === 'exact' ? (needs.get(sku) ?? 0) : stock;
        rows.push({ sku, onHand: wanted + promised });
      });
      await desk.setStock(rows);
    }
    await this.#readLevels((account, level) => {
      account.offered = level?.available ?? 0;
      account.reservedBefore = level?.reserved ?? 0;
    });
  }

  async #readLevels(
    take: (account: ReturnType<Accounts['of']>, level: SkuLevel | null) => void,
  ): Promise<void> {
    const { desk, concurrency } = this.#plan;
    await inParallel(this.#accounts.all, concurrency, async (account) => {
      take(account, await desk.level(account.sku));
    });
  }

  /** In the order of the file, several at a time; the steps of one customer strictly one after the other. */
  async #play(): Promise<void> {
    const { file, by, concurrency } = this.#plan;
    const queues = new Map<string, (() => Promise<void>)[]>();
    const queue = (owner: string, step: () => Promise<void>): void => {
      const steps = queues.get(owner);
      if (steps === undefined) queues.set(owner, [step]);
      else steps.push(step);
    };
    for (const { cart } of replaySteps(file, by)) {
      if ('cancels' in cart) queue(ownerOf(cart, cart.cancels), () => this.#cancel(cart));
      else queue(ownerOf(cart), () => this.#sell(cart));
    }
    for (const each of file.writeOffs) queue(`line ${each.line}`, () => this.#writeOff(each));
    await inParallel([...queues.values()], concurrency, async (steps) => {
      for (const step of steps) {
        await step();
        this.#plan.onStep();
      }
    });
  }

  async #sell(cart: Cart): Promise<void> {
    const end = await this.#plan.desk.sell(cart);
    const units = unitsOf(cart.lines);
    if (end.kind === 'lost') {
      this.#broken.push(`order ${cart.order} was reserved and then not confirmed: ${end.code}`);
    } else if (end.kind === 'refused') {
      add(tallyOf(this.#refused, end.code), units);
    } else {
      add(this.#sold, units);
      for (const { sku, quantity } of cart.lines) this.#accounts.of(sku).sold += quantity;
      this.#book.add(cart, end.reservationId);
    }
  }

  async #cancel(cancellation: Cancellation): Promise<void> {
    const { taken, unmatched } = this.#book.take(cancellation);
    for (const line of unmatched) add(this.#unmatched, line.quantity);
    for (const { purchase, lines } of taken) {
      const { reservationId } = purchase;
      const code = await this.#plan.desk.cancel(reservationId, cancellation.order, lines);
      if (code === null) this.#countCancelled(lines);
      else
        this.#broken.push(`${cancellation.order} of order ${purchase.order} was refused: ${code}`);
    }
  }

  #countCancelled(lines: readonly TakenLine[]): void {
    for (const { sku, quantity } of lines) {
      add(this.#cancelled, quantity);
      this.#accounts.of(sku).cancelled += quantity;
    }
  }

  async #writeOff(writeOff: WriteOff): Promise<void> {
    const { sku, quantity } = writeOff;
    const code = await this.#plan.desk.writeOff(writeOff);
    if (code !== null) {
      add(tallyOf(this.#notWrittenOff, code), quantity);
      return;
    }
    add(this.#writtenOff, quantity);
    this.#accounts.of(sku).writtenOff += quantity;
  }
}

/** Whose turn a step has to wait for: its customer's, or where there is none its order's. */
function ownerOf({ customerId, order }: Cart, cancels: string | null = null): string {
  return customerId === null ? `order ${cancels ?? order}` : `customer ${customerId}`;
}

function add(tally: Tally, units: number): void {
  tally.times += 1;
  tally.units += units;
}

function tallyOf(tallies: Map<string, Tally>, code: string): Tally {
  let tally = tallies.get(code);
  if (tally === undefined) tallies.set(code, (tally = { times: 0, units: 0 }));
  return tally;
}

/** The first failure ends it: what has begun is waited for, nothing more is begun. */
async function inParallel<T>(
  items: readonly T[],
  concurrency: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const item = items[next] as T;
      next += 1;
      try {
        await run(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const workers = Array.from({ length: Math.min(concurrency, items.length) }, worker);
  const ends = await Promise.allSettled(workers);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
