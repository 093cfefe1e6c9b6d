/**
 * Whether a request that failed can have reached the other side. Every connector must know: what was certainly not
 * sent may be sent again, anything else may have been applied, and must be settled by reading.
 */

/** A function, since the signal may change while somebody waits. */
export function isOver({ aborted }: AbortSignal): boolean {
  return aborted;
}

/** Finding the address, connecting and the TLS handshake come before the first byte of a request. */
export function isBeforeSending(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isBeforeSending);
  if (!(error instanceof Error)) return false;
  const { syscall, code } = error as NodeJS.ErrnoException;
  if (syscall === 'connect' || syscall === 'getaddrinfo') return true;
  return /^(UND_ERR_CONNECT_TIMEOUT|ERR_TLS_CERT|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(
    String(code),
  );
}
