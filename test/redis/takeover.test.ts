/**
 * Several instances of the real service over one Redis, in the middle of a sale, with an ERP behind them: the one that
 * tidies up and the one that delivers are killed, or stopped and let go on later. Its reservations go on at the others,
 * the others take its work over, and the ERP hears of each sale once, in order.
 *
 * Over one shard, and over three, where nearly every sale is of several.
 *
 * `HOLDFAST_TAKEOVERS` sets how often each of both is done; it prints how long the work stood still.
 */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import type { OutboxMessage } from '../../src/core/outbox/message.ts';
import type { LeaseName } from '../../src/engine/lease.ts';
import type { OutboxStore } from '../../src/engine/ports.ts';
import { openRedisStore, type RedisBooks } from '../../src/stores/redis/open-redis-store.ts';
import { shardTags } from '../../src/stores/redis/sharding/placement.ts';
import { SECRET, WebhookErp } from '../connectors/webhook-erp.ts';
import { startService, type ServiceProcess } from '../faults/service-process.ts';
import { hasRedis, RedisServer, until } from '../support/redis-servers.ts';
import { tempDir } from '../support/temp-dir.ts';
import { patient, TAG } from './store.ts';

const TAKEOVERS = Number(process.env['HOLDFAST_TAKEOVERS'] ?? 1);
/** At the size of every commit only the one that delivers: both are kept by the same code. */
const LEASES: readonly LeaseName[] = TAKEOVERS > 1 ? ['erp', 'housekeeping'] : ['erp'];
const SIGNALS = { all: ['SIGKILL', 'SIGSTOP'], first: ['SIGKILL'] } as const;
const INSTANCES = 3;
const BUYERS = 6;
const LEASE_MS = 1_000;
const SKUS = ['A', 'B', 'C'];
const STOCK = 1_000_000;

interface Instance {
  service: ServiceProcess;
  readonly dataDir: string;
  /** Whether buyers may ask it. */
  up: boolean;
}

interface Holder {
  readonly token: number;
  readonly pid: number;
}

class Shop {
  readonly instances: Instance[] = [];
  readonly erp = new WebhookErp();
  readonly confirmed = new Set<string>();
  readonly #t: TestContext;
  readonly #redis: RedisServer;
  readonly store: OutboxStore & RedisBooks;
  readonly shards: number;
  #orders = 0;
  #selling = true;
  #buyers: Promise<unknown> = Promise.resolve();

