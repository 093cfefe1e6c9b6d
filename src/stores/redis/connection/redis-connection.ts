/** The one way to Redis: scripts and reads go to the node that owns their keys, or end in a `Fault`. */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { Fault } from '../../../engine/faults.ts';
import { withAdvice } from './advice.ts';
import { ClusterRoutes } from './cluster-routes.ts';
import { slotOfKey } from './key-slot.ts';
import { tellOutages } from './outages.ts';
import type { HostPort, RedisAddress, Topology } from './redis-address.ts';
import { SingleRoute, type Routes } from './routes.ts';
import { SaleGuard, type AfterFailover, type BooksAudit, type Report } from './sale-guard.ts';
import type { Script, Scripts } from './scripts.ts';
import { askSentinels, watchSentinels, type SentinelOptions } from './sentinels.ts';
import { Refusal } from './server-errors.ts';
import { objectionTo, readFacts, warningsAbout } from './server-facts.ts';
import { ServerLink, type Admission, type Call } from './server-link.ts';

export interface ConnectionSettings {
  readonly address: RedisAddress;
  readonly sentinelPassword: string | null;
  /** A PEM file of the authorities to trust, beside those of the system; null for these alone. */
  readonly tlsCaFile: string | null;
  readonly requirePersistence: boolean;
  /** Writes are answered when this many replicas have them. */
  readonly ackReplicas: number;
  readonly afterFailover: AfterFailover;
  /** For each command, in ms. */
  readonly commandDeadlineMs: number;
  /** Commands in flight or waiting for a connection. */
  readonly queueLimit: number;
  /** For the first connection, in ms. */
  readonly startWithinMs: number;
}

export interface RedisConnection {
  /**
   * Runs a script of `commands/` atomically on the node that owns `keys` (all in one slot). `moreMs`: on top of the
   * deadline, for what is long by nature. Throws `Fault`.
   */
  run(
    script: string,
    keys: readonly string[],
    args: readonly (string | number)[],
    moreMs?: number,
  ): Promise<unknown>;
  /** A plain command that reads, or that does no harm when carried out twice. Throws `Fault`. */
  read(
    command: string,
    keys: readonly string[],
    args?: readonly (string | number)[],
  ): Promise<unknown>;
  readonly topology: Topology;
  slotOf(key: string): number;
  /** What an operator should know about the servers. */
  readonly warnings: readonly string[];
  /**
   * Why commands are refused or fail now, for people; null while all is well. Of a cluster only the primaries count
   * whose slots have been asked for, once some have.
   */
  trouble(): string | null;
  /** Commands in flight or waiting. */
  readonly inFlight: number;
  /** From now on, when a primary was replaced or started again, sales stop (or go on) as the policy says. */
  guardSales(audit: BooksAudit): void;
  close(): Promise<void>;
}

/** Connects to every primary and checks it. Throws `Fault` with one message where that fails. */
export async function openRedisConnection(
  settings: ConnectionSettings,
  scripts: Scripts,
  report: Report,
): Promise<RedisConnection> {
  const connection = new Connection(settings, scripts, report);
  const until = performance.now() + settings.startWithinMs;
  while (connection.trouble() !== null && performance.now() < until) {
    await connection.changed(until);
  }
  const trouble = connection.trouble();
  if (trouble === null) {
    connection.tellOutages(report);
    return connection;
  }
  await connection.close();
  throw new Fault('STORE_UNAVAILABLE', `Redis cannot be used: ${withAdvice(trouble)}`);
}

/** A server that refuses for now is asked again after this, in ms. */
const PAUSE_MS = 25;

class Connection implements RedisConnection {
  readonly #settings: ConnectionSettings;
  readonly #scripts: Scripts;
  readonly #routes: Routes;
  readonly #guard: SaleGuard;
  readonly #warnings = new Map<string, readonly string[]>();
  /** In which what was asked for lies. */
  readonly #slots = new Set<number>();
  #inFlight = 0;
  #change = Promise.withResolvers<undefined>();
  /** What is under way is still answered; nothing is waited for to become possible. */
  #closing = false;
  #closed = false;
  #stopTelling = (): void => undefined;

