/** `holdfast export --what ledger --trim`: what was exported may go from the service's ledger, as far as its policy says. */
import type { LedgerEntry } from '../../core/ledger.ts';
import { CliFailure } from '../exit-codes.ts';
import type { ServiceClient } from '../service-client.ts';
import { count, plural } from '../terminal.ts';

/** What `GET /ledger` says. */
interface Beginning {
  readonly exported_through: number;
  readonly keep: { readonly days: number; readonly entries: number } | null;
}

export interface Trimmed {
  readonly exported_through: number;
  readonly trimmed: number;
  readonly trimmed_through: number;
}

/** Throws `CliFailure` where an export that begins behind `after` would leave entries out of every export. */
export async function readBeginning(client: ServiceClient, after: number): Promise<Beginning> {
  const answer = await client.must({ method: 'GET', path: '/ledger' });
  const beginning = answer as unknown as Beginning;
  const { exported_through: exported } = beginning;
  if (after <= exported) return beginning;
  throw new CliFailure(
    `entries ${count(exported + 1)} to ${count(after)} are in no export yet: with --trim, --after is at most ${exported}`,
  );
}

/** `first` and `last`: of the export, which is on the disk; null: it is empty. */
export async function trimExported(
  client: ServiceClient,
  { exported_through: exported }: Beginning,
  first: LedgerEntry | null,
  last: LedgerEntry | null,
): Promise<Trimmed> {
  if (first !== null && first.seq > exported + 1) throw notThese(client);
  if (last !== null && !(await isTheirs(client, last))) throw notThese(client);
  const through = Math.max(exported, last?.seq ?? 0);
  let trimmed = 0;
  for (;;) {
    const json = { exported_through: through };
    const answer = await client.must({ method: 'POST', path: '/ledger/trim', json });
    const step = answer as unknown as Trimmed & { readonly more: boolean };
    trimmed += step.trimmed;
    if (!step.more) return { ...step, trimmed };
  }
}

/** Entries of other books would be taken for exported. */
async function isTheirs(client: ServiceClient, entry: LedgerEntry): Promise<boolean> {
  const path = `/events?after=${entry.seq - 1}&limit=1`;
  const { events } = await client.must({ method: 'GET', path });
  const [event] = events as readonly Readonly<Record<string, unknown>>[];
  const { seq, kind, sku, reservationId } = entry;
  return (
    event?.['seq'] === seq &&
    event['at'] === new Date(entry.at).toISOString() &&
    event['kind'] === kind &&
    event['sku'] === sku &&
    event['reservation_id'] === reservationId
  );
}

function notThese({ url }: ServiceClient): CliFailure {
  return new CliFailure(
    `the service at ${url} has other books than those that were exported: name its data folder with --data-dir, or its address with --url. Nothing was trimmed.`,
  );
}

/** In words. */
export function describeTrimmed({ keep }: Beginning, trimmed: Trimmed): string {
  const noted = `Entries up to ${count(trimmed.exported_through)} are noted as exported. `;
  if (keep === null) {
    return `${noted}None was trimmed: HOLDFAST_LEDGER_KEEP_DAYS says that all are kept.`;
  }
  const { days, entries } = keep;
  return `${noted}Trimmed ${plural(trimmed.trimmed, 'entry', 'entries')}; of the last ${plural(days, 'day')}, and of the newest ${count(entries)}, all are kept.`;
}
