/** Histories small enough for the brute force, right and wrong ones, near the edge between the two. */
import { INFO, type OperationRecord } from './history.ts';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { Random } from './random.ts';
import { SimulatedService } from './simulated-service.ts';
import { simulate, type Workload } from './simulator.ts';
import type { StockInput, StockOutput } from './stock-operations.ts';

type Call = OperationRecord<StockInput, StockOutput>;

export interface SmallHistory {
  readonly history: readonly Call[];
  readonly initialOnHand: number;
}

const SERVICES = [SimulatedService, ...Object.values(PLANTED_BUGS)];

export function smallHistory(seed: number): SmallHistory {
  const random = new Random(seed ^ 0x517a11);
  const workload: Workload = {
    clients: random.between(2, 4),
    operations: random.between(3, 8),
    initialOnHand: random.between(1, 3),
    ttl: random.between(2, 14),
    maxTick: random.between(1, 2),
    lostAnswers: random.chance(0.5) ? random.fraction() / 4 : 0,
    crashes: random.chance(0.3) ? random.fraction() / 8 : 0,
  };
  const Service = random.pick(SERVICES) ?? SimulatedService;
  let history: Call[] = simulate((world) => new Service(world), seed, workload);
  if (random.chance(0.6)) history = withOneAnswerChanged(history, random);
  // Without `order` only the clock tells what came first, and more may have been concurrent.
  if (random.chance(0.3)) history = history.map(({ order: _order, ...record }) => record);
  return { history, initialOnHand: workload.initialOnHand };
}

function withOneAnswerChanged(history: readonly Call[], random: Random): Call[] {
  const chosen = random.between(0, history.length - 1);
  return history.map((record, index) => {
    if (index !== chosen || record.output === INFO) return record;
    return { ...record, output: changed(record.output, random) };
  });
}

const STATUSES = ['ok', 'expired', 'released', 'already_confirmed', 'not_found'] as const;

function changed(output: StockOutput, random: Random): StockOutput {
  const by = random.chance(0.5) ? 1 : -1;
  if (output.type === 'granted') return { ...output, expiresAt: output.expiresAt + by };
  if (output.type === 'refused') return { ...output, available: (output.available ?? 0) + by };
  if (output.type === 'level') return { type: 'level', available: output.available + by };
  return { type: random.pick(STATUSES) ?? 'ok' };
}
