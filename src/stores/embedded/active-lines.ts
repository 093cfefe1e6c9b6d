/** Reads every active line at the start, in the order in which they lapse. */
import type { DatabaseSync } from 'node:sqlite';
import type { LineColumns } from './active-units.ts';
import { Statement } from './statement.ts';

/** Rows fetched together: stepping through them one by one takes twice as long, fetching all at once much memory. */
const FETCHED = 20_000;

export function readActiveLines(db: DatabaseSync): LineColumns {
  const columns = new GrowingColumns();
  const end = new Statement(
    db,
    `SELECT expires_at FROM active_line WHERE expires_at > ? ORDER BY expires_at LIMIT 1 OFFSET ${FETCHED}`,
  );
  const part = new Statement(
    db,
    `SELECT sku_id, expires_at, quantity FROM active_line WHERE expires_at > ? AND expires_at <= ?
     ORDER BY expires_at`,
  );
  for (let from = -1; ;) {
    const to = end.get(from)?.[0] ?? null;
    const rows = part.all(from, to ?? Number.MAX_SAFE_INTEGER) as unknown as [
      ...[skuId: number, expiresAt: number, quantity: number],
    ][];
    for (const [skuId, expiresAt, quantity] of rows) columns.add(skuId, expiresAt, quantity);
    if (to === null) return columns;
    from = to as number;
  }
}

class GrowingColumns implements LineColumns {
  length = 0;
  sku = new Uint32Array(FETCHED);
  at = new Float64Array(FETCHED);
  units = new Uint32Array(FETCHED);

  add(sku: number, at: number, units: number): void {
    if (this.length === this.sku.length) this.#grow();
    this.sku[this.length] = sku;
    this.at[this.length] = at;
    this.units[this.length] = units;
    this.length += 1;
  }

  #grow(): void {
    const { sku, at, units } = this;
    this.sku = new Uint32Array(2 * this.length);
    this.at = new Float64Array(2 * this.length);
    this.units = new Uint32Array(2 * this.length);
    this.sku.set(sku);
    this.at.set(at);
    this.units.set(units);
  }
}
