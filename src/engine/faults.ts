/** What goes wrong outside the rules. Thrown, never returned; `code` is stable, messages are not. */

export type FaultCode =
  /** The queue is full, or the command waited past its deadline: it was not carried out. */
  | 'STORE_OVERLOADED'
  /** No answer in time: the command may or may not have been carried out. */
  | 'STORE_TIMEOUT'
  /** The store stopped: nothing is carried out any more. */
  | 'STORE_UNAVAILABLE'
  /** What the store holds contradicts itself; it refuses to go on. */
  | 'STORE_DAMAGED'
  /** Another instance holds the lease by now: nothing was carried out, and nothing more shall be. */
  | 'LEASE_LOST'
  /** Another process has this data open. */
  | 'STORE_LOCKED'
  /** The data is of a version that this program cannot read. */
  | 'STORE_VERSION';

export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: FaultCode;
  /** May the caller try again, with the same idempotency key? */
  readonly retryable: boolean;
  /** Is it unknown whether the command took effect? */
  readonly outcomeUnknown: boolean;

  constructor(
    code: FaultCode,
    message: string,
    options: { retryable?: boolean; outcomeUnknown?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.outcomeUnknown = options.outcomeUnknown ?? false;
  }
}
