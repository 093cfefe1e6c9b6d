/** What goes wrong on the way to Bling, drawn from a seed. */
import type { Fault, FaultKind } from '../../simulators/bling/faults.ts';
import type { Random } from '../linearizability/random.ts';

/** A caller's patience is real time, even here: short, so that losing it takes no time. */
export const PATIENCE_MS = 400;
/** How much later than it was refused a request may still be carried out. */
export const LATEST_MS = 240_000;

/** With the answer lost on the way, nobody knows from outside which of them it was. */
const LOST: readonly FaultKind[] = [
  'reset_before',
  'reset_after',
  'reset_in_answer',
  'error_before',
  'error_after',
  'garbage_before',
  'garbage_after',
  'late_apply',
  'delay_before',
  'delay_after',
];
const REFUSED: readonly FaultKind[] = ['too_many_second', 'too_many_day', 'unauthorized', 'status'];
const REFUSAL = {
  error: {
    type: 'VALIDATION_ERROR',
    message: 'Não foi possível executar a operação',
    description: 'Ocorreu um erro ao validar os dados recebidos.',
  },
};

/** `writes`: what is only asked may be answered wrongly too, but cannot be done twice. */
export function trouble(random: Random, writes: boolean): Fault {
  const kind = random.pick(random.chance(0.75) ? LOST : REFUSED) ?? 'outage';
  const slow = kind.startsWith('delay');
  const method = !writes || random.chance(0.3) ? 'GET' : random.chance(0.7) ? 'POST' : 'PATCH';
  return {
    kind,
    method,
    // Not the tokens: those have troubles of their own.
    path: method === 'GET' && random.chance(0.5) ? '/estoques/*' : '/*s*',
    times: slow || kind === 'too_many_day' ? 1 : random.between(1, 4),
    skip: random.between(0, 2),
    delayMs: slow ? PATIENCE_MS + 150 : random.between(500, LATEST_MS),
    ...(kind === 'status' ? { status: 400, body: REFUSAL } : {}),
  };
}

/** A renewal that fails; one whose answer is lost takes the connection with it, and a person has to say yes again. */
export function tokenTrouble(random: Random): Fault {
  const kinds: FaultKind[] = ['reset_before', 'error_before', 'outage', 'reset_after'];
  return {
    kind: random.pick(kinds) ?? 'reset_before',
    path: '/oauth/token',
    times: random.between(1, 2),
  };
}
