/**
 * T16 with real deaths: the service as operators run it, killed (SIGKILL) again and again while it tells a simulated
 * Bling of its sales over bad lines, and started on its data. `HOLDFAST_ERP_KILLS=20` kills as often, in each mode.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../linearizability/random.ts';
import { openBlingShop } from '../cli/bling-shop.ts';
import { holdfast, type Settings } from '../cli/support.ts';
import { seeded, setting } from '../faults/chance.ts';
import { Client, type Reply } from '../faults/client.ts';
import { startService, type ServiceProcess } from '../faults/service-process.ts';
import type { Fault, FaultKind } from '../../simulators/bling/faults.ts';
import type { BlingSimulator } from '../../simulators/bling/server.ts';

const KILLS = setting('HOLDFAST_ERP_KILLS', 1);
const SKUS = 12;
const STOCK = 10_000;
const SALES_PER_LIFE = 9;
/** One of so many sales is cancelled. */
const CANCELLED_ONE_OF = 6;
const CANCELLED = 12;
const LATEST_KILL_MS = 3_000;
/** Less than the service waits before it sends again what it does not find. */
const LATE_MS = 5_000;
const TIMEOUT_MS = 500;
const DRAIN_MS = setting('HOLDFAST_PATIENCE_MS', 300_000);

const KINDS: readonly FaultKind[] = [
  'reset_before',
  'reset_after',
  'reset_in_answer',
  'error_after',
  'garbage_after',
  'late_apply',
  'delay_after',
  'too_many_second',
];

interface Sale {
  readonly id: string;
  readonly units: ReadonlyMap<string, number>;
  cancelled: boolean;
}

class KilledShop {
  readonly sales: Sale[] = [];
  kills = 0;
  /** Kills while the outbox was being told, and what it held then. */
  inFlight = 0;
  backlog = 0;
  readonly #t: TestContext;
  readonly #random: Random;
  readonly #skus: readonly string[];
  readonly #dataDir: string;
  readonly #settings: Settings;
  #service: ServiceProcess | null = null;
  #client: Client | null = null;
  #requests = 0;

  constructor(
    t: TestContext,
    parts: { random: Random; skus: readonly string[]; dataDir: string; settings: Settings },
  ) {
    this.#t = t;
    this.#random = parts.random;
    this.#skus = parts.skus;
    this.#dataDir = parts.dataDir;
    this.#settings = parts.settings;
  }

