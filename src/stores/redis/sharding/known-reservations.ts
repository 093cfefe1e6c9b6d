/** What this instance remembers of reservations that it was asked for, so that commands on them keep their order. */
import type { Command } from '../../../core/command.ts';
import type { Placement } from './placement.ts';
import type { Place } from './turns.ts';

interface Known {
  readonly skus: readonly string[];
  /** Is it a cart over several shards? */
  readonly cart: boolean;
}

const REMEMBERED = 100_000;

export class KnownReservations {
  readonly #placement: Placement;
  readonly #known = new Map<string, Known>();

  constructor(placement: Placement) {
    this.#placement = placement;
  }

  remember(id: string, known: Known): void {
    this.#known.set(id, known);
    if (this.#known.size <= REMEMBERED) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }

  forget(id: string): void {
    this.#known.delete(id);
  }

  isCart(id: string): boolean {
    return this.#known.get(id)?.cart ?? false;
  }

  /** Of a command that names a reservation which is not remembered, only the shard is known. */
  placeOf(command: Command): Place {
    const id = 'reservationId' in command ? command.reservationId : null;
    const names = id === null ? [] : [`id ${id}`];
    const skus = skusIn(command) ?? (id === null ? [] : this.#known.get(id)?.skus);
    if (skus === undefined) {
      const home = this.#placement.homeOf(id ?? '');
      return { waitsFor: [...names, `shard ${home}`], holds: [...names, `verbs ${home}`] };
    }
    const shards = [...new Set(skus.map((sku) => this.#placement.shardOf(sku)))];
    for (const sku of skus) names.push(`sku ${sku}`);
    return {
      waitsFor: [...names, ...shards.map((shard) => `verbs ${shard}`)],
      holds: [...names, ...shards.map((shard) => `shard ${shard}`)],
    };
  }
}

function skusIn(command: Command): string[] | null {
  if (command.type === 'reserve') return command.lines.map(({ sku }) => sku);
  if (command.type === 'import_stock') return command.rows.map(({ sku }) => sku);
  return 'sku' in command ? [command.sku] : null;
}
