/** A failed check in words. */
import { INFO, type OperationRecord } from './history.ts';
import type { Model } from './model.ts';

/** The furthest that the search came. */
export interface Blocked<S, I, O> {
  readonly prefix: readonly OperationRecord<I, O>[];
  readonly state: S;
  readonly offender: OperationRecord<I, O>;
  /** Other calls that could have come next. */
  readonly rivals: readonly OperationRecord<I, O>[];
}

/** How many of the last placed calls a message shows: enough to see the cause, few enough to read. */
const SHOWN = 12;

export function explain<S, I, O>(
  partition: string,
  total: number,
  { prefix, state, offender, rivals }: Blocked<S, I, O>,
  model: Model<S, I, O>,
): string {
  const text = (record: OperationRecord<I, O>): string => `  ${describe(record, model)}`;
  const count = String(prefix.length);
  const hidden = prefix.length - SHOWN;
  return [
    `not linearizable: ${partition}. No order of the calls explains`,
    text(offender),
    `The longest order that works places ${count} of ${String(total)} calls and ends in`,
    `  ${model.describeState?.(state) ?? model.key(state)}`,
    hidden > 0 ? `after ${String(hidden)} earlier calls and` : 'after',
    ...prefix.slice(-SHOWN).map(text),
    ...(rivals.length > 0 ? ['Also under way there:', ...rivals.map(text)] : []),
  ].join('\n');
}

function describe<S, I, O>(record: OperationRecord<I, O>, model: Model<S, I, O>): string {
  const { client, input, invoke, return: returned } = record;
  const output = record.output === INFO ? undefined : record.output;
  const what =
    model.describeOperation?.(input, output) ??
    `${JSON.stringify(input)} -> ${output === undefined ? 'no answer' : JSON.stringify(output)}`;
  return `[${String(invoke)}, ${String(returned)}] client ${String(client)}: ${what}`;
}
