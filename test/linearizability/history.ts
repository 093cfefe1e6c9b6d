/**
 * What a history is: which client asked what, when it asked, and what it was told when.
 * Also its text form, one event per line, so that other checkers can be asked for a second opinion.
 */

/** The outcome of a call whose answer never came: it may have taken effect, at any time since, or not. */
export const INFO = 'info';

/** One call. An output must not be the string `info` itself. */
export interface OperationRecord<I, O> {
  readonly client: number;
  readonly input: I;
  readonly output: O | typeof INFO;
  /** When the client asked, on a clock that never runs back. */
  readonly invoke: number;
  /**
   * When the client had its answer. Where it never had one: when the call can have taken effect at the latest (its
   * server was seen dead, say), or `Infinity`.
   */
  readonly return: number;
  /**
   * Places of the two events in one sequence over the whole history. A clock that reads the same twice makes calls
   * look concurrent that were not, which hides violations; a recorder in one process knows better, and says so here.
   */
  readonly order?: { readonly invoke: number; readonly return: number };
}

export interface HistoryEvent {
  /** `info`: the end of the time in which an unanswered call can have taken effect. */
  readonly kind: 'invoke' | 'return' | typeof INFO;
  /** Index into the history. */
  readonly operation: number;
  readonly time: number;
}

/**
 * All events in the order in which they happened; calls that may still take effect at the end have no second one.
 * Without `order`, events at one time count as concurrent: the invocations come first.
 */
export function orderEvents<I, O>(history: readonly OperationRecord<I, O>[]): HistoryEvent[] {
  const ordered = history.filter(({ order }) => order !== undefined).length;
  if (ordered !== 0 && ordered !== history.length) {
    throw new TypeError('either all operations of a history carry `order` or none does');
  }
  const events: (HistoryEvent & { readonly place: number })[] = [];
  history.forEach((record, operation) => {
    const { invoke, return: returned, order } = record;
    assertTimes(record, operation);
    events.push({ kind: 'invoke', operation, time: invoke, place: order?.invoke ?? invoke });
    if (returned === Infinity) return;
    const kind = record.output === INFO ? INFO : 'return';
    events.push({ kind, operation, time: returned, place: order?.return ?? returned });
  });
  events.sort(
    (a, b) =>
      a.place - b.place ||
      Number(a.kind !== 'invoke') - Number(b.kind !== 'invoke') ||
      a.operation - b.operation,
  );
  events.reduce((before, event) => {
    if (event.time < before) throw new RangeError('the clock and `order` contradict each other');
    return event.time;
  }, -Infinity);
  return events;
}

function assertTimes<I, O>(record: OperationRecord<I, O>, operation: number): void {
  const complete = record.output !== INFO;
  const sound =
    Number.isFinite(record.invoke) &&
    (Number.isFinite(record.return) || (!complete && record.return === Infinity)) &&
    record.return >= record.invoke &&
    (record.order === undefined || record.order.return > record.order.invoke);
  if (!sound) {
    const text = JSON.stringify(record);
    throw new RangeError(`operation ${String(operation)} has impossible times: ${text}`);
  }
}

const HEADER = '# holdfast history 1: <event> <operation> <client> <time> <json>';

/**
 * One event per line, in order:
 *
 *     invoke 0 3 17 {"type":"reserve",…}
 *     return 0 3 19 {"type":"granted",…}
 *     info 1 4 25
 *
 * `info` ends the time in which an unanswered call can have taken effect; there is none if it still may at the end.
 * Inputs and outputs must survive a trip through JSON.
 */
export function formatHistory<I, O>(history: readonly OperationRecord<I, O>[]): string {
  const lines = [HEADER];
  for (const { kind, operation, time } of orderEvents(history)) {
    const record = history[operation] as OperationRecord<I, O>;
    const start = [kind, operation, record.client, time].join(' ');
    const body = kind === 'invoke' ? record.input : record.output;
    lines.push(kind === INFO ? start : `${start} ${JSON.stringify(body)}`);
  }
  return `${lines.join('\n')}\n`;
}

interface Draft {
  client: number;
  input: unknown;
  output: unknown;
  invoke: number;
  return: number;
  order: { invoke: number; return: number };
}

/** The reverse of `formatHistory`. The order of the lines becomes `order`; the caller vouches for the types. */
export function parseHistory<I, O>(text: string): OperationRecord<I, O>[] {
  const drafts: Draft[] = [];
  const events = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  events.forEach((line, at) => {
    const parsed = /^(invoke|return|info) (\d+) (\d+) (\S+)(?: (.+))?$/.exec(line);
    if (parsed === null) throw new SyntaxError(`not an event: ${line}`);
    const [, kind, operation, client, time, body = '""'] = parsed;
    if (kind === 'invoke') {
      drafts[Number(operation)] = {
        client: Number(client),
        input: JSON.parse(body),
        output: INFO,
        invoke: Number(time),
        return: Infinity,
        order: { invoke: at, return: Infinity },
      };
      return;
    }
    const draft = drafts[Number(operation)];
    if (draft === undefined) throw new SyntaxError(`ends before it begins: ${line}`);
    if (kind === 'return') draft.output = JSON.parse(body);
    draft.return = Number(time);
    draft.order.return = at;
  });
  return drafts as OperationRecord<I, O>[];
}
