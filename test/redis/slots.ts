/** Moves a slot of a cluster from one node to another. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterNode } from '../support/redis-servers.ts';

/** As `redis-cli --cluster reshard` does it; in between, half of the keys are here and half there. */
export async function moveSlot(slot: number, from: ClusterNode, to: ClusterNode): Promise<void> {
  await to.server.ask('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
  await from.server.ask('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
  for (;;) {
    const keys = (await from.server.ask('CLUSTER', 'GETKEYSINSLOT', slot, 1)) as string[];
    if (keys.length === 0) break;
    await from.server.ask('MIGRATE', to.server.host, to.server.port, '', 0, 5000, 'KEYS', ...keys);
    await sleep(20);
  }
  await to.server.ask('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
  await from.server.ask('CLUSTER', 'SETSLOT', slot, 'NODE', to.id);
}
