/** The buyers of one round, all drawn beforehand: what each wants, when, and what becomes of it. */
import { type RushPlan, skuCount } from './rush-plan.ts';
import { indexChooser, randomFor } from './rush-random.ts';

/** What a buyer does once granted. Kept as small numbers: a rush may have millions of buyers. */
export const INTENT = { confirm: 0, release: 1, abandon: 2 } as const;

export interface RushBuyers {
  readonly count: number;
  readonly lines: number;
  /** `lines` indexes of SKUs for each buyer, one buyer after another, all different within a buyer. */
  readonly wanted: Uint32Array;
  readonly intent: Uint8Array;
  /** Milliseconds from the start at which the buyer means to ask; null in a closed loop. */
  readonly dueAt: Float64Array | null;
  /** Milliseconds between being granted and confirming or releasing; null: at once. */
  readonly think: Float64Array | null;
}

export function drawBuyers(plan: RushPlan, round: number): RushBuyers {
  const seed = plan.seed + round;
  return {
    count: plan.buyers,
    lines: plan.lines,
    wanted: drawWanted(plan, seed),
    intent: drawIntents(plan, seed),
    dueAt: drawArrivals(plan, seed),
    think: drawThinking(plan, seed),
  };
}

/** The SKUs that one buyer wants, as indexes. */
export function wantedBy(buyers: RushBuyers, buyer: number): Uint32Array {
  return buyers.wanted.subarray(buyer * buyers.lines, (buyer + 1) * buyers.lines);
}

function drawWanted(plan: RushPlan, seed: number): Uint32Array {
  const count = skuCount(plan);
  const choose = indexChooser(count, plan.zipf, randomFor(seed, 'sku'));
  const wanted = new Uint32Array(plan.buyers * plan.lines);
  for (let buyer = 0; buyer < plan.buyers; buyer++) {
    const cart = wanted.subarray(buyer * plan.lines, (buyer + 1) * plan.lines);
    for (let line = 0; line < plan.lines; line++) {
      let index = choose();
      // The next free SKU, rather than drawing again: it ends even when a cart holds every SKU.
      while (cart.subarray(0, line).includes(index)) index = (index + 1) % count;
      cart[line] = index;
    }
  }
  return wanted;
}

function drawIntents(plan: RushPlan, seed: number): Uint8Array {
  const random = randomFor(seed, 'intent');
  const { confirm, release } = plan.shares;
  return Uint8Array.from({ length: plan.buyers }, () => {
    const drawn = random();
    if (drawn < confirm) return INTENT.confirm;
    // The sum of two shares may miss 1 by a rounding error; nobody abandons by rounding error.
    const released = drawn < confirm + release || plan.shares.abandon === 0;
    return released ? (release > 0 ? INTENT.release : INTENT.confirm) : INTENT.abandon;
  });
}

function drawArrivals(plan: RushPlan, seed: number): Float64Array | null {
  const { arrivals } = plan;
  if (arrivals.mode === 'closed') return null;
  const random = randomFor(seed, 'arrivals');
  const gapMs = 1000 / arrivals.rate;
  const dueAt = new Float64Array(plan.buyers);
  let at = 0;
  for (let buyer = 0; buyer < plan.buyers; buyer++) {
    dueAt[buyer] = at;
    at += arrivals.spacing === 'constant' ? gapMs : exponential(gapMs, random());
  }
  return dueAt;
}

function drawThinking(plan: RushPlan, seed: number): Float64Array | null {
  if (plan.thinkMs === 0) return null;
  const random = randomFor(seed, 'think');
  return Float64Array.from({ length: plan.buyers }, () => exponential(plan.thinkMs, random()));
}

function exponential(mean: number, drawn: number): number {
  return -mean * Math.log(1 - drawn);
}
