/**
 * One SKU of Holdfast as a sequential object, for the checker. It is written from DESIGN.md sections 1 to 3 and not
 * from `src/core`, so that the two can contradict each other. Without an ERP: a confirm consumes the units at once.
 *
 * **Time.** A reservation with the deadline D has lapsed for every call whose moment is at or after D. The moment is
 * somewhere in the call's window, and moments rise along the linearization, so a state keeps `now`, the earliest time
 * at which its last call can have happened. A call that must have seen a lapse lifts `now` to the deadline; one that
 * must not have seen it needs `now` before the deadline. Of all moments that make a call's answer right, the earliest
 * is taken: nothing that a later moment permits afterwards is lost by it, so one successor state is enough.
 *
 * **Unanswered reserves.** If one took effect, nobody knows its id, and its deadline only as an interval: the moment
 * of the call lies in its window, the deadline a lifetime later. Such units may lapse at any time in the interval and
 * have lapsed after it. This admits a little too much (never too little): an alarm is always a true one.
 */
import { INFO, type Model, type OperationRecord, type Window } from './checker.ts';
import {
  describeOperation,
  type Figures,
  type StockInput,
  type StockOutput,
} from './stock-operations.ts';
import {
  describeState,
  figures,
  key,
  lapse,
  lapsingPhantoms,
  nextChange,
  slotOf,
  statusOf,
  withStatus,
  type Rules,
  type Status,
  type StockState,
} from './stock-state.ts';

export interface StockModelOptions {
  readonly initialOnHand: number | ((sku: string) => number);
  readonly safetyStock?: number;
  /** By how much the history's clock and the service's may differ, rounding of deadlines included. */
  readonly slack?: number;
}

const MAX_STOCK = 2 ** 31 - 1;
/** By the status found: what the service must answer. */
const VERDICTS: Record<'confirm' | 'release', Record<Status, StockOutput['type']>> = {
  confirm: { ' ': 'not_found', a: 'ok', c: 'ok', r: 'released', x: 'expired' },
  release: { ' ': 'not_found', a: 'ok', c: 'already_confirmed', r: 'ok', x: 'expired' },
};

export function stockModel(options: StockModelOptions): Model<StockState, StockInput, StockOutput> {
  const rules: Rules = { safetyStock: options.safetyStock ?? 0, slack: options.slack ?? 0 };
  const { initialOnHand } = options;
  return {
    partition: ({ sku }) => sku,
    init: (sku, calls) => ({
      slots: new Map(),
      fates: fatesIn(calls),
      onHand: typeof initialOnHand === 'number' ? initialOnHand : initialOnHand(sku),
      now: -Infinity,
      statuses: '',
      active: [],
      phantoms: [],
      uncertain: false,
    }),
    step: (state, input, output, window) => step(rules, state, input, output, window),
    moment: (input, output) => {
      if (input.type !== 'reserve' || input.ttl === undefined || output.type !== 'granted') {
        return undefined;
      }
      const moment = output.expiresAt - input.ttl;
      // Once for what was rounded off the deadline, once for the difference of the clocks.
      return { earliest: moment - 2 * rules.slack, latest: moment + 2 * rules.slack };
    },
    key,
    describeState: (state) => describeState(rules, state),
    describeOperation,
  };
}

/** The moments left to a call, on the service's clock. */
interface Span {
  readonly from: number;
  readonly to: number;
}

function step(
  rules: Rules,
  state: StockState,
  input: StockInput,
  output: StockOutput | undefined,
  window: Window,
): StockState[] {
  const from = Math.max(state.now, window.earliest - rules.slack);
  const span = { from, to: window.latest + rules.slack };
  if (span.from > span.to) return [];
  switch (input.type) {
    case 'reserve':
      if (output === undefined) return reserveUnanswered(rules, state, input, window);
      if (output.type === 'granted') return granted(rules, state, input, output, span);
      if (output.type === 'refused') return refused(rules, state, input, output, span);
      return [];
    case 'confirm':
    case 'release':
      return resolve(state, input.type, input.id, output, span);
    case 'read':
      if (output === undefined) return [];
      return output.type === 'level' ? reporting(rules, state, output, span) : [];
    case 'set_on_hand':
      return setOnHand(rules, state, input.onHand, output, span);
    case 'adjust':
      return setOnHand(rules, state, state.onHand + input.delta, output, span);
  }
}

type ReserveInput = Extract<StockInput, { type: 'reserve' }>;
type OutputOf<T extends StockOutput['type']> = Extract<StockOutput, { type: T }>;

function granted(
  rules: Rules,
  state: StockState,
  input: ReserveInput,
  output: OutputOf<'granted'>,
  span: Span,
): StockState[] {
  const { id, expiresAt } = output;
  if (statusOf(state, id) !== ' ') return [];
  if (output.quantity !== undefined && output.quantity !== input.quantity) return [];
  // Deadline and lifetime together tell the moment of the decision, up to what was rounded off.
  const moment = input.ttl === undefined ? null : expiresAt - input.ttl;
  const from = moment === null ? span.from : Math.max(span.from, moment - rules.slack);
  const to = moment === null ? span.to : Math.min(span.to, moment + rules.slack);
  const fits = (at: StockState): boolean =>
    at.now < expiresAt && figures(rules, at).available >= input.quantity;
  return settle(state, { from, to }, fits).map((at) => {
    const slot = slotOf(at, id);
    return {
      ...at,
      statuses: withStatus(at.statuses, slot, 'a'),
      active: [...at.active, { slot, quantity: input.quantity, expiresAt }],
    };
  });
}

