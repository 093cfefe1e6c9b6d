/**
 * A network inside this machine whose cables can be cut. Each server speaks from an address of its own (127.0.1.x)
 * and is reached through doors, which know who calls; clients of this process are told apart by `as`.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lifetime } from './temp-dir.ts';

const HERE = '127.0.0.1';
/** For the moment between a client's connection and our hearing which port it got. */
const LOOKS_FOR_A_NAME = 20;

/** A way to one port of a server: others know only the door's. */
export interface Door {
  readonly port: number;
  /** To where it leads; to be said before anybody calls. */
  lead(port: number): void;
}

export class Network {
  readonly #speaker = new AsyncLocalStorage<string>();
  readonly #names = new Map<number, string>();
  readonly #wires = new Set<Wire>();
  #addresses = 0;
  #isCut: (one: string, other: string) => boolean = () => false;

  static open(t: Lifetime): Network {
    const network = new Network();
    const listen = (message: unknown): void => {
      network.#hear((message as { readonly socket: Socket }).socket);
    };
    subscribe('net.client.socket', listen);
    t.after(() => {
      unsubscribe('net.client.socket', listen);
      for (const wire of network.#wires) wire.close();
    });
    return network;
  }

  #hear(socket: Socket): void {
    const name = this.#speaker.getStore();
    if (name === undefined) return;
    let port = 0;
    socket.once('connect', () => {
      port = socket.localPort ?? 0;
      this.#names.set(port, name);
    });
    socket.once('close', () => this.#names.delete(port));
  }

  /** For a server, which must speak from it (`bind-source-addr`). */
  newAddress(): string {
    this.#addresses += 1;
    return `127.0.1.${this.#addresses}`;
  }

  /** Whatever `work` connects to now and later, it does so under this name. */
  as<T>(name: string, work: () => T): T {
    return this.#speaker.run(name, work);
  }

  async door(t: Lifetime, to: string): Promise<Door> {
    let target = 0;
    const listener = createServer({ pauseOnConnect: true }, (caller) => {
      caller.on('error', () => undefined);
      void this.#admit(caller, to, target);
    });
    await new Promise<void>((resolve) => listener.listen(0, HERE, resolve));
    t.after(() => listener.close());
    const lead = (port: number): void => void (target = port);
    return { port: (listener.address() as AddressInfo).port, lead };
  }

  async #admit(caller: Socket, to: string, target: number): Promise<void> {
    const from = await this.#nameOf(caller);
    if (caller.destroyed) return;
    const wire = new Wire(from, to, caller, target, () => this.#wires.delete(wire));
    this.#wires.add(wire);
    wire.silence(this.#isCut(from, to));
  }

  async #nameOf({ remoteAddress = '', remotePort = 0 }: Socket): Promise<string> {
    if (remoteAddress !== HERE) return remoteAddress;
    for (let look = 0; look < LOOKS_FOR_A_NAME && !this.#names.has(remotePort); look += 1) {
      await sleep(1);
    }
    return this.#names.get(remotePort) ?? HERE;
  }

  /**
   * From now on no byte passes between the two sides, and no connection ends: as with a cut cable, nobody is told.
   * Whoever is on neither side speaks with both.
   */
  cut(side: readonly string[], otherSide: readonly string[]): void {
    this.#isCut = between(side, otherSide);
    this.#apply();
  }

  /** What was written meanwhile arrives. */
  heal(): void {
    this.#isCut = () => false;
    this.#apply();
  }

  /** Ends the connections between the two sides; what was on its way is lost. */
  reset(side: readonly string[], otherSide: readonly string[]): void {
    const isBetween = between(side, otherSide);
    for (const wire of this.#wires) if (isBetween(wire.from, wire.to)) wire.close();
  }

  #apply(): void {
    for (const wire of this.#wires) wire.silence(this.#isCut(wire.from, wire.to));
  }
}

function between(side: readonly string[], otherSide: readonly string[]) {
  return (one: string, other: string): boolean =>
    (side.includes(one) && otherSide.includes(other)) ||
    (side.includes(other) && otherSide.includes(one));
}

/** One connection through a door. */
class Wire {
  readonly from: string;
  readonly to: string;
  readonly #caller: Socket;
  readonly #target: number;
  readonly #onEnd: () => void;
  #server: Socket | null = null;
  #silent = true;
  #ended = false;

  constructor(from: string, to: string, caller: Socket, target: number, onEnd: () => void) {
    this.from = from;
    this.to = to;
    this.#caller = caller;
    this.#target = target;
    this.#onEnd = onEnd;
    caller.setNoDelay(true).once('close', () => this.#end());
  }

  silence(silent: boolean): void {
    if (silent === this.#silent) return;
    this.#silent = silent;
    if (silent) {
      this.#caller.pause();
      this.#server?.pause();
    } else if (this.#ended) {
      this.close();
    } else {
      this.#server ??= this.#callServer();
      this.#caller.resume();
      this.#server.resume();
    }
  }

  #callServer(): Socket {
    const server = connect(this.#target, HERE).setNoDelay(true);
    server.on('error', () => undefined).once('close', () => this.#end());
    this.#join(this.#caller, server);
    this.#join(server, this.#caller);
    return server;
  }

  #join(source: Socket, sink: Socket): void {
    source.on('data', (bytes) => {
      if (!sink.write(bytes)) source.pause();
    });
    sink.on('drain', () => {
      if (!this.#silent) source.resume();
    });
    source.on('end', () => sink.end());
  }

  /** Over a cut cable the other end does not hear of it. */
  #end(): void {
    this.#ended = true;
    if (!this.#silent) this.close();
  }

  close(): void {
    this.#caller.destroy();
    this.#server?.destroy();
    this.#onEnd();
  }
}