  static async open(t: TestContext, shards: number): Promise<Shop> {
    const redis = await RedisServer.start(t, { appendonly: 'yes' });
    const rules = { ...DEFAULT_RULES, acknowledgeOnConfirm: false };
    const connection = patient(redis.url);
    const report = (): void => undefined;
    const store = await openRedisStore({ connection, rules, hashTag: TAG, shards, report });
    t.after(() => store.close());
    const shop = new Shop(t, redis, store as unknown as OutboxStore & RedisBooks, shards);
    await shop.erp.start(t);
    for (const sku of SKUS) shop.erp.levels.set(sku, STOCK);
    const starting = Array.from({ length: INSTANCES }, async (): Promise<Instance> => {
      const dataDir = await tempDir(t);
      return { dataDir, up: true, service: await shop.#start(dataDir) };
    });
    shop.instances.push(...(await Promise.all(starting)));
    for (const sku of SKUS) {
      const answer = await shop.ask(shop.anyone(), 'PUT', `/stock/${sku}`, { on_hand: STOCK });
      assert.equal(answer?.status, 201);
    }
    return shop;
  }

  private constructor(
    t: TestContext,
    redis: RedisServer,
    store: OutboxStore & RedisBooks,
    shards: number,
  ) {
    this.#t = t;
    this.#redis = redis;
    this.store = store;
    this.shards = shards;
    t.after(() => (this.#selling = false));
  }

  #start(dataDir: string): Promise<ServiceProcess> {
    return startService(this.#t, dataDir, {
      settings: {
        HOLDFAST_STORE: this.#redis.url,
        HOLDFAST_REDIS_SHARDS: String(this.shards),
        HOLDFAST_REDIS_LEASE_MS: String(LEASE_MS),
        HOLDFAST_ERP: 'webhook',
        HOLDFAST_WEBHOOK_URL: this.erp.url,
        HOLDFAST_WEBHOOK_SECRETS: SECRET,
        HOLDFAST_WEBHOOK_ALLOW_PRIVATE: 'true',
        HOLDFAST_WEBHOOK_CALLS_PER_SECOND: '1000',
        HOLDFAST_RELAY_IDLE_MS: '10',
        HOLDFAST_RECONCILE_INTERVAL_SECONDS: '1',
      },
    });
  }

  async restart(instance: Instance): Promise<void> {
    instance.service = await this.#start(instance.dataDir);
    instance.up = true;
  }

  /** An instance that answers, another than `not` where there is one. */
  anyone(not?: Instance): Instance {
    const up = this.instances.filter((each) => each.up && each !== not);
    const found = up[Math.floor(Math.random() * up.length)];
    assert.ok(found !== undefined, 'an instance is up');
    return found;
  }

  /** Null where nobody answered, or the service could not. */
  async ask(
    { service }: Instance,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> } | null> {
    try {
      const answer = await fetch(`${service.url}${path}`, {
        method,
        signal: AbortSignal.timeout(3_000),
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      const text = await answer.text();
      if (answer.status === 503) return null;
      return { status: answer.status, body: JSON.parse(text) as Record<string, unknown> };
    } catch {
      return null;
    }
  }

  /** Asked again elsewhere, until it is answered. */
  async insist(path: string, body: unknown, not?: Instance): Promise<{ status: number }> {
    for (;;) {
      const answer = await this.ask(this.anyone(not), 'POST', path, body);
      if (answer !== null) return answer;
      await sleep(20);
    }
  }

  /** Of several shards a cart of all SKUs, `sku` first. */
  async reserve(instance: Instance, sku: string, ttl = 600): Promise<string | null> {
    const skus = this.shards === 1 ? [sku] : new Set([sku, ...SKUS]);
    const lines = Array.from(skus, (each) => ({ sku: each, quantity: 1 }));
    const body = { lines, ttl_seconds: ttl };
    const made = await this.ask(instance, 'POST', '/reservations', body);
    if (made === null) return null;
    assert.equal(made.status, 201);
    return String(made.body['reservation_id']);
  }

  async insistOnReserve(instance: Instance, sku: string, ttl?: number): Promise<string> {
    for (;;) {
      const made = await this.reserve(instance, sku, ttl);
      if (made !== null) return made;
      await sleep(20);
    }
  }

  async confirm(id: string, not?: Instance): Promise<void> {
    const order = { order_id: `o${(this.#orders += 1)}` };
    const { status } = await this.insist(`/reservations/${id}/confirm`, order, not);
    assert.equal(status, 200);
    this.confirmed.add(id);
  }

  startSale(): void {
    this.#buyers = Promise.all(Array.from({ length: BUYERS }, (_, lane) => this.#buy(lane)));
  }

  async #buy(lane: number): Promise<void> {
    for (let n = lane; this.#selling; n += 1) {
      const id = await this.reserve(this.anyone(), SKUS[n % SKUS.length] ?? 'A');
      if (id !== null) {
        await this.confirm(id);
        if (n % 4 === 0) {
          const { status } = await this.insist(`/reservations/${id}/cancel`, {});
          assert.equal(status, 200);
        }
      }
      // Now and then the next request to the ERP breaks, before or after it has been applied.
      if (n % 40 === 0) this.erp.trouble = { kind: 'reset', applied: n % 80 === 0 };
      await sleep(25);
    }
  }

  async endSale(): Promise<void> {
    this.#selling = false;
    await this.#buyers;
  }

  async holder(lease: LeaseName): Promise<Holder> {
    const [tag] = shardTags(TAG, this.shards);
    const text = String(await this.#redis.ask('HGET', `{${tag}}:meta`, `lease:${lease}`));
    const [, token, name] = /^(\d+) \d+ (.*)$/.exec(text) ?? [];
    assert.ok(token !== undefined && name !== undefined, text);
    assert.equal(name.split('/')[0], hostname());
    return { token: Number(token), pid: Number(name.split('/')[1]) };
  }

  async instanceOf(lease: LeaseName): Promise<Instance> {
    const { pid } = await this.holder(lease);
    const found = this.instances.find(({ service }) => service.pid === pid);
    assert.ok(found !== undefined, `${lease} is held by process ${pid}, which is none of ours`);
    return found;
  }

  /** What its own metrics say. */
  async claims({ service }: Instance, lease: LeaseName): Promise<boolean> {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    const line = new RegExp(`^holdfast_lease_held\\{lease="${lease}"\\} (\\d)$`, 'm').exec(text);
    assert.ok(line !== null, text.slice(0, 200));
    return line[1] === '1';
  }

  /** How many expiries the ledger has. */
  async expiries(): Promise<Set<string>> {
    const entries = await this.store.ledger({ sku: 'A', after: 0, limit: 1_000_000 });
    return new Set(
      entries.flatMap(({ kind, reservationId }) =>
        kind === 'expire' && reservationId !== null ? [reservationId] : [],
      ),
    );
  }
}

interface Takeover {
  /** From the signal to another holder, in ms. */
  readonly leaseMs: number;
  /** From the signal to the next message that the ERP took, in ms. */
  readonly deliveryMs: number;
}

/** Ends or stops the holder, and sees what becomes of its work and its reservations. */
async function takeover(shop: Shop, lease: LeaseName, signal: 'SIGKILL' | 'SIGSTOP') {
  // On a busy machine it may lose the lease by itself meanwhile.
  const fallen = await shop.instanceOf(lease);
  const bought = await shop.insistOnReserve(fallen, 'A');
  const left = await shop.insistOnReserve(fallen, 'A', 1);
  const begun = performance.now();
  fallen.up = false;
  process.kill(fallen.service.pid, signal);
  const applied = shop.erp.applied.length;
  const { pid } = fallen.service;
  await until('another has the lease', async () => (await shop.holder(lease)).pid !== pid);
  const leaseMs = performance.now() - begun;
  await until('the ERP hears of the next sale', () =>
    Promise.resolve(shop.erp.applied.length > applied),
  );
  const deliveryMs = performance.now() - begun;
  await shop.confirm(bought, fallen);
  await until('what was left is swept', async () => (await shop.expiries()).has(left));
  if (signal === 'SIGKILL') await fallen.service.exited;
  else {
    process.kill(fallen.service.pid, 'SIGCONT');
    // It still believes that it has it, until its next renewal.
    await until('it has understood', async () => !(await shop.claims(fallen, lease)));
    fallen.up = true;
  }
  if (signal === 'SIGKILL') await shop.restart(fallen);
  return { leaseMs, deliveryMs } satisfies Takeover;
}

async function assertToldOnce(shop: Shop): Promise<void> {
  const waiting = (): Promise<OutboxMessage[]> =>
    shop.store.outbox({ state: null, after: 0, limit: 5 });
  // A busy machine sells faster than it delivers: what is left may take long, but it must go on.
  for (let oldest = (await waiting())[0]; oldest !== undefined;) {
    const { id } = oldest;
    await until(`message ${id} is delivered`, async () => {
      oldest = (await waiting())[0];
      return oldest?.id !== id;
    }).catch(async (error: unknown) => {
      const [first, holder] = [await waiting(), await shop.holder('erp')];
      throw new Error(`still waiting: ${JSON.stringify({ first, holder })}`, { cause: error });
    });
  }
  const { erp, store } = shop;
  assert.deepEqual(erp.repeated, [], 'nothing is told twice');
  const last = new Map<string, number>();
  for (const id of erp.applied) {
    const reservation = erp.reservations.get(id) ?? '';
    const number = Number(/\d+$/.exec(id)?.[0]);
    assert.ok(number > (last.get(reservation) ?? 0), `message ${id} came after a later one`);
    last.set(reservation, number);
  }
  for (const id of shop.confirmed) {
    // A cart over several shards is acknowledged a moment after its message was delivered.
    await until(`${id} is acknowledged or cancelled`, async () =>
      /^(acknowledged|cancelled)$/.test((await store.reservation(id))?.status ?? ''),
    );
  }
  for (const sku of SKUS) {
    const level = await store.level(sku);
    assert.deepEqual([level?.onHand, level?.allocated], [erp.levels.get(sku), 0], sku);
  }
  assert.deepEqual((await store.audit()).problems, []);
}

function report(t: TestContext, name: string, takeovers: readonly Takeover[]): void {
  for (const [what, key] of [
    ['another had the lease', 'leaseMs'],
    ['the ERP heard of a sale', 'deliveryMs'],
  ] as const) {
    const sorted = takeovers.map((each) => Math.round(each[key])).sort((a, b) => a - b);
    const p50 = sorted[Math.floor(sorted.length / 2)];
    t.diagnostic(
      `${name}, ${sorted.length} times: ${what} after p50 ${p50} ms, max ${sorted.at(-1)} ms`,
    );
  }
}

for (const shards of [1, 3]) {
  void test(`whoever is killed or stopped, others take its work over, and the ERP hears of each sale once (shards: ${shards})`, async (t) => {
    if (!hasRedis(t)) return;
    const shop = await Shop.open(t, shards);
    shop.erp.answersAfterMs = 15;
    // Else what never arrived would be sent again only after minutes, and it would hide what is sent twice.
    shop.erp.isSure = true;
    shop.startSale();
    for (const signal of SIGNALS[shards === 1 || TAKEOVERS > 1 ? 'all' : 'first']) {
      for (const lease of LEASES) {
        const takeovers: Takeover[] = [];
        for (let n = 0; n < TAKEOVERS; n += 1) takeovers.push(await takeover(shop, lease, signal));
        report(t, `${signal} of who has ${lease}`, takeovers);
      }
    }
    const holder = await shop.instanceOf('erp');
    const { token } = await shop.holder('erp');
    holder.up = false;
    const begun = performance.now();
    const stopped = holder.service.end('SIGTERM');
    await until('it is handed over', async () => (await shop.holder('erp')).token > token);
    t.diagnostic(`SIGTERM: handed over after ${Math.round(performance.now() - begun)} ms`);
    assert.equal(await stopped, 0);
    await shop.endSale();
    await assertToldOnce(shop);
    t.diagnostic(
      `${shop.confirmed.size} sales, ${shop.erp.applied.length} messages, told twice 0, out of order 0`,
    );
  });
}
