/** The slots of a cluster and who owns them, as its nodes say; one connection to each primary. */
import { setTimeout as sleep } from 'node:timers/promises';
import { talkTo, type Ask, type ClientOptions } from './client.ts';
import type { HostPort } from './redis-address.ts';
import type { Routes } from './routes.ts';
import type { ServerLink } from './server-link.ts';

const SLOTS = 16_384;
const LOOK_EVERY_MS = 2_000;
/** While something is wrong: perhaps another node has taken over. */
const LOOK_IN_TROUBLE_MS = 200;
/** Between two looks that somebody asked for. */
const SHORTEST_PAUSE_MS = 50;
/** A node that has not answered by then need not be waited for: the next one is asked too. */
const ASK_ANOTHER_AFTER_MS = 150;

type Range = readonly [
  from: number,
  to: number,
  primary: readonly [host: string | null, port: number],
];

/** What a node knows of the others. `epoch` rises with every failover that it has heard of. */
interface View {
  readonly from: HostPort;
  readonly epoch: number;
  readonly ranges: readonly Range[];
}

async function viewOf(from: HostPort, ask: Ask): Promise<View> {
  const info = String(await ask('CLUSTER', 'INFO'));
  const state = /^cluster_state:(\w+)/m.exec(info)?.[1];
  // Cut off from the others, or some slots without an owner: what it knows may be old.
  if (state !== 'ok') throw new Error(`cluster_state is ${state ?? 'unknown'}`);
  const epoch = Number(/^cluster_current_epoch:(\d+)/m.exec(info)?.[1] ?? 0);
  return { from, epoch, ranges: (await ask('CLUSTER', 'SLOTS')) as Range[] };
}

const nameOf = ({ host, port }: HostPort): string => `${host}:${port}`;

/** The first that answers; null when all have failed. */
function firstOf(answers: readonly Promise<View>[]): Promise<View | null> {
  return Promise.any(answers).catch(() => null);
}

export class ClusterRoutes implements Routes {
  readonly #seeds: readonly HostPort[];
  readonly #open: (server: HostPort) => ServerLink;
  readonly #talk: ClientOptions;
  readonly #links = new Map<string, { readonly link: ServerLink; readonly server: HostPort }>();
  readonly #owners = new Array<string | undefined>(SLOTS);
  #epoch = 0;
  #unowned = 0;
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

  trouble(slots: ReadonlySet<number>): string | null {
    if (this.#trouble !== null) return this.#trouble;
    return slots.size === 0 ? this.#troubleAnywhere() : this.#troubleAt(slots);
  }

  #troubleAnywhere(): string | null {
    if (this.#unowned > 0) return `the cluster is not whole: ${this.#unowned} slots have no owner`;
    for (const { link } of this.#links.values()) if (link.trouble !== null) return link.trouble;
    return null;
  }

  /** A primary of other slots may be down without harm to these. */
  #troubleAt(slots: ReadonlySet<number>): string | null {
    for (const slot of slots) {
      const link = this.linkFor(slot);
      if (link === null) return `the cluster is not whole: slot ${slot} has no owner`;
      if (link.trouble !== null) return link.trouble;
    }
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
      const pause =
        (this.#trouble ?? this.#troubleAnywhere()) === null ? LOOK_EVERY_MS : LOOK_IN_TROUBLE_MS;
      await Promise.race([this.#asked.promise, sleep(pause, null, { ref: false })]);
      this.#asked = Promise.withResolvers();
    }
  }

  /** Nodes in the map first, in an order of chance: one that is cut off must not be asked for ever. */
  async #look(): Promise<void> {
    const known = [...this.#links.values()].map(({ server }) => server);
    known.sort(() => Math.random() - 0.5);
    const nodes = new Map([...known, ...this.#seeds].map((server) => [nameOf(server), server]));
    const reasons = new Set<string>();
    const answers: Promise<View>[] = [];
    let view: View | null = null;
    for (const server of nodes.values()) {
      answers.push(this.#ask(server, reasons));
      view = await Promise.race([firstOf(answers), sleep(ASK_ANOTHER_AFTER_MS, null)]);
      if (view !== null || this.#closed) break;
    }
    view ??= await firstOf(answers);
    if (this.#closed) return;
    if (view === null) {
      this.#trouble = `no node of the cluster answers (${[...reasons].join('; ')})`;
    } else {
      this.#adopt(view);
    }
  }

  /** Rejects, with the reason among `reasons`, where its view is not to be gone by. */
  async #ask(server: HostPort, reasons: Set<string>): Promise<View> {
    try {
      const view = await talkTo(server, this.#talk, (ask) => viewOf(server, ask));
      // It has not heard of the last failover, of which another has told us: cut off, and perhaps replaced.
      if (view.epoch < this.#epoch) {
        throw new Error(`knows epoch ${view.epoch}, and epoch ${this.#epoch} has begun`);
      }
      return view;
    } catch (error) {
      reasons.add(`${nameOf(server)}: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
  }

  #adopt({ from: answering, epoch, ranges }: View): void {
    this.#epoch = epoch;
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
    this.#trouble = null;
    this.#unowned = SLOTS - owned;
  }
}