function refused(
  rules: Rules,
  state: StockState,
  input: ReserveInput,
  output: OutputOf<'refused'>,
  span: Span,
): StockState[] {
  return settle(state, span, (at) => {
    const { available, reserved } = figures(rules, at);
    if (available >= input.quantity) return false;
    if (output.available !== undefined && output.available !== available) return false;
    // Below a shortfall all that is reserved may lapse and still leave nothing to sell.
    const mayComeBack = reserved > 0 && at.onHand > rules.safetyStock;
    const reason = available > 0 ? 'insufficient_stock' : mayComeBack ? 'all_reserved' : 'sold_out';
    if (output.reason !== reason) return false;
    if (!mayComeBack) return (output.nextExpiryAt ?? null) === null;
    return nextExpiryFits(at, output.nextExpiryAt);
  });
}

function nextExpiryFits(state: StockState, told: number | null | undefined): boolean {
  // A phantom's deadline may be the next one, and is not known.
  if (told === undefined || state.phantoms.length > 0) return true;
  const next = Math.min(...state.active.map(({ expiresAt }) => expiresAt));
  return told === (next === Infinity ? null : next);
}

/**
 * The deadline is reckoned from the call's own window, not from what has been placed before it: wider than need be,
 * but the same wherever the call is placed, so that configurations stay few.
 */
function reserveUnanswered(
  rules: Rules,
  state: StockState,
  { quantity, ttl }: ReserveInput,
  { earliest, latest, end }: Window,
): StockState[] {
  const from = Math.max(state.now, earliest - rules.slack);
  const fits = (at: StockState): boolean => figures(rules, at).available >= quantity;
  return settle(state, { from, to: latest + rules.slack }, fits).map((at) => {
    const phantom = {
      quantity,
      earliest: earliest - rules.slack + (ttl ?? 0),
      latest: ttl === undefined ? Infinity : end + rules.slack + ttl,
    };
    return { ...at, phantoms: [...at.phantoms, phantom], uncertain: true };
  });
}

function resolve(
  state: StockState,
  verb: 'confirm' | 'release',
  id: string,
  output: StockOutput | undefined,
  span: Span,
): StockState[] {
  const at = lapse(state, span.from);
  const status = statusOf(at, id);
  const held = at.active.find(({ slot }) => slot === at.slots.get(id));
  if (held === undefined) {
    return output === undefined || output.type === VERDICTS[verb][status] ? [at] : [];
  }
  if (output === undefined || output.type === VERDICTS[verb].a) {
    const confirmed = verb === 'confirm';
    const fate = at.fates.get(id);
    // Without an answer of its own, what another one tells decides: a later answer, but it spares a long search.
    if (output === undefined && fate !== undefined && fate !== (confirmed ? 'c' : 'r')) return [];
    return [
      {
        ...at,
        // Below a shortfall not all that was promised is on the shelf: what there is leaves it.
        onHand: confirmed ? Math.max(0, at.onHand - held.quantity) : at.onHand,
        statuses: withStatus(at.statuses, held.slot, confirmed ? 'c' : 'r'),
        active: at.active.filter((other) => other !== held),
      },
    ];
  }
  const lateEnough = held.expiresAt <= span.to && output.type === VERDICTS[verb].x;
  return lateEnough ? [lapse(at, held.expiresAt)] : [];
}

function fatesIn(
  calls: readonly OperationRecord<StockInput, StockOutput>[],
): ReadonlyMap<string, Status> {
  const fates = new Map<string, Status>();
  for (const { input, output } of calls) {
    if (output === INFO || (input.type !== 'confirm' && input.type !== 'release')) continue;
    const verdicts = Object.entries(VERDICTS[input.type]) as [Status, StockOutput['type']][];
    const ends = verdicts.filter(
      ([status, type]) => 'crx'.includes(status) && type === output.type,
    );
    for (const [status] of ends) fates.set(input.id, status);
  }
  return fates;
}

function setOnHand(
  rules: Rules,
  state: StockState,
  onHand: number,
  output: StockOutput | undefined,
  span: Span,
): StockState[] {
  const inRange = onHand >= 0 && onHand <= MAX_STOCK;
  if (output?.type === 'out_of_range') return inRange ? [] : [lapse(state, span.from)];
  if (!inRange) return [];
  const changed = { ...state, onHand };
  if (output === undefined) return [lapse(changed, span.from)];
  return output.type === 'ok' ? reporting(rules, changed, output, span) : [];
}

/** The state in which the level is what the answer says. */
function reporting(
  rules: Rules,
  state: StockState,
  told: Partial<Figures>,
  span: Span,
): StockState[] {
  return settle(state, span, (at) => {
    const actual = figures(rules, at);
    const names = ['onHand', 'reserved', 'available'] as const;
    return names.every((name) => told[name] === undefined || told[name] === actual[name]);
  });
}

/**
 * The earliest moment in the span that makes an answer right, as the state at it. Where phantoms may have lapsed by
 * then there can be several, of which none replaces another.
 */
function settle(state: StockState, span: Span, fits: (at: StockState) => boolean): StockState[] {
  const found: StockState[] = [];
  for (
    let moment = span.from;
    moment <= span.to && moment < Infinity;
    moment = nextChange(state, moment)
  ) {
    const certain = lapse(state, moment);
    for (const variant of lapsingPhantoms(certain)) {
      if (!fits(variant)) continue;
      found.push(variant);
      // Phantoms still here may lapse as well for the next call: nothing that comes after offers more.
      if (variant === certain) return found;
    }
  }
  return found;
}
