/** Which connection leads to the node that owns a slot. */
import type { HostPort } from './redis-address.ts';
import type { ServerLink } from './server-link.ts';

export interface Routes {
  /** Null while nobody is known to own the slot. */
  linkFor(slot: number): ServerLink | null;
  /** A server has said where the slot is: for good, so that it is remembered. */
  moved(slot: number, target: HostPort): void;
  /** A server has said whom to ask once. */
  linkAt(target: HostPort): ServerLink;
  /** What is known may be out of date: look again soon. */
  lookAgain(): void;
  /** Why one of these slots cannot be reached, or, where none are given, any; null when all can. */
  trouble(slots: ReadonlySet<number>): string | null;
  close(): void;
}

/** One primary for every slot. */
export class SingleRoute implements Routes {
  readonly #link: ServerLink;
  readonly #stop: () => void;

  constructor(link: ServerLink, stop: () => void = () => undefined) {
    this.#link = link;
    this.#stop = stop;
  }

  linkFor(): ServerLink {
    return this.#link;
  }

  moved(): void {
    // Only clusters say so, and this is none.
  }

  linkAt(): ServerLink {
    return this.#link;
  }

  lookAgain(): void {
    // A primary that has become a replica is left; the next connection goes where the primary is.
    this.#link.reset();
  }

  trouble(): string | null {
    return this.#link.trouble;
  }

  close(): void {
    this.#stop();
    this.#link.close();
  }
}
