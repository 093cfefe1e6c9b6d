/**
 * The outboxes of all shards as one (docs/adr/0050-outbox-over-shards.md). Each shard keeps its own messages, under
 * numbers that tell the shard. What a message of a cart means for other shards they are told before it is sent, and
 * after it was settled; what somebody did not get to is written down, and done by whoever comes by.
 */
import {
  rejected,
  type Answer,
  type CancelCommand,
  type ClaimAnswer,
  type ClaimMessagesCommand,
  type Command,
  type DiscardMessageCommand,
  type NoteParcelCommand,
  type ParcelAnswer,
  type RecoverMessagesCommand,
  type RetryMessageCommand,
  type SettleParcelCommand,
} from '../../../core/command.ts';
import type { OutboxMessage } from '../../../core/outbox/message.ts';
import type { Reservation } from '../../../core/reservation.ts';
import type { Fence } from '../../../engine/lease.ts';
import type { OutboxQuery, OutboxStats } from '../../../engine/ports.ts';
import { isCart } from './cart.ts';
import type { CartCommands } from './cart-commands.ts';
import { nobody, notDone, type Carts } from './carts.ts';
import type { ShardDesk } from './shard-desk.ts';

export type OutboxCommand =
  | ClaimMessagesCommand
  | NoteParcelCommand
  | SettleParcelCommand
  | RecoverMessagesCommand
  | RetryMessageCommand
  | DiscardMessageCommand;

const OUTBOX_COMMANDS: Record<OutboxCommand['type'], true> = {
  claim_messages: true,
  note_parcel: true,
  settle_parcel: true,
  recover_messages: true,
  retry_message: true,
  discard_message: true,
};

export function isOutboxCommand(command: Command): command is OutboxCommand {
  return command.type in OUTBOX_COMMANDS;
}

const BY_PERSON = new Set<OutboxCommand['type']>(['retry_message', 'discard_message']);

/** What a shard's answer leaves to be told. */
interface Shared {
  readonly shared?: { readonly untold: readonly string[]; readonly told: readonly string[] };
}

/** Carts that are looked for at once, of those of which somebody may have left something to be told. */
const LEFT_AT_ONCE = 500;
/** A discard is decided anew when the cart has changed under it; so often at most. */
const ATTEMPTS = 50;

export class CommonOutbox {
  readonly #desks: readonly ShardDesk[];
  readonly #carts: Carts;
  readonly #commands: CartCommands;

  constructor(desks: readonly ShardDesk[], carts: Carts, commands: CartCommands) {
    this.#desks = desks;
    this.#carts = carts;
    this.#commands = commands;
  }

  /** With a fence that has fallen at a shard it throws `LEASE_LOST`, and nothing was done there. */
  carryOut(command: OutboxCommand, fence: Fence | null): Promise<Answer> {
    switch (command.type) {
      case 'claim_messages':
        return this.#claim(command, fence);
      case 'recover_messages':
        return this.#recover(command, fence);
      case 'note_parcel':
        return this.#at(this.#deskOf(command.parcelId), command, fence);
      case 'settle_parcel':
        return this.#settle(command, fence);
      case 'retry_message':
        return this.#at(this.#deskOf(command.messageId), command, fence);
      case 'discard_message':
        return this.#discard(command, fence);
    }
  }

