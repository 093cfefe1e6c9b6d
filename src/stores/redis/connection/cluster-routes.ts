/** The slots of a cluster and who owns them, as its nodes say; one connection to each primary. */
import { setTimeout as sleep } from 'node:timers/promises';
import { talkTo, type Ask, type ClientOptions } from './client.ts';
import type { HostPort } from './redis-address.ts';
import type { Routes } from './routes.ts';
import type { ServerLink } from './server-link.ts';

const SLOTS = 16_384;
const LOOK_EVERY_MS = 2_000;
/** Between two looks that somebody asked for. */
const SHORTEST_PAUSE_MS = 50;

type Range = readonly [
  from: number,
  to: number,
  primary: readonly [host: string | null, port: number],
];

async function askForRanges(ask: Ask): Promise<Range[]> {
  const state = /^cluster_state:(\w+)/m.exec(String(await ask('CLUSTER', 'INFO')))?.[1];
  // Cut off from the others, or some slots without an owner: what it knows may be old.
  if (state !== 'ok') throw new Error(`cluster_state is ${state ?? 'unknown'}`);
  return (await ask('CLUSTER', 'SLOTS')) as Range[];
}

const nameOf = ({ host, port }: HostPort): string => `${host}:${port}`;

export class ClusterRoutes implements Routes {
  readonly #seeds: readonly HostPort[];
  readonly #open: (server: HostPort) => ServerLink;
  readonly #talk: ClientOptions;
  readonly #links = new Map<string, { readonly link: ServerLink; readonly server: HostPort }>();
  readonly #owners = new Array<string | undefined>(SLOTS);
  #trouble: string | null = 'no node of the cluster has answered yet';
  #asked = Promise.withResolvers<undefined>();
  #closed = false;
  readonly #onChange: () => void;

  constructor(
    seeds: readonly HostPort[],
    open: (server: HostPort) => ServerLink,
    talk: ClientOptions,
    onChange: () => void,
  ) {
    this.#seeds = seeds;
    this.#open = open;
    this.#talk = talk;
    this.#onChange = onChange;
    void this.#keepLooking();
  }

  linkFor(slot: number): ServerLink | null {
    const owner = this.#owners[slot];
    return owner === undefined ? null : (this.#links.get(owner)?.link ?? null);
  }

  moved(slot: number, target: HostPort): void {
    this.linkAt(target);
    this.#owners[slot] = nameOf(target);
    this.lookAgain();
  }

  linkAt(target: HostPort): ServerLink {
    const name = nameOf(target);
    const known = this.#links.get(name);
    if (known !== undefined) return known.link;
    const link = this.#open(target);
    this.#links.set(name, { link, server: target });
    return link;
  }

  lookAgain(): void {
    this.#asked.resolve(undefined);
  }

  trouble(): string | null {
    if (this.#trouble !== null) return this.#trouble;
    for (const { link } of this.#links.values()) if (link.trouble !== null) return link.trouble;
    return null;
  }

  close(): void {
    this.#closed = true;
    this.lookAgain();
    for (const { link } of this.#links.values()) link.close();
  }

  async #keepLooking(): Promise<void> {
    while (!this.#closed) {
      await this.#look();
      this.#onChange();
      await sleep(SHORTEST_PAUSE_MS, null, { ref: false });
      await Promise.race([this.#asked.promise, sleep(LOOK_EVERY_MS, null, { ref: false })]);
      this.#asked = Promise.withResolvers();
    }
  }

  /** Nodes in the map first, in an order of chance: one that is cut off must not be asked for ever. */
  async #look(): Promise<void> {
    const known = [...this.#links.values()].map(({ server }) => server);
    known.sort(() => Math.random() - 0.5);
    const reasons: string[] = [];
    for (const server of [...known, ...this.#seeds]) {
      try {
        this.#adopt(await talkTo(server, this.#talk, askForRanges), server);
        return;
      } catch (error) {
        reasons.push(
          `${nameOf(server)}: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
      if (this.#closed) return;
    }
    this.#trouble = `no node of the cluster answers (${[...new Set(reasons)].join('; ')})`;
  }

  #adopt(ranges: readonly Range[], answering: HostPort): void {
    this.#owners.fill(undefined);
    const names = new Set<string>();
    let owned = 0;
    for (const [from, to, [host, port]] of ranges) {
      // A node that does not know its own address leaves it out.
      const server = { host: host === null || host === '' ? answering.host : host, port };
      this.linkAt(server);
      const name = nameOf(server);
      names.add(name);
      this.#owners.fill(name, from, to + 1);
      owned += to - from + 1;
    }
    for (const [name, { link }] of this.#links) {
      if (names.has(name)) continue;
      this.#links.delete(name);
      link.close();
    }
    this.#trouble =
      owned === SLOTS ? null : `the cluster is not whole: ${SLOTS - owned} slots have no owner`;
  }
}
