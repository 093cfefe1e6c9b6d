/** Epoch milliseconds as the wire writes them: ISO 8601 in UTC with milliseconds. */

const SLOTS = 1_024;
const times = new Float64Array(SLOTS).fill(Number.NaN);
const texts = new Array<string>(SLOTS).fill('');

/** Answers of one moment share their times, and formatting one costs more than the rest of an answer. */
export function isoTime(milliseconds: number): string {
  const slot = milliseconds & (SLOTS - 1);
  if (times[slot] === milliseconds) return texts[slot] ?? '';
  const text = new Date(milliseconds).toISOString();
  times[slot] = milliseconds;
  texts[slot] = text;
  return text;
}

export function isoTimeOrNull(milliseconds: number | null): string | null {
  return milliseconds === null ? null : isoTime(milliseconds);
}

/** As JSON text. */
export function isoTimeJson(milliseconds: number | null): string {
  return milliseconds === null ? 'null' : `"${isoTime(milliseconds)}"`;
}
