/** Trouble on order: which calls it befalls, and what happens to them. */
import Type, { type Static } from 'typebox';
import type { Random } from './random.ts';

/** What each kind does; "done" means that the call had its effect. */
export const FAULT_KINDS = {
  outage: '503 with a page, before anything is looked at',
  error_before: '500 SERVER_ERROR, not done',
  error_after: '500 SERVER_ERROR, done',
  reset_before: 'the connection is reset, not done',
  reset_after: 'done, then the connection is reset without an answer',
  reset_in_answer: 'done, the status line and half of the body are sent, then a reset',
  delay_before: 'waits delay_ms, then is done and answered',
  delay_after: 'is done, waits delay_ms, then is answered',
  late_apply: '504 with a page at once; done when delay_ms of simulated time have passed',
  garbage_before: 'a success whose body cannot be read, not done',
  garbage_after: 'a success whose body cannot be read, done',
  twice: 'done twice, as by a proxy that tries again; answered once',
  too_many_second: '429 for the limit per second, not done',
  too_many_day: '429 for the limit per day, not done',
  unauthorized: '401 invalid_token, not done',
  status: 'the given status and body, not done',
  status_after: 'the given status and body, done',
} as const;
export type FaultKind = keyof typeof FAULT_KINDS;

export const FaultSchema = Type.Object(
  {
    kind: Type.Enum(Object.keys(FAULT_KINDS) as FaultKind[]),
    method: Type.Optional(Type.String({ description: 'only this method' })),
    path: Type.Optional(
      Type.String({ description: 'only this path, as /pedidos/vendas*; a star is anything' }),
    ),
    probability: Type.Optional(Type.Number({ minimum: 0, maximum: 1, default: 1 })),
    times: Type.Optional(
      Type.Integer({ minimum: 1, description: 'only the next so many calls; absent: for good' }),
    ),
    skip: Type.Optional(
      Type.Integer({ minimum: 0, description: 'let so many matching calls pass first' }),
    ),
    delayMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400_000 })),
    status: Type.Optional(Type.Integer({ minimum: 200, maximum: 599 })),
    body: Type.Optional(Type.Unknown()),
  },
  { additionalProperties: false },
);
export type Fault = Static<typeof FaultSchema>;

interface Rule extends Fault {
  readonly id: number;
  readonly pattern: RegExp;
  left: number;
  toSkip: number;
  befell: number;
}

export interface FaultReport extends Fault {
  readonly id: number;
  /** How many calls it has befallen. */
  readonly befell: number;
}

export class Faults {
  readonly #random: Random;
  #rules: Rule[] = [];
  #id = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  add(fault: Fault): number {
    this.#id++;
    this.#rules.push({
      ...fault,
      id: this.#id,
      pattern: globPattern(fault.path ?? '*'),
      left: fault.times ?? Infinity,
      toSkip: fault.skip ?? 0,
      befell: 0,
    });
    return this.#id;
  }

  /** @param id of one; absent: all */
  remove(id?: number): void {
    this.#rules = id === undefined ? [] : this.#rules.filter((rule) => rule.id !== id);
  }

  /** The first trouble that befalls this call, if any. @param path without /Api/v3 */
  meet(method: string, path: string, kinds: (kind: FaultKind) => boolean): Fault | null {
    const rule = this.#rules.find(
      (candidate) =>
        candidate.left > 0 &&
        kinds(candidate.kind) &&
        (candidate.method ?? method) === method &&
        candidate.pattern.test(path) &&
        this.#isDue(candidate),
    );
    if (rule === undefined) return null;
    rule.left--;
    rule.befell++;
    return rule;
  }

  report(): FaultReport[] {
    return this.#rules.map(({ pattern: _pattern, left: _left, toSkip: _toSkip, ...rule }) => rule);
  }

  #isDue(rule: Rule): boolean {
    if (rule.toSkip > 0) {
      rule.toSkip--;
      return false;
    }
    return this.#random.happens(rule.probability ?? 1);
  }
}

function globPattern(glob: string): RegExp {
  const parts = glob.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}