  /** Of a message or a parcel. */
  #deskOf(id: number): ShardDesk {
    return this.#desks[id % this.#desks.length] as ShardDesk;
  }

  /** The oldest that are due in all shards, each claimed where it is; all shards have heard of it then. */
  async #claim(command: ClaimMessagesCommand, fence: Fence | null): Promise<Answer> {
    const { type, limit } = command;
    const due = await Promise.all(
      this.#desks.map((desk) =>
        desk.step<[at: number, id: number][]>({ type: 'outbox_due', limit }),
      ),
    );
    const first = due
      .flat()
      .sort(([at, id], [otherAt, other]) => at - otherAt || id - other)
      .slice(0, limit);
    const wanted = this.#desks.map((desk) => ({
      desk,
      count: first.filter(([, id]) => this.#deskOf(id) === desk).length,
    }));
    // Each to its end: nothing may be claimed after somebody was told that it failed.
    const claimed = await Promise.allSettled(
      wanted
        .filter(({ count }) => count > 0)
        .map(({ desk, count }) => this.#at(desk, { ...command, limit: count }, fence)),
    );
    const parcels = claimed.flatMap((each) => {
      if (each.status === 'rejected') throw each.reason as Error;
      return (each.value as ClaimAnswer).parcels;
    });
    const ageOf = ({ messages: [head] }: ClaimAnswer['parcels'][number]): number =>
      head?.createdAt ?? 0;
    parcels.sort((a, b) => ageOf(a) - ageOf(b) || a.id - b.id);
    return { ok: true, type, parcels };
  }

  async #settle(command: SettleParcelCommand, fence: Fence | null): Promise<Answer> {
    const desk = this.#deskOf(command.parcelId);
    const acknowledged = new Set<string>();
    const answer = await this.#at(desk, command, fence, acknowledged);
    // Perhaps it was settled by the same caller, who did not hear of it.
    if (!answer.ok) await this.#tellLeft(desk);
    if (!answer.ok || acknowledged.size === 0) return answer;
    const settled = answer as ParcelAnswer;
    for (const id of settled.acknowledged) acknowledged.add(id);
    const ids = new Set(settled.messages.map(({ reservationId }) => reservationId));
    return { ...settled, acknowledged: [...ids].filter((id) => acknowledged.has(id)) };
  }

  async #recover(command: RecoverMessagesCommand, fence: Fence | null): Promise<Answer> {
    await this.tellLeft();
    const answers = await Promise.all(this.#desks.map((desk) => this.#at(desk, command, fence)));
    const recovered = answers.reduce(
      (sum, answer) =>
        sum + (answer.ok && answer.type === 'recover_messages' ? answer.recovered : 0),
      0,
    );
    return { ok: true, type: 'recover_messages', recovered };
  }

  /** `acknowledged`: takes the ids of carts that were. */
  async #at(
    desk: ShardDesk,
    command: OutboxCommand,
    fence: Fence | null,
    acknowledged: Set<string> = new Set(),
  ): Promise<Answer> {
    const [found] = await desk.submit([{ command, idempotency: null, fence }]);
    const { shared, ...answer } = found as Answer & Shared;
    if (shared === undefined) return answer;
    const telling = this.#tell(shared, acknowledged);
    // A person is told what was done; who is to hear of it still is noted.
    await (BY_PERSON.has(command.type) ? telling.catch(nobody) : telling);
    return answer;
  }

  async #tell({ untold, told }: NonNullable<Shared['shared']>, acknowledged: Set<string>) {
    await Promise.all(untold.map((id) => this.#carts.share(id)));
    await Promise.all(
      told.map(async (id) => {
        const whole = await this.#commands.acknowledgeIfTold(id, null);
        if (whole !== null) acknowledged.add(id);
      }),
    );
  }

  /** Tells what somebody did not get to. */
  async tellLeft(): Promise<void> {
    await Promise.all(this.#desks.map((desk) => this.#tellLeft(desk)));
  }

  async #tellLeft(desk: ShardDesk): Promise<void> {
    const left = await desk.step<NonNullable<Shared['shared']>>({
      type: 'outbox_pending',
      limit: LEFT_AT_ONCE,
    });
    await this.#tell(left, new Set());
    // Also of carts that are not there any more.
    await Promise.all(left.told.map((id) => desk.step({ type: 'outbox_settled', id })));
  }

  async #discard(command: DiscardMessageCommand, fence: Fence | null): Promise<Answer> {
    const desk = this.#deskOf(command.messageId);
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const answer = await this.#at(desk, command, fence);
      if (!('cart' in answer)) return answer;
      const outcome = await this.#discardOfCart(desk, command);
      if (outcome !== null) return outcome;
    }
    throw notDone('the cart is being changed by too many at once');
  }

  /** The dead letter is of a cart, whose sale is cancelled at its home. Null where something has changed meanwhile. */
  async #discardOfCart(desk: ShardDesk, command: DiscardMessageCommand): Promise<Answer | null> {
    const { type, messageId, reason } = command;
    const message = await desk.shard.outbox.message(messageId);
    if (message?.state !== 'dead') return null;
    if (message.kind !== 'sale') {
      return rejected(type, { code: 'discard_units', messageId, kind: message.kind });
    }
    const { reservationId: id } = message;
    const { cart } = await this.#carts.settled(id);
    const whole = isCart(cart) ? cart.whole : null;
    const lines = whole === null ? [] : linesLeft(whole, message);
    const discard = { type: 'discard', shard: desk.index, message: messageId, reason } as const;
    if (lines.length === 0) {
      await desk.step({ type: 'outbox_discard', id, change: { ...discard, entries: [] } });
      await this.#carts.share(id).catch(nobody);
    } else {
      const cancel = { type: 'cancel', reservationId: id, lines, restock: true } as const;
      const undone = await this.#commands.undo({ ...cancel, cancellationId: null }, discard);
      if (undone === null) return null;
      if (!undone.ok) return rejected(type, undone.rejection);
    }
    await this.#commands.acknowledgeIfTold(id, null).catch(nobody);
    return { ok: true, type, message: { ...message, state: 'delivered' } };
  }

  /** By id, which is about the order of time. */
  async page(query: OutboxQuery): Promise<OutboxMessage[]> {
    const pages = await Promise.all(this.#desks.map(({ shard }) => shard.outbox.page(query)));
    return pages
      .flat()
      .sort((a, b) => a.id - b.id)
      .slice(0, query.limit);
  }

  message(id: number): Promise<OutboxMessage | null> {
    return this.#deskOf(id).shard.outbox.message(id);
  }

  async stats(): Promise<OutboxStats> {
    const all = await Promise.all(this.#desks.map(({ shard }) => shard.outbox.stats()));
    const sum = (field: 'pending' | 'inFlight' | 'unknown' | 'dead' | 'keys'): number =>
      all.reduce((total, each) => total + each[field], 0);
    const times = all.flatMap(({ oldestAt }) => oldestAt ?? []);
    return {
      pending: sum('pending'),
      inFlight: sum('inFlight'),
      unknown: sum('unknown'),
      dead: sum('dead'),
      keys: sum('keys'),
      oldestAt: times.length === 0 ? null : Math.min(...times),
      head: Math.max(...all.map(({ head }) => head)),
    };
  }

  /** The highest number of all shards: each of them goes on from there, so that what moves later has a higher one. */
  async fence(): Promise<number> {
    const heads = await Promise.all(this.#desks.map(({ shard }) => shard.outbox.head()));
    const number = Math.max(...heads);
    const behind = this.#desks.filter((_, index) => (heads[index] ?? 0) < number);
    await Promise.all(behind.map((desk) => desk.step({ type: 'outbox_raise', number })));
    return number;
  }
}

/** What of the sale is not cancelled yet. */
function linesLeft(
  { lines }: Reservation,
  sale: OutboxMessage,
): NonNullable<CancelCommand['lines']> {
  return lines.flatMap(({ sku, confirmed, cancelled }) => {
    const told = sale.lines.find((line) => line.sku === sku)?.quantity ?? 0;
    const quantity = Math.min(confirmed - cancelled, told);
    return quantity > 0 ? [{ sku, quantity, restock: true }] : [];
  });
}
