/** Servers that replace a dead primary by themselves, and a shop that sells on them round after round. */
import assert from 'node:assert/strict';
import { slotOfKey } from '../../src/stores/redis/connection/key-slot.ts';
import type { ConnectionSettings } from '../../src/stores/redis/connection/redis-connection.ts';
import type { RedisStore } from '../../src/stores/redis/redis-store.ts';
import type { Network } from '../support/network.ts';
import {
  startCluster,
  startSentinelGroup,
  until,
  type RedisServer,
  type RedisSettings,
} from '../support/redis-servers.ts';
import type { Lifetime } from '../support/temp-dir.ts';
import { openInstance, type Instance } from './sale.ts';
import { openStore, TAG } from './store.ts';

export interface Deployment {
  readonly url: string;
  /** Those that have, or may come to have, the books. */
  readonly servers: readonly RedisServer[];
  /** Those that decide with them who is the primary. */
  readonly witnesses: readonly RedisServer[];
  /** Of the books, as the witnesses say. */
  primary(): Promise<RedisServer>;
  /** Starts a killed one again, as a replica of the primary that there is now. */
  rejoin(server: RedisServer): Promise<void>;
  /** Makes those that were cut off replicas of the primary that there is now. */
  follow(servers: readonly RedisServer[]): Promise<void>;
  /** Waits until all servers are up and in step with the primary. */
  healed(): Promise<void>;
}

export interface DeploymentOptions {
  readonly settings?: RedisSettings;
  readonly network?: Network;
  /** Of the books, on a cluster. */
  readonly replicas?: number;
  /** Without an answer for so long, a server is taken for dead. */
  readonly deadAfterMs?: number;
}

export type Deploy = (t: Lifetime, options: DeploymentOptions) => Promise<Deployment>;

async function inStep(primary: RedisServer, replicas: number): Promise<boolean> {
  const info = await primary.info('replication');
  const online = [...info.values()].filter((value) => /state=online/.test(value)).length;
  return online === replicas && Number(await primary.ask('WAIT', replicas, 1000)) === replicas;
}

const addressesOf = (servers: readonly RedisServer[]): string =>
  servers.map(({ host, publicPort }) => `${host}:${publicPort}`).join(',');

export const deploySentinel: Deploy = async (t, { settings, network, deadAfterMs = 700 }) => {
  const group = await startSentinelGroup(t, {
    ...(settings === undefined ? {} : { settings }),
    network: network ?? null,
    downAfterMs: deadAfterMs,
    failoverTimeoutMs: 1_000,
  });
  const { sentinels, name, nodes } = group;
  return {
    url: `redis+sentinel://${addressesOf(sentinels)}/${name}`,
    servers: nodes,
    witnesses: sentinels,
    primary: () => group.primary(),
    // Left to themselves, sentinels look for 8 s at an old primary before they make it a replica.
    rejoin: async (server) => {
      const { host, publicPort } = await group.primary();
      await server.start({ replicaof: `${host} ${publicPort}` });
    },
    follow: async (servers) => {
      const { host, publicPort } = await group.primary();
      for (const server of servers) await server.ask('REPLICAOF', host, publicPort);
    },
    healed: () => until('both replicas follow', async () => inStep(await group.primary(), 2)),
  };
};

export const deployCluster: Deploy = async (
  t,
  { settings, network, replicas = 1, deadAfterMs = 1_000 },
) => {
  const cluster = await startCluster(t, {
    ...(settings === undefined ? {} : { settings }),
    network: network ?? null,
    nodeTimeoutMs: deadAfterMs,
    replicas,
  });
  const slot = slotOfKey(`{${TAG}}`);
  const first = cluster.nodes.indexOf(await cluster.ownerOf(slot));
  const ofBooks = (_: unknown, index: number): boolean => index % 3 === first % 3;
  const all = cluster.nodes.map(({ server }) => server);
  const servers = all.filter(ofBooks);
  const witnesses = all.filter((server) => !servers.includes(server));
  const primary = async (): Promise<RedisServer> =>
    (await cluster.ownerOf(slot, witnesses[0])).server;
  return {
    url: `redis+cluster://${addressesOf(all)}`,
    servers,
    witnesses,
    primary,
    rejoin: (server) => server.start(),
    // They find out by themselves, and soon.
    follow: async () => undefined,
    healed: async () => {
      await cluster.whole();
      await until('its replicas follow', async () => inStep(await primary(), replicas));
    },
  };
};

export interface Shop {
  readonly instances: readonly Instance[];
  /** Reads the books for the test, however long that takes. */
  readonly auditor: RedisStore;
}

/** Of a round after which nothing can be sold on its books. */
export const SPOILT = Symbol('spoilt');

/** Rounds on the same books: what each of them audits grows. */
const ROUNDS_PER_BOOKS = 5;

/** One round after another, on books that are made anew from time to time, and after a round that returns `SPOILT`. */
export async function inRounds(
  deployment: Deployment,
  rounds: number,
  open: (t: Lifetime) => Promise<readonly Instance[]>,
  round: (shop: Shop, number: number) => Promise<unknown>,
): Promise<void> {
  for (let number = 0; number < rounds;) {
    const last = Math.min(rounds, number + ROUNDS_PER_BOOKS);
    const ends: (() => unknown)[] = [];
    const t: Lifetime = { after: (end) => void ends.push(end) };
    try {
      const instances = await open(t);
      const auditor = await openStore(t, deployment.url, { afterFailover: 'availability' });
      while (number < last) {
        number += 1;
        if ((await round({ instances, auditor }, number)) === SPOILT) break;
      }
    } finally {
      for (const end of ends) await end();
    }
    const primary = await deployment.primary();
    assert.equal(await primary.ask('FLUSHALL'), 'OK');
    await deployment.healed();
  }
}

/** Two of them, each under its own name in the network, if there is one. */
export function openTwo(
  { url }: Deployment,
  settings: Partial<ConnectionSettings>,
  network?: Network,
): (t: Lifetime) => Promise<readonly Instance[]> {
  return (t) =>
    Promise.all(
      INSTANCE_NAMES.map((name) => {
        const open = (): Promise<Instance> => openInstance(t, url, settings);
        return network === undefined ? open() : network.as(name, open);
      }),
    );
}

export const INSTANCE_NAMES = ['one', 'two'] as const;