  constructor(settings: ConnectionSettings, scripts: Scripts, report: Report) {
    this.#settings = settings;
    this.#scripts = scripts;
    this.#guard = new SaleGuard(settings.afterFailover, report, () => this.#changed());
    this.#routes = this.#openRoutes();
  }

  get topology(): Topology {
    return this.#settings.address.topology;
  }

  get warnings(): readonly string[] {
    return [...this.#warnings.values()].flat();
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  slotOf(key: string): number {
    return slotOfKey(key);
  }

  trouble(): string | null {
    return this.#closed ? 'the store is closed' : (this.#routesTrouble() ?? this.#guard.stopped);
  }

  /** Before anything was asked for: of every slot. */
  #routesTrouble(): string | null {
    return this.#routes.trouble(this.#slots);
  }

  guardSales(audit: BooksAudit): void {
    this.#guard.start(audit);
  }

  async run(
    name: string,
    keys: readonly string[],
    args: readonly (string | number)[],
    moreMs = 0,
  ): Promise<unknown> {
    const script = this.#scripts.get(name);
    if (script === undefined) throw new Error(`there is no script ${name}`);
    const tail = [keys.length, ...keys, ...args];
    return this.#send(slotOf(keys), !script.readOnly, script, tail, moreMs);
  }

  async read(
    command: string,
    keys: readonly string[],
    args: readonly (string | number)[] = [],
  ): Promise<unknown> {
    return this.#send(slotOf(keys), false, null, [command, ...keys, ...args]);
  }

  /** Sent again only where nothing was done, or where it is a read. */
  async #send(
    slot: number,
    write: boolean,
    script: Script | null,
    args: readonly (string | number)[],
    moreMs = 0,
  ): Promise<unknown> {
    if (this.#inFlight >= this.#settings.queueLimit) {
      throw new Fault('STORE_OVERLOADED', `${this.#inFlight} commands are waiting for Redis`, {
        retryable: true,
      });
    }
    this.#inFlight += 1;
    this.#slots.add(slot);
    const until = performance.now() + this.#settings.commandDeadlineMs + moreMs;
    const attempt: Attempt = { slot, write, link: null, asking: false, whole: false };
    try {
      for (;;) {
        const refusal = await this.#try(attempt, until, script, args);
        if (!(refusal instanceof Refusal)) return refusal.answer;
        const atOnce = this.#learn(attempt, refusal);
        if (refusal.kind === 'refused' || (this.#closing && !atOnce) || performance.now() >= until)
          throw notDone(refusal.message);
        if (!atOnce) await this.changed(Math.min(until, performance.now() + PAUSE_MS));
      }
    } finally {
      this.#inFlight -= 1;
    }
  }

  async #try(
    attempt: Attempt,
    until: number,
    script: Script | null,
    args: readonly (string | number)[],
  ): Promise<Refusal | { readonly answer: unknown }> {
    const { slot, write, asking, whole } = attempt;
    if (this.#closed) throw new Fault('STORE_UNAVAILABLE', 'the store is closed');
    const link = attempt.link ?? this.#routes.linkFor(slot);
    attempt.link = null;
    attempt.asking = false;
    if (link === null) {
      this.#routes.lookAgain();
      return new Refusal('later', this.#routesTrouble() ?? 'nobody is known to own the slot');
    }
    const head = script === null ? [] : ['EVALSHA', script.sha];
    const call: Call = { args: [...head, ...args], until, write, asking };
    try {
      if (whole && script !== null) await link.load(script.text, until);
      // Right before it is written: the connection may have come up anew a moment ago.
      if (write && this.#guard.stopped !== null) throw notDone(this.#guard.stopped);
      return { answer: await link.call(call) };
    } catch (error) {
      if (error instanceof Refusal) return error;
      const again = !write && error instanceof Fault && error.code === 'STORE_UNAVAILABLE';
      if (!again) throw error;
      return new Refusal('later', error.message);
    }
  }

  /** Of the guard's stops it tells by itself. */
  tellOutages(report: Report): void {
    this.#stopTelling = tellOutages(() => this.#routesTrouble(), report);
  }

  /** True if it is of use to ask again at once. */
  #learn(attempt: Attempt, { kind, target, message }: Refusal): boolean {
    if (kind === 'no_script') {
      attempt.whole = true;
      return true;
    }
    // A node that does not know its own address leaves it out.
    if (target === null || target.host === '') {
      if (LOOK_ELSEWHERE.test(message)) this.#routes.lookAgain();
      return false;
    }
    if (kind === 'moved') this.#routes.moved(attempt.slot, target);
    attempt.asking = kind === 'ask';
    if (attempt.asking) attempt.link = this.#routes.linkAt(target);
    return true;
  }

  /** Resolves when a connection came or went, at the latest at `until`. */
  async changed(until: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(resolve, Math.max(1, until - performance.now()), undefined);
    await Promise.race([this.#change.promise, promise]);
    clearTimeout(timer);
  }

  #changed(): void {
    this.#change.resolve(undefined);
    this.#change = Promise.withResolvers();
  }

  #openRoutes(): Routes {
    const { address, tlsCaFile, commandDeadlineMs } = this.#settings;
    const { hosts, topology, primaryName, database, username, password } = address;
    const tls = address.tls ? tlsOptions(tlsCaFile) : null;
    const timeoutMs = Math.min(commandDeadlineMs, 2_000);
    const ackReplicas = this.#settings.ackReplicas;
    const options = { username, password, database, tls, timeoutMs, ackReplicas };
    const open = (locate: () => Promise<HostPort>): ServerLink =>
      new ServerLink(locate, this.#admit, options, () => this.#changed());
    switch (topology) {
      case 'standalone':
        return new SingleRoute(open(() => Promise.resolve(first(hosts))));
      case 'sentinel': {
        const sentinels: SentinelOptions = {
          sentinels: hosts,
          primaryName: primaryName ?? '',
          username: null,
          password: this.#settings.sentinelPassword,
          tls,
          timeoutMs: Math.min(timeoutMs, 1_000),
        };
        let primary: HostPort | null = null;
        const link = open(async () => (primary = await askSentinels(sentinels)));
        const stop = watchSentinels(
          sentinels,
          () => (link.up ? primary : null),
          () => link.reset(),
        );
        return new SingleRoute(link, stop);
      }
      case 'cluster':
        return new ClusterRoutes(
          hosts,
          (server) => open(() => Promise.resolve(server)),
          { username, password, tls, timeoutMs: Math.min(timeoutMs, 1_000) },
          () => this.#changed(),
        );
    }
  }

  readonly #admit: Admission = async (ask, server) => {
    const { requirePersistence, ackReplicas } = this.#settings;
    const facts = await readFacts(ask, server);
    const objection = objectionTo(facts, { topology: this.topology, requirePersistence });
    if (objection !== null) throw new Error(objection);
    this.#warnings.set(facts.server, warningsAbout(facts, ackReplicas));
    this.#guard.met(facts.server, facts.identity);
  };

  async close(): Promise<void> {
    this.#closing = true;
    this.#changed();
    const until = performance.now() + this.#settings.commandDeadlineMs;
    while (this.#inFlight > 0 && performance.now() < until) {
      await this.changed(Math.min(until, performance.now() + PAUSE_MS));
    }
    this.#closed = true;
    this.#stopTelling();
    this.#guard.close();
    this.#routes.close();
    this.#changed();
  }
}

/** These say that somebody else is the one to ask now. */
const LOOK_ELSEWHERE = /^(READONLY|CLUSTERDOWN|MASTERDOWN|MOVED|ASK)/;

interface Attempt {
  readonly slot: number;
  readonly write: boolean;
  /** Where the server said to go this once. */
  link: ServerLink | null;
  asking: boolean;
  /** A server does not know the script: give it all of it first. */
  whole: boolean;
}

function notDone(message: string): Fault {
  return new Fault('STORE_UNAVAILABLE', message, { retryable: true });
}

/** Of all keys, which must be the same one; without keys, of any. */
function slotOf(keys: readonly string[]): number {
  return keys[0] === undefined ? 0 : slotOfKey(keys[0]);
}

function first(hosts: readonly HostPort[]): HostPort {
  const [host] = hosts;
  if (host === undefined) throw new Error('an address has a host');
  return host;
}

function tlsOptions(caFile: string | null): ConnectionOptions {
  return caFile === null ? {} : { ca: readFileSync(caFile) };
}
