/** Redis servers that belong together: a primary that sentinels watch over, a cluster. */
import type { Network } from './network.ts';
import {
  fieldsOf,
  freePort,
  HOST,
  placeIn,
  RedisServer,
  until,
  type RedisSettings,
} from './redis-server.ts';
import type { Lifetime } from './temp-dir.ts';

export { hasRedis, isRedisHere, RedisServer, until, type RedisSettings } from './redis-server.ts';

async function isSynced(replica: RedisServer): Promise<boolean> {
  return (await replica.info('replication')).get('master_link_status') === 'up';
}

export interface SentinelGroup {
  readonly name: string;
  readonly nodes: readonly RedisServer[];
  readonly sentinels: readonly RedisServer[];
  /** As the first sentinel that answers says now. */
  primary(): Promise<RedisServer>;
}

export interface SentinelGroupOptions {
  readonly settings?: RedisSettings;
  readonly downAfterMs?: number;
  readonly failoverTimeoutMs?: number;
  readonly network?: Network | null;
}

/** One primary, two replicas, three sentinels that need two to agree. */
export async function startSentinelGroup(
  t: Lifetime,
  {
    settings = {},
    downAfterMs = 700,
    failoverTimeoutMs = 2_000,
    network = null,
  }: SentinelGroupOptions = {},
): Promise<SentinelGroup> {
  const name = 'holdfast';
  const start = async (own: RedisSettings, sentinel: boolean): Promise<RedisServer> => {
    const place = await placeIn(t, network, sentinel ? 'sentinel ' : 'replica-');
    return RedisServer.start(t, { ...own, ...place?.settings }, { sentinel, place });
  };
  const first = await start(settings, false);
  const follow = { ...settings, replicaof: `${HOST} ${first.publicPort}` };
  const replicas = await Promise.all([0, 1].map(() => start(follow, false)));
  await until('replicas follow', async () =>
    (await Promise.all(replicas.map(isSynced))).every(Boolean),
  );
  const watch = {
    'sentinel monitor': `${name} ${HOST} ${first.publicPort} 2`,
    'sentinel down-after-milliseconds': `${name} ${downAfterMs}`,
    'sentinel failover-timeout': `${name} ${failoverTimeoutMs}`,
  };
  const sentinels = await Promise.all([0, 1, 2].map(() => start(watch, true)));
  const ask = async (sentinel: RedisServer): Promise<unknown[]> => {
    const answer = await sentinel.ask('SENTINEL', 'MASTER', name);
    return answer as unknown[];
  };
  const field = (fields: unknown[], wanted: string): unknown => fields[fields.indexOf(wanted) + 1];
  await until('sentinels know each other and the replicas', async () => {
    const views = await Promise.all(sentinels.map(ask));
    return views.every(
      (view) => field(view, 'num-other-sentinels') === '2' && field(view, 'num-slaves') === '2',
    );
  });
  const nodes = [first, ...replicas];
  const primary = async (): Promise<RedisServer> => {
    for (const sentinel of sentinels) {
      const port = await ask(sentinel).then(
        (view) => Number(field(view, 'port')),
        () => null,
      );
      const node = nodes.find((each) => each.publicPort === port);
      if (node !== undefined) return node;
    }
    throw new Error('no sentinel answers');
  };
  return { name, nodes, sentinels, primary };
}

export interface ClusterNode {
  readonly server: RedisServer;
  readonly id: string;
  /** For the other nodes, as they are told. */
  readonly busPort: number;
}

export interface RedisCluster {
  /** Primaries of the beginning first, then the replica of each. */
  readonly nodes: readonly ClusterNode[];
  /** The primary that owns this slot now, as `asking` (else any node that answers) sees it. */
  ownerOf(slot: number, asking?: RedisServer): Promise<ClusterNode>;
  /** Waits until every running node says that the cluster is whole. */
  whole(): Promise<void>;
}

const SLOTS = 16_384;

