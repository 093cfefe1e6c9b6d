import { INFO, type HistoryEvent, type OperationRecord } from './history.ts';
import type { Model } from './model.ts';

/**
 * Moves the two events of a call together, where its output tells its moment: it must come after every answer given
 * before that moment, and before every call made after it. Wrong turns are then noticed early.
 */
export function narrow<S, I, O>(
  events: readonly HistoryEvent[],
  history: readonly OperationRecord<I, O>[],
  model: Model<S, I, O>,
): readonly HistoryEvent[] {
  if (model.moment === undefined) return events;
  const times = events.map(({ time }) => time);
  const placed = events.map((event, rank) => {
    const { input, output } = history[event.operation] as OperationRecord<I, O>;
    const told = output === INFO ? undefined : model.moment?.(input, output);
    if (told === undefined) return { event, place: rank };
    if (event.kind === 'invoke') {
      return {
        event,
        place: Math.max(rank, countWhile(times, (time) => time < told.earliest) - 0.5),
      };
    }
    return { event, place: Math.min(rank, countWhile(times, (time) => time <= told.latest) - 0.5) };
  });
  return placed
    .sort(
      (a, b) =>
        a.place - b.place || Number(a.event.kind !== 'invoke') - Number(b.event.kind !== 'invoke'),
    )
    .map(({ event }) => event);
}

/** How many of the rising times satisfy a condition that holds up to some time. */
function countWhile(times: readonly number[], holds: (time: number) => boolean): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(times[middle] as number)) low = middle + 1;
    else high = middle;
  }
  return low;
}
