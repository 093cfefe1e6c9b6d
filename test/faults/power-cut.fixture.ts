/**
 * A store under load, to be watched by strace: `node power-cut.fixture.ts <data directory> <seed> <operations>`.
 * Whoever gets an answer says so on stdout at once, before anything else is asked.
 */
import { writeSync } from 'node:fs';
import { DEFAULT_RULES } from '../../src/core/rules.ts';
import { EmbeddedStore } from '../../src/stores/embedded/embedded-store.ts';
import { Random } from '../linearizability/random.ts';
import { confirm, release, reserve, setStock, uuid } from '../support/commands.ts';

const BUYERS = 6;
const SKUS = ['CUT-A', 'CUT-B', 'CUT-C', 'CUT-D'];

const [dataDir = '', seed = '', operations = ''] = process.argv.slice(2);
const random = new Random(Number(seed));
let left = Number(operations);
let reservations = 0;

function acknowledged(id: string, status: string): void {
  left -= 1;
  writeSync(1, `${id} ${status}\n`);
}

async function buyer(store: EmbeddedStore): Promise<void> {
  while (left > 0) {
    reservations += 1;
    const id = uuid(reservations);
    const lines = `${random.pick(SKUS) ?? ''} ${random.pick(SKUS) ?? ''}`;
    const reserved = await store.submit(reserve(id, lines, { ttl: 7_200 }));
    if (!reserved.ok) throw new Error(JSON.stringify(reserved));
    acknowledged(id, 'active');
    if (random.chance(0.3)) continue;
    const answer = await store.submit(random.chance(0.5) ? confirm(id) : release(id));
    if (!answer.ok || !('reservation' in answer)) throw new Error(JSON.stringify(answer));
    acknowledged(id, answer.reservation.status);
  }
}

const store = await EmbeddedStore.open({ dataDir, rules: DEFAULT_RULES });
for (const sku of SKUS) await store.submit(setStock(sku, 1_000_000));
await Promise.all(Array.from({ length: BUYERS }, () => buyer(store)));
process.kill(process.pid, 'SIGKILL');
