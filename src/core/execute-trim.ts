/** Cuts the ledger's oldest entries off: those that were exported, and that the policy does not keep. */
import type { Book } from './book.ts';
import type { TrimAnswer, TrimLedgerCommand } from './command.ts';
import {
  addToOpening,
  addToStory,
  isClosed,
  newOpening,
  newStoryLine,
  type Opening,
} from './ledger-cut.ts';
import type { TrimBook } from './trim-book.ts';
import type { StoryLine } from './audit-story.ts';
import type { LedgerEntry } from './ledger.ts';

export function executeTrim(book: Book, command: TrimLedgerCommand, now: number): TrimAnswer {
  const { trimming } = book;
  const through = Math.min(command.exportedThrough ?? 0, trimming.headSeq);
  if (through > trimming.cut.exportedThrough) trimming.noteExport(through);
  const entries = command.before === null ? [] : removable(trimming, command, command.before, now);
  const last = entries.at(-1);
  if (last !== undefined) {
    fold(book, entries);
    trimming.cutOff(last.seq, last.at);
  }
  const { cut } = trimming;
  const more = entries.length === command.limit;
  return { ok: true, type: 'trim_ledger', trimmed: entries.length, cut, more };
}

/** What may go, oldest first. The newest entry always stays, and so does what was written at this moment. */
function removable(
  trimming: TrimBook,
  { keepEntries, limit }: TrimLedgerCommand,
  before: number,
  now: number,
): LedgerEntry[] {
  const { cut, headSeq } = trimming;
  const last = Math.min(cut.exportedThrough, headSeq - Math.max(1, keepEntries));
  const count = Math.min(limit, last - cut.seq);
  const found = count > 0 ? trimming.entriesAfter(cut.seq, count) : [];
  const young = found.findIndex(({ at }) => at >= Math.min(before, now));
  return young === -1 ? found : found.slice(0, young);
}

function fold(book: Book, entries: readonly LedgerEntry[]): void {
  const { trimming } = book;
  const openings = new Map<string, Opening>();
  const stories = new Map<string, StoryLine[]>();
  for (const entry of entries) {
    const { sku, reservationId } = entry;
    const opening = openings.get(sku) ?? { ...(trimming.opening(sku) ?? newOpening(sku)) };
    openings.set(sku, opening);
    addToOpening(opening, entry);
    if (reservationId === null) continue;
    const lines =
      stories.get(reservationId) ??
      (trimming.story(reservationId) ?? []).map((line) => ({ ...line }));
    stories.set(reservationId, lines);
    let line = lines.find((each) => each.sku === sku);
    if (line === undefined) lines.push((line = newStoryLine(sku)));
    addToStory(line, entry);
  }
  for (const opening of openings.values()) trimming.putOpening(opening);
  for (const [id, lines] of stories) {
    const over = isClosed(lines) && book.reservation(id) === undefined;
    trimming.putStory(id, over ? null : lines);
  }
}

/** To be called when the reservation is forgotten: the ledger has nothing more to prove of it. */
export function forgetStory({ trimming }: Book, reservationId: string): void {
  if (trimming.cut.seq === 0) return;
  const lines = trimming.story(reservationId);
  if (lines !== undefined && isClosed(lines)) trimming.putStory(reservationId, null);
}
