/**
 * Reservation ids: UUID version 7 (RFC 9562), 48 bits of time and 74 random bits. Time-ordered, so that a store
 * appends; unguessable, so that nobody can try a stranger's.
 */

const POOL_BYTES = 4_096;
/** Random bytes used by one id: 74 bits, rounded up. */
const BYTES_PER_ID = 10;

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
);

/** `fill` must write cryptographically strong random bytes; `now` is epoch milliseconds. */
export function createIdSource(
  fill: (buffer: Uint8Array) => unknown,
  now: () => number,
): () => string {
  const pool = new Uint8Array(POOL_BYTES - (POOL_BYTES % BYTES_PER_ID));
  let used = pool.length;
  let millisecond = -1;
  let timeText = '';
  const hex = (index: number): string => HEX[pool[index] ?? 0] ?? '00';
  return () => {
    if (used >= pool.length) {
      fill(pool);
      used = 0;
    }
    const at = used;
    used += BYTES_PER_ID;
    const time = Math.floor(now());
    if (time !== millisecond) {
      millisecond = time;
      const digits = time.toString(16).padStart(12, '0');
      timeText = `${digits.slice(0, 8)}-${digits.slice(8)}`;
    }
    const version = HEX[((pool[at] ?? 0) & 0x0f) | 0x70] ?? '70';
    const variant = HEX[((pool[at + 2] ?? 0) & 0x3f) | 0x80] ?? '80';
    const tail = `${hex(at + 4)}${hex(at + 5)}${hex(at + 6)}${hex(at + 7)}${hex(at + 8)}${hex(at + 9)}`;
    return `${timeText}-${version}${hex(at + 1)}-${variant}${hex(at + 3)}-${tail}`;
  };
}