  async start(): Promise<void> {
    const options = { settings: this.#settings };
    this.#service = await startService(this.#t, this.#dataDir, options);
    this.#client = new Client(this.#t, this.#service.url, 4);
  }

  /** Sells, and is killed at a random moment while it does, or tells Bling of it. */
  async liveAndDie(): Promise<void> {
    const sold = this.sell(SALES_PER_LIFE);
    await sleep(this.#random.between(200, LATEST_KILL_MS));
    const { outbox } = (await this.read('/erp')) as { outbox: Record<string, number> };
    const { pending = 0, in_flight: inFlight = 0, unknown = 0 } = outbox;
    if (inFlight > 0) this.inFlight += 1;
    this.backlog = Math.max(this.backlog, pending + inFlight + unknown);
    await this.#service?.end('SIGKILL');
    this.kills += 1;
    await this.start();
    await sold;
  }

  async sell(count: number): Promise<void> {
    const buyers = Array.from({ length: 3 }, async () => {
      for (let n = 0; n < count / 3; n += 1) await this.#sellOne();
    });
    await Promise.all(buyers);
  }

  async #sellOne(): Promise<void> {
    const units = new Map<string, number>();
    for (let n = this.#random.between(1, 3); n > 0; n -= 1) {
      units.set(this.#random.pick(this.#skus) ?? '', this.#random.between(1, 4));
    }
    const lines = [...units].map(([sku, quantity]) => ({ sku, quantity }));
    const reserved = await this.#insist('/reservations', { lines });
    const id = String(reserved.body['reservation_id']);
    const order_id = `#${id.slice(0, 8)}`;
    await this.#insist(`/reservations/${id}/confirm`, { order_id });
    const sale = { id, units, cancelled: this.#random.between(1, CANCELLED_ONE_OF) === 1 };
    this.sales.push(sale);
    if (sale.cancelled) await this.#insist(`/reservations/${id}/cancel`, { restock: true });
  }

  /** The same request until it has an answer, of this life or another. */
  async #insist(path: string, body: Readonly<Record<string, unknown>>): Promise<Reply> {
    this.#requests += 1;
    const headers = { 'idempotency-key': `killed-${this.#requests}` };
    for (;;) {
      const reply = (await this.#client?.ask('POST', path, body, headers)) ?? null;
      if (reply !== null && reply.status < 500) {
        assert.ok(reply.status < 300, `${path}: ${JSON.stringify(reply.body)}`);
        return reply;
      }
      await sleep(20);
    }
  }

  async read(path: string): Promise<Reply['body']> {
    const reply = await this.#client?.must('GET', path);
    assert.equal(reply?.status, 200, path);
    return reply.body;
  }

  async drain(): Promise<void> {
    const deadline = performance.now() + DRAIN_MS;
    for (;;) {
      const { outbox, last_error: lastError } = (await this.read('/erp')) as {
        outbox: Record<string, number>;
        last_error: unknown;
      };
      const { pending = 0, in_flight: inFlight = 0, unknown = 0, dead = 0 } = outbox;
      assert.equal(dead, 0, `a dead letter: ${String(lastError)}`);
      if (pending + inFlight + unknown === 0) return;
      assert.ok(performance.now() < deadline, `not drained: ${JSON.stringify(outbox)}`);
      await sleep(200);
    }
  }

  get url(): string {
    return this.#service?.url ?? '';
  }

  async stop(): Promise<void> {
    assert.equal(await this.#service?.end('SIGTERM'), 0);
  }

  /** Units of a SKU that are to be gone from Bling. */
  goneOf(sku: string): number {
    return this.sales.reduce(
      (sum, { units, cancelled }) => sum + (cancelled ? 0 : (units.get(sku) ?? 0)),
      0,
    );
  }
}

function makeTrouble(bling: BlingSimulator): void {
  for (const kind of KINDS) {
    const slow = kind === 'delay_after' ? TIMEOUT_MS + 300 : LATE_MS;
    const fault: Fault = { kind, probability: 0.05, delayMs: slow, path: '/*s*' };
    bling.control.addFault({ ...fault, method: 'POST' });
    bling.control.addFault({ ...fault, method: 'PATCH' });
  }
}

/** Each sale that stands is one order, with its units; each that was cancelled none, or a cancelled one. */
function assertOrders(bling: BlingSimulator, sales: readonly Sale[]): void {
  const orders = bling.control.orders();
  for (const { id, cancelled } of sales) {
    const found = orders.filter(({ shopNumber }) => shopNumber === `HF-${id}`);
    assert.ok(found.length <= 1, `sale ${id} was told ${found.length} times`);
    const isThere = found.some(({ situationId }) => situationId !== CANCELLED);
    assert.equal(isThere, !cancelled, `sale ${id}: ${cancelled ? 'cancelled' : 'lost'}`);
  }
  const ids = new Set(sales.map(({ id }) => `HF-${id}`));
  assert.deepEqual(
    orders.filter(({ shopNumber }) => !ids.has(shopNumber)),
    [],
    'no order but of a sale',
  );
}

/** A parcel is named in the notes of its movement. */
function assertMovements(bling: BlingSimulator): void {
  const ours = bling.control.movements().filter(({ source }) => source === 'api');
  const notes = ours.map((each) => each.notes);
  assert.deepEqual(notes, [...new Set(notes)], 'no parcel was told twice');
}

async function liveThrough(t: TestContext, mode: 'order' | 'movement'): Promise<void> {
  const random = seeded(t, import.meta.filename);
  const { bling, cwd, settings } = await openBlingShop(t, {
    skus: SKUS,
    stock: STOCK,
    switches: { limitPerDay: 0, ipBlocks: false },
  });
  const skus = bling.control.products().map(({ sku }) => sku);
  const all = {
    ...settings,
    HOLDFAST_BLING_ORDER_MODE: mode,
    HOLDFAST_BLING_SOLE_WRITER: 'true',
    HOLDFAST_BLING_CALLS_PER_SECOND: '50',
    HOLDFAST_BLING_PATIENCE_SECONDS: '20',
    HOLDFAST_BLING_TIMEOUT_MS: String(TIMEOUT_MS),
  };
  const shop = new KilledShop(t, { random, skus, dataDir: join(cwd, 'data'), settings: all });
  await shop.start();
  const pull = await holdfast(['erp', 'pull', '--url', shop.url], { cwd, settings: all });
  assert.equal(pull.code, 0, pull.stderr);
  makeTrouble(bling);
  while (shop.kills < KILLS) await shop.liveAndDie();
  const troubles = bling.control.faults().reduce((sum, { befell }) => sum + befell, 0);
  bling.control.removeFaults();
  await shop.drain();
  if (mode === 'order') assertOrders(bling, shop.sales);
  else assertMovements(bling);
  const balances = new Map(bling.control.balances().map((row) => [row.sku, row.virtual]));
  for (const sku of skus) {
    const gone = shop.goneOf(sku);
    assert.equal(balances.get(sku), STOCK - gone, `${sku}: Bling has lost what was sold, once`);
    const level = await shop.read(`/stock/${sku}`);
    assert.deepEqual([level['on_hand'], level['allocated']], [balances.get(sku), 0], sku);
  }
  const compared = await holdfast(['reconcile', '--url', shop.url], { cwd, settings: all });
  assert.equal(compared.code, 0, compared.stdout + compared.stderr);
  await shop.stop();
  const audit = await holdfast(['audit'], { cwd, settings: all });
  assert.equal(audit.code, 0, audit.stdout + audit.stderr);
  t.diagnostic(
    `${shop.kills} kills, ${shop.inFlight} of them with a request on its way, largest backlog ${shop.backlog}; ` +
      `${shop.sales.length} sales, ${troubles} calls in trouble; lost 0, twice 0, books equal, audit clean`,
  );
}

describe('the service is killed while it tells Bling of its sales', { concurrency: true }, () => {
  for (const mode of ['order', 'movement'] as const) {
    it(`mode ${mode}: no sale is lost, none told twice`, (t) => liveThrough(t, mode));
  }
});