export interface ClusterOptions {
  readonly settings?: RedisSettings;
  /**
   * Silent for so long, a node is taken for dead. Without replicas nobody takes over from it, and a node of a busy
   * machine is given time.
   */
  readonly nodeTimeoutMs?: number;
  readonly replicas?: number;
  readonly network?: Network | null;
}

/** Three primaries with an equal share of the slots each, and `replicas` (1) replicas of each. */
export async function startCluster(
  t: Lifetime,
  {
    settings = {},
    replicas = 1,
    nodeTimeoutMs = replicas === 0 ? 15_000 : 1_000,
    network = null,
  }: ClusterOptions = {},
): Promise<RedisCluster> {
  const primaries = 3;
  const start = async (): Promise<ClusterNode> => {
    const place = await placeIn(t, network, 'cluster-');
    const busDoor = place === null ? null : await network?.door(t, place.address);
    const ownBusPort = await freePort();
    busDoor?.lead(ownBusPort);
    const busPort = busDoor?.port ?? ownBusPort;
    const own = {
      ...settings,
      ...place?.settings,
      ...(busDoor ? { 'cluster-announce-bus-port': String(busPort) } : {}),
      'cluster-enabled': 'yes',
      'cluster-port': String(ownBusPort),
      'cluster-node-timeout': String(nodeTimeoutMs),
      'cluster-allow-replica-migration': 'no',
    };
    const server = await RedisServer.start(t, own, { place });
    return { server, id: String(await server.ask('CLUSTER', 'MYID')), busPort };
  };
  const nodes = await Promise.all(Array.from({ length: primaries * (1 + replicas) }, start));
  await form(nodes, primaries);
  const whole = (): Promise<void> => until('the cluster is whole', () => isWhole(nodes));
  await whole();
  const ownerOf = async (slot: number, asking?: RedisServer): Promise<ClusterNode> => {
    for (const { server } of nodes) {
      if (server.pid === null || (asking !== undefined && asking !== server)) continue;
      const ranges = await server.ask('CLUSTER', 'SLOTS').catch(() => []);
      for (const [from, to, [, , id]] of ranges as [number, number, [string, number, string]][]) {
        const owner = nodes.find((each) => each.id === id);
        if (slot >= from && slot <= to && owner !== undefined) return owner;
      }
    }
    throw new Error(`no node knows the owner of slot ${slot}`);
  };
  return { nodes, ownerOf, whole };
}

async function form(nodes: readonly ClusterNode[], primaries: number): Promise<void> {
  const [first, ...others] = nodes;
  for (const [index, { server }] of nodes.entries()) {
    await server.ask('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
    if (index >= primaries) continue;
    const from = Math.ceil((SLOTS / primaries) * index);
    const to = Math.ceil((SLOTS / primaries) * (index + 1)) - 1;
    await server.ask('CLUSTER', 'ADDSLOTSRANGE', from, to);
  }
  for (const { server, busPort } of others) {
    await first?.server.ask('CLUSTER', 'MEET', HOST, server.publicPort, busPort);
  }
  for (const [index, replica] of nodes.slice(primaries).entries()) {
    const id = nodes[index % primaries]?.id ?? '';
    // Refused until the news of the meeting has reached this one.
    await until('the replica knows its primary', async () => {
      await replica.server.ask('CLUSTER', 'REPLICATE', id);
      return true;
    });
    await until('the replica follows', () => isSynced(replica.server));
  }
}

async function isWhole(nodes: readonly ClusterNode[]): Promise<boolean> {
  const up = nodes.filter(({ server }) => server.pid !== null);
  const states = await Promise.all(
    up.map(async ({ server }) => {
      const state = fieldsOf(String(await server.ask('CLUSTER', 'INFO')));
      return (
        state.get('cluster_state') === 'ok' &&
        state.get('cluster_slots_ok') === String(SLOTS) &&
        state.get('cluster_known_nodes') === String(nodes.length)
      );
    }),
  );
  return states.every(Boolean);
}
