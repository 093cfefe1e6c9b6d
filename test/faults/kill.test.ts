/**
 * T1: `kill -9` at random points under load. Every operation that was acknowledged must be there after the restart,
 * none may have happened twice, and no unit may be sold twice. `HOLDFAST_KILLS=200` runs as many.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditDataDir } from '../../src/stores/embedded/audit.ts';
import type { Random } from '../linearizability/random.ts';
import { tempDir } from '../support/temp-dir.ts';
import { quantile, seeded, setting } from './chance.ts';
import { Client } from './client.ts';
import { startService } from './service-process.ts';

const KILLS = setting('HOLDFAST_KILLS', 8);
const CLIENTS = 16;
const SKUS = ['KILL-A', 'KILL-B', 'KILL-C'];
const UNITS_PER_ROUND = 150;

type Status = 'active' | 'acknowledged' | 'released';

interface Known {
  readonly sku: string;
  /** The states that the acknowledged answers allow; more than one after an unanswered request. */
  allowed: Status[];
}

class Siege {
  readonly #random: Random;
  /** Since the last kill. */
  readonly #fresh = new Map<string, Known>();
  readonly #tally = new Map(SKUS.map((sku) => [sku, { active: 0, acknowledged: 0, released: 0 }]));
  #stocked = 0;
  /** Reserves without an answer, of all rounds: each may hold a unit that nobody knows of. */
  #unanswered = 0;
  acknowledged = 0;
  lost = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Puts more units of each SKU on sale, and lets the buyers have them until the service dies. */
  async load(client: Client): Promise<{ over: Promise<void> }> {
    this.#stocked += UNITS_PER_ROUND;
    for (const sku of SKUS) {
      const onHand = this.#stocked - (this.#tally.get(sku)?.acknowledged ?? 0);
      const set = await client.must('PUT', `/stock/${sku}`, { on_hand: onHand });
      assert.ok(set.status < 300, JSON.stringify(set.body));
    }
    const buyers = Array.from({ length: CLIENTS }, () => this.#buyer(client));
    return { over: Promise.all(buyers).then(() => undefined) };
  }

  /** Reserves, then confirms, releases or leaves it, until there is no answer. */
  async #buyer(client: Client): Promise<void> {
    for (;;) {
      const sku = this.#random.pick(SKUS) ?? 'KILL-A';
      const reserved = await client.ask('POST', `/stock/${sku}/reserve`);
      if (reserved === null) {
        this.#unanswered += 1;
        return;
      }
      this.acknowledged += 1;
      if (reserved.status === 409) continue;
      assert.equal(reserved.status, 200, JSON.stringify(reserved.body));
      const id = String(reserved.body['reservation_id']);
      assert.ok(!this.#fresh.has(id), `${id} was granted twice`);
      const known: Known = { sku, allowed: ['active'] };
      this.#fresh.set(id, known);
      const choice = this.#random.fraction();
      if (choice < 0.3) continue;
      const [verb, after]: [string, Status] =
        choice < 0.65 ? ['confirm', 'acknowledged'] : ['release', 'released'];
      const resolved = await client.ask('POST', `/reservations/${id}/${verb}`, {});
      if (resolved === null) {
        known.allowed = ['active', after];
        return;
      }
      assert.equal(resolved.status, 200, JSON.stringify(resolved.body));
      this.acknowledged += 1;
      known.allowed = [after];
    }
  }

  /** Compares what the service says after its restart with what was acknowledged; settles what was unknown. */
  async verify(client: Client): Promise<void> {
    for (const [id, { sku, allowed }] of this.#fresh) {
      const found = await client.must('GET', `/reservations/${id}`);
      const status = found.body['status'] as Status;
      if (found.status !== 200 || !allowed.includes(status)) this.lost += 1;
      const sums = this.#tally.get(sku);
      if (sums !== undefined && status in sums) sums[status] += 1;
    }
    this.#fresh.clear();
    if (this.#stocked > 0) for (const sku of SKUS) await this.#checkLevel(client, sku);
  }

  /** No unit sold twice: what was stocked is what is sold, what is held and what is left. */
  async #checkLevel(client: Client, sku: string): Promise<void> {
    const { body } = await client.must('GET', `/stock/${sku}`);
    const { on_hand: onHand = 0, reserved = 0, available = 0 } = body as Record<string, number>;
    const { active, acknowledged } = this.#tally.get(sku) ?? { active: 0, acknowledged: 0 };
    const sold = `${sku}: sold and on hand are not what was stocked`;
    assert.equal(onHand, this.#stocked - acknowledged, sold);
    assert.ok(reserved >= active, `${sku}: an acknowledged reservation lost its units`);
    const unknown = `${sku}: more is held than the known and the unanswered reserves explain`;
    assert.ok(reserved <= active + this.#unanswered, unknown);
    assert.equal(reserved + available, onHand, `${sku}: units appeared or vanished`);
  }
}

async function siege(t: TestContext): Promise<void> {
  const random = seeded(t, import.meta.filename);
  const dataDir = await tempDir(t);
  const crowd = new Siege(random);
  const starts: number[] = [];
  for (let round = 0; round <= KILLS; round += 1) {
    const settings = { HOLDFAST_RESERVATION_TTL_SECONDS: '7200' };
    const service = await startService(t, dataDir, { settings });
    if (round > 0) starts.push(service.startMs);
    const client = new Client(t, service.url, CLIENTS);
    await crowd.verify(client);
    if (round < KILLS) {
      const { over } = await crowd.load(client);
      await sleep(20 + random.fraction() * 300);
      await service.end('SIGKILL');
      await over;
    } else {
      await service.end('SIGTERM');
    }
  }
  const audit = await auditDataDir(dataDir);
  t.diagnostic(
    `kills ${KILLS}, acknowledged operations ${crowd.acknowledged}, lost ${crowd.lost}, recovery p50 ${quantile(starts, 0.5).toFixed(0)} ms, max ${Math.max(...starts).toFixed(0)} ms`,
  );
  assert.deepEqual(audit.problems, []);
  assert.equal(crowd.lost, 0);
  assert.ok(crowd.acknowledged > 0);
}

test(
  `kill -9 under load, ${KILLS} times: nothing acknowledged is lost, nothing is sold twice`,
  siege,
);
