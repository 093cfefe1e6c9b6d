/**
 * The same question as the checker's, answered in the most stupid way that can be right: every order of the calls, and
 * for each call every whole number as its moment. For very small histories with whole numbers as times. It shares
 * no code and no idea with the checker and its model (no windows, no earliest moments, no phantoms), to find their
 * mistakes.
 */
import { INFO, orderEvents, type OperationRecord } from './history.ts';
import type { StockInput, StockOutput } from './stock-operations.ts';

type Call = OperationRecord<StockInput, StockOutput>;

interface Reservation {
  status: 'active' | 'confirmed' | 'released' | 'expired';
  quantity: number;
  expiresAt: number;
}

interface Books {
  onHand: number;
  reservations: Record<string, Reservation>;
}

/** Is there an order with moments that explains the history? All reserves must name their `ttl`. */
export function bruteForce(history: readonly Call[], initialOnHand: number): boolean {
  const events = orderEvents(history);
  const horizon = Math.max(0, ...events.map(({ time }) => time));
  const startedAt = history.map((_, call) =>
    events.findIndex((event) => event.operation === call && event.kind === 'invoke'),
  );
  const endedAt = history.map((_, call) => {
    const rank = events.findIndex((event) => event.operation === call && event.kind !== 'invoke');
    return rank === -1 ? Infinity : rank;
  });
  const dead = new Set<string>();

  function explained(left: readonly number[], now: number, books: Books): boolean {
    if (left.every((call) => history[call]?.output === INFO)) return true;
    const configuration = JSON.stringify([left, now, books]);
    if (dead.has(configuration)) return false;
    for (const call of left) {
      const others = left.filter((other) => other !== call);
      // One that ended before this one started must come first; an unanswered one may instead never come.
      const late = others.filter((other) => (endedAt[other] ?? 0) < (startedAt[call] ?? 0));
      if (late.some((other) => history[other]?.output !== INFO)) continue;
      const rest = others.filter((other) => !late.includes(other));
      const { input, output, invoke, return: returned } = history[call] as Call;
      for (let at = Math.max(now, invoke); at <= Math.min(returned, horizon); at += 1) {
        const copy = structuredClone(books);
        const right = answer(copy, input, output, at, `unknown-${String(call)}`);
        if (agrees(right, output) && explained(rest, at, copy)) return true;
      }
    }
    dead.add(configuration);
    return false;
  }

  const all = history.map((_, call) => call);
  return explained(all, -Infinity, { onHand: initialOnHand, reservations: {} });
}

/** What the recorded answer says must be what is right; it need not say everything. */
function agrees(right: Record<string, unknown>, output: StockOutput | typeof INFO): boolean {
  if (output === INFO) return true;
  return Object.entries(output).every(([name, value]) => right[name] === value);
}

/** Does what was asked, and says all that an answer may say. */
function answer(
  books: Books,
  input: StockInput,
  output: StockOutput | typeof INFO,
  at: number,
  unknownId: string,
): Record<string, unknown> {
  for (const one of Object.values(books.reservations)) {
    if (one.status === 'active' && one.expiresAt <= at) one.status = 'expired';
  }
  switch (input.type) {
    case 'reserve': {
      const { available, reserved } = level(books);
      if (available < input.quantity) {
        const none = reserved > 0 && books.onHand > 0 ? 'all_reserved' : 'sold_out';
        return { type: 'refused', available, reason: available > 0 ? 'insufficient_stock' : none };
      }
      const { quantity } = input;
      const expiresAt = at + (input.ttl ?? NaN);
      const id = output !== INFO && output.type === 'granted' ? output.id : unknownId;
      if (id in books.reservations) return { type: 'id taken' };
      books.reservations[id] = { status: 'active', quantity, expiresAt };
      return { type: 'granted', id, expiresAt, quantity };
    }
    case 'confirm':
    case 'release':
      return { type: resolve(books, input.type, books.reservations[input.id]) };
    case 'read':
      return { type: 'level', ...level(books) };
    case 'set_on_hand':
      books.onHand = input.onHand;
      return { type: 'ok', ...level(books) };
    case 'adjust':
      if (books.onHand + input.delta < 0) return { type: 'out_of_range' };
      books.onHand += input.delta;
      return { type: 'ok', ...level(books) };
  }
}

function resolve(books: Books, verb: 'confirm' | 'release', found?: Reservation): string {
  if (found === undefined) return 'not_found';
  if (found.status === 'active' && verb === 'release') found.status = 'released';
  if (found.status === 'active' && verb === 'confirm') {
    found.status = 'confirmed';
    books.onHand = Math.max(0, books.onHand - found.quantity);
  }
  if (found.status === 'expired') return 'expired';
  if (verb === 'confirm') return found.status === 'confirmed' ? 'ok' : 'released';
  return found.status === 'released' ? 'ok' : 'already_confirmed';
}

function level({
  onHand,
  reservations,
}: Books): Record<'available' | 'onHand' | 'reserved', number> {
  const active = Object.values(reservations).filter(({ status }) => status === 'active');
  const reserved = active.reduce((sum, { quantity }) => sum + quantity, 0);
  return { available: Math.max(0, onHand - reserved), onHand, reserved };
}
