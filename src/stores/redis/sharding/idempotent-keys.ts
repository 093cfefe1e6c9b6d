/**
 * Idempotency keys over several shards. An answer is remembered by the shard that decides, with the decision; the
 * shard of the key says which one that is. Whoever comes with a key claims it there first.
 */
import { rejected, type Answer, type Command, type Idempotency } from '../../../core/command.ts';
import type { Submission } from '../../../engine/ports.ts';
import type { Carts, KnownKey } from './carts.ts';
import type { Placement } from './placement.ts';
import type { ShardDesk } from './shard-desk.ts';

export class IdempotentKeys {
  readonly #carts: Carts;
  readonly #placement: Placement;

  constructor(carts: Carts, placement: Placement) {
    this.#carts = carts;
    this.#placement = placement;
  }

  /**
   * Claims for a batch of one shard the keys that belong to others. Null for each command that may go on; else what is
   * to be answered, or the pointer to be followed, as the shard itself would have it.
   */
  async claimAll(
    desk: ShardDesk,
    batch: readonly Submission[],
  ): Promise<readonly (Answer | null)[]> {
    if (!batch.some(({ idempotency }) => idempotency !== null)) return batch.map(() => null);
    return Promise.all(
      batch.map(async ({ command, idempotency }) => {
        if (idempotency === null || this.#placement.homeOf(idempotency.key) === desk.index) {
          return null;
        }
        const pointer = pointerTo(desk.index, command);
        const known = await this.claim(idempotency, pointer, null);
        if (known === null) return null;
        const answer = answerOf(known, command, idempotency);
        if (answer !== null) return answer;
        // Its answer is here: the first to come with this key asked the same.
        if (homeIn(known.pointer) === desk.index) return null;
        return { pointer: known.pointer } as unknown as Answer;
      }),
    );
  }

  /** What was known of the key before; null where it is ours now. `instead`: the pointer that this one replaces. */
  claim(
    { key, fingerprint }: Idempotency,
    pointer: string,
    instead: string | null,
  ): Promise<KnownKey | null> {
    return this.#carts.home(key).step({ type: 'claim_key', key, fingerprint, pointer, instead });
  }

  /** What is remembered under a key by a shard. */
  async remember({ key, fingerprint }: Idempotency, answer: Answer): Promise<KnownKey | null> {
    const text = JSON.stringify(answer);
    return this.#carts.home(key).step({ type: 'remember', key, fingerprint, answer: text });
  }
}

export function pointerTo(home: number, command: Command): string {
  return `${home}:${'reservationId' in command ? command.reservationId : ''}`;
}

export function homeIn(pointer: string | null): number | null {
  return pointer === null ? null : Number.parseInt(pointer, 10);
}

export function idIn(pointer: string): string {
  return pointer.slice(pointer.indexOf(':') + 1);
}

/** What is to be answered by what is known of the key; null where it only says whom to ask. */
export function answerOf(
  known: KnownKey,
  command: Command,
  { fingerprint }: Idempotency,
): Answer | null {
  if (known.fingerprint !== fingerprint) {
    return rejected(command.type, { code: 'idempotency_key_reused' });
  }
  return known.answer;
}
