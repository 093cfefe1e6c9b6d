/** What a sequential object must be able to say, for the checker to compare a concurrent one with it. */
import type { OperationRecord } from './history.ts';

/** The call's moment lies in it, both ends included. A wider window never permits less. */
export interface Window {
  readonly earliest: number;
  /** No later than any remaining answer: the moments rise along the order being tried. */
  readonly latest: number;
  /** The call's own end, whatever else there is to place. */
  readonly end: number;
}

/** A sequential object. States are values: `step` must not change the one it is given. */
export interface Model<S, I, O> {
  /** Calls of different partitions must not influence each other. */
  partition(input: I): string;
  /** `calls`: all of the partition, for models that can rule out what a later answer contradicts. */
  init(partition: string, calls: readonly OperationRecord<I, O>[]): S;
  /**
   * The states that the call may lead to with this output; none if the output is wrong here. Without an output (the
   * answer never came) every state that the call may lead to by taking effect; it is also tried without effect.
   */
  step(state: S, input: I, output: O | undefined, window: Window): readonly S[];
  /** If the output itself tells when the call took effect: that time, which may be narrower than the call's window. */
  moment?(input: I, output: O): { readonly earliest: number; readonly latest: number } | undefined;
  /**
   * Equal for two states reached by placing the same calls only if nothing can tell them apart any more. An unanswered
   * call that leaves the key as it was counts as without effect.
   */
  key(state: S): string;
  describeState?(state: S): string;
  describeOperation?(input: I, output: O | undefined): string;
}
