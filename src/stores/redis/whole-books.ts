/** All of the books, for commands that read them beside the services. Each page is as of its own moment. */
import type { AuditReport } from '../../core/audit.ts';
import type { LedgerEntry } from '../../core/ledger.ts';
import type { Reservation } from '../../core/reservation.ts';
import type { StockLevel } from '../../core/stock-level.ts';
import type { RedisBooks } from './open-redis-store.ts';

const PAGE = 1_000;

export interface WholeBooks {
  audit(): Promise<AuditReport>;
  read(): {
    /** In order of SKU. */
    levels(): AsyncGenerator<StockLevel>;
    /** As recorded, in order of id. */
    reservations(): AsyncGenerator<Reservation>;
    /** Entries with a higher `seq` than `after`, of those that are there. */
    ledger(after?: number): AsyncGenerator<LedgerEntry>;
    close(): void;
  };
}

/** `open`: called when first needed; what it opens is closed again. */
export function wholeBooks(open: () => Promise<RedisBooks>): WholeBooks {
  return {
    audit: async () => {
      const store = await open();
      try {
        return await store.audit();
      } finally {
        await store.close();
      }
    },
    read: () => {
      let opened: Promise<RedisBooks> | null = null;
      const store = (): Promise<RedisBooks> => (opened ??= open());
      return {
        levels: () =>
          pages(
            async (after: string | null) =>
              (await store()).levels({ after, prefix: null, limit: PAGE }),
            ({ sku }) => sku,
          ),
        reservations: () =>
          pages(
            async (after: string | null) => (await store()).reservations(after, PAGE),
            ({ id }) => id,
          ),
        ledger: (from = 0) =>
          pages(
            async (after: number | null) =>
              (await store()).ledger({ sku: null, after: after ?? from, limit: PAGE }),
            ({ seq }) => seq,
          ),
        close: () => void opened?.then((each) => each.close()),
      };
    },
  };
}

async function* pages<T, K>(
  read: (after: K | null) => Promise<T[]>,
  key: (row: T) => K,
): AsyncGenerator<T> {
  let after: K | null = null;
  for (;;) {
    const page = await read(after);
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = key(last);
  }
}
