/** Reads a file of books to its end before anything of it is believed: each line, and the books that they make. */
import { Audit, type AuditReport } from '../../core/audit.ts';
import { UNCUT } from '../../core/ledger-cut.ts';
import { parseBooks } from './books-file.ts';
import { noRecords, type BooksHead, type BooksRecord, type RecordCounts } from './whole-books.ts';

export interface ProvenBooks {
  readonly head: BooksHead;
  readonly counts: RecordCounts;
  readonly report: AuditReport;
}

/** Throws `BooksFileFault`. */
export async function proveBooks(input: AsyncIterable<Uint8Array>): Promise<ProvenBooks> {
  let head: BooksHead = {
    clock: 0,
    purgedBefore: 0,
    headSeq: 0,
    outboxHead: 0,
    cut: UNCUT,
  };
  let counts: RecordCounts = noRecords();
  let audit = new Audit(0);
  let lastSeq = 0;
  let begun = false;
  const begin = (): void => {
    if (!begun) audit.cut(head.cut);
    begun = true;
  };
  for await (const item of parseBooks(input)) {
    if (item.kind === 'head') {
      head = item.value;
      audit = new Audit(head.purgedBefore).withOutbox();
      lastSeq = head.cut.seq;
    } else if (item.kind === 'end') {
      begin();
      counts = item.value;
    } else {
      if (item.kind !== 'opening' && item.kind !== 'story') begin();
      hear(audit, item, head);
      if (item.kind === 'entry') lastSeq = item.value.seq;
    }
  }
  if (lastSeq !== head.headSeq) {
    const message = `the ledger ends at entry ${lastSeq}, the first line says ${head.headSeq}`;
    audit.report('ledger_gap', message, { seq: head.headSeq });
  }
  return { head, counts, report: audit.finish() };
}

function hear(audit: Audit, { kind, value }: BooksRecord, head: BooksHead): void {
  switch (kind) {
    case 'opening':
      audit.opening(value);
      return;
    case 'story':
      audit.story(value.reservationId, value.lines);
      return;
    case 'entry':
      audit.entry(value);
      if (value.at <= head.clock) return;
      audit.report('ledger_order', `entry ${value.seq} is later than the books' clock`, {
        seq: value.seq,
      });
      return;
    case 'message':
      audit.message(value);
      if (value.id <= head.outboxHead) return;
      audit.report('message_differs', `message ${value.id} is beyond the outbox's latest number`);
      return;
    case 'outbox_level':
      audit.outboxLevel(value);
      return;
    case 'reservation':
      audit.reservation(value);
      return;
    case 'level':
      audit.level(value);
      return;
    case 'answer':
  }
}
