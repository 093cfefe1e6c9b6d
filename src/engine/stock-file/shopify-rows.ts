/**
 * Shopify's own CSV files as they are: the product export (a product's variants over several rows, then
 * rows that only carry further images), the renamed columns of its newer form, and the inventory export.
 *
 * The quantity taken is the one that Shopify still sells ("Variant Inventory Qty", "Available"), not the
 * inventory export's "On hand": that one includes units of orders which Holdfast never saw, and they
 * would be sold twice.
 */
import { hasWrongWidth } from './csv-rows.ts';
import type { CsvRecord } from './delimited.ts';
import { ON_HAND, readCell } from './fields.ts';
import { FileFault, shorten } from './problems.ts';
import { readSku, type RowCollector, type RowProblemLog } from './stock-row.ts';

export type SkuFrom = 'sku' | 'handle';

/** By what we need, the names that Shopify gives it, the best first; compared without regard to capitals. */
const NAMES = {
  handle: ['handle', 'url handle'],
  sku: ['variant sku', 'sku'],
  quantity: [
    'variant inventory qty',
    'inventory quantity',
    'available (not editable)',
    'available',
    'on hand (current)',
    'on hand',
  ],
  option1: ['option1 value'],
  option2: ['option2 value'],
  option3: ['option3 value'],
  price: ['variant price', 'price'],
  policy: ['variant inventory policy', 'continue selling when out of stock'],
  location: ['location'],
} as const;

type Role = keyof typeof NAMES;

interface Columns {
  readonly width: number;
  readonly index: Partial<Record<Role, number>>;
  readonly name: Record<Role, string>;
}

function plain(name: string): string {
  return name.trim().toLowerCase();
}

/** A handle and a variant's data: no other shop's file has both under these names. */
export function isShopifyHeader(cells: readonly string[]): boolean {
  const names = new Set(cells.map(plain));
  const has = (role: Role): boolean => NAMES[role].some((name) => names.has(name));
  return has('handle') && has('sku') && (has('option1') || has('quantity'));
}

function readHeader(header: CsvRecord): Columns {
  const names = header.cells.map(plain);
  const index: Partial<Record<Role, number>> = {};
  const name = {} as Record<Role, string>;
  for (const role of Object.keys(NAMES) as Role[]) {
    const found = NAMES[role].map((known) => names.indexOf(known)).find((at) => at >= 0);
    name[role] = NAMES[role][0];
    if (found === undefined) continue;
    index[role] = found;
    name[role] = header.cells[found]?.trim() ?? '';
  }
  for (const role of ['handle', 'sku', 'quantity'] as const) {
    if (index[role] !== undefined) continue;
    const hint =
      role === 'quantity'
        ? ' A shop with several locations has it in the inventory export only (Products > Inventory > Export).'
        : '';
    const message = `There is no column "${NAMES[role][0]}": expected Shopify's product or inventory export.${hint}`;
    throw new FileFault('missing_column', header.line, message, { column: NAMES[role][0] });
  }
  return { width: names.length, index, name };
}

/** Lower case, without accents, one `-` for everything between letters and digits of any script. */
export function slug(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .normalize('NFC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '');
}

/** "classic-varsity-top", "Small" → "classic-varsity-top-small". Shopify's "Default Title" adds nothing. */
export function skuFromHandle(handle: string, options: readonly string[]): string {
  const named = options.filter((option) => plain(option) !== 'default title').map(slug);
  return [handle.trim(), ...named.filter((part) => part !== '')].join('-');
}

class Variant {
  readonly #cells: readonly string[];
  readonly #columns: Columns;

  constructor(cells: readonly string[], columns: Columns) {
    this.#cells = cells;
    this.#columns = columns;
  }

  raw(role: Role): string {
    const at = this.#columns.index[role];
    return at === undefined ? '' : (this.#cells[at] ?? '');
  }

  text(role: Role): string {
    return this.raw(role).trim();
  }

  get options(): string[] {
    return [this.text('option1'), this.text('option2'), this.text('option3')].filter(Boolean);
  }

  /** A row without any of these carries a further image of its product and nothing else. */
  get isThere(): boolean {
    const roles = ['sku', 'quantity', 'option1', 'option2', 'option3', 'price', 'policy'] as const;
    return roles.some((role) => this.text(role) !== '');
  }

  /** For people: `classic-varsity-top (Small / Red)`, with its location where the file has several. */
  get title(): string {
    const options = this.options.filter((option) => plain(option) !== 'default title');
    const location = this.text('location');
    const name = options.length === 0 ? '' : ` (${options.join(' / ')})`;
    return shorten(`${this.text('handle')}${name}${location === '' ? '' : ` at ${location}`}`);
  }
}

export interface ShopifyCounts {
  /** Rows with nothing but a further image, or of a location that never stocks the variant. */
  skipped: number;
  /** Rows named by their handle. */
  named: number;
}

export class ShopifyRows {
  readonly counts: ShopifyCounts = { skipped: 0, named: 0 };
  readonly #skuFrom: SkuFrom;
  readonly #collector: RowCollector;
  readonly #log: RowProblemLog;
  #columns: Columns | undefined;

  constructor(skuFrom: SkuFrom, collector: RowCollector, log: RowProblemLog) {
    this.#skuFrom = skuFrom;
    this.#collector = collector;
    this.#log = log;
  }

  accept(record: CsvRecord): void {
    if (this.#columns === undefined) {
      this.#columns = readHeader(record);
      return;
    }
    const { line, cells } = record;
    this.#collector.count(line);
    if (hasWrongWidth(record, this.#columns.width, this.#log)) return;
    const variant = new Variant(cells, this.#columns);
    if (!variant.isThere || plain(variant.text('quantity')) === 'not stocked') {
      this.counts.skipped += 1;
      return;
    }
    const named = variant.text('sku') === '' && this.#skuFrom === 'handle';
    const sku = named ? this.#name(variant, line) : this.#read(variant, line);
    if (sku === undefined) return;
    const origin = named ? `, made from the handle of ${variant.title},` : ` of ${variant.title}`;
    const onHand = this.#quantity(variant, line);
    const column = this.#columns.name[named ? 'handle' : 'sku'];
    if (onHand === undefined) {
      this.#collector.claim(sku, line, column, origin);
      return;
    }
    const added = this.#collector.add({ line, sku, onHand }, column, origin);
    if (added && named) this.counts.named += 1;
  }

  #read(variant: Variant, line: number): string | undefined {
    const column = this.#columns?.name.sku ?? 'sku';
    if (variant.text('sku') !== '') return readSku(variant.raw('sku'), line, column, this.#log);
    const message =
      `${variant.title} has no SKU: fill it in in Shopify, ` +
      'or name such variants by their handle (--sku-from handle).';
    this.#log.error(line, 'missing_sku', message, { column });
    return undefined;
  }

  #name(variant: Variant, line: number): string | undefined {
    const column = this.#columns?.name.handle ?? 'handle';
    if (variant.text('handle') === '') {
      const message = 'This variant has neither a SKU nor a handle.';
      this.#log.error(line, 'missing_sku', message, { column });
      return undefined;
    }
    return readSku(skuFromHandle(variant.text('handle'), variant.options), line, column, this.#log);
  }

  #quantity(variant: Variant, line: number): number | undefined {
    const column = this.#columns?.name.quantity ?? 'quantity';
    const value = variant.raw('quantity');
    const reading = readCell(ON_HAND, value);
    if (!reading.ok) {
      const negative = reading.code === 'out_of_range' && value.trim().startsWith('-');
      const hint = negative ? ' Shopify oversold it: correct its inventory there first.' : '';
      const message = `${variant.title}: ${reading.message}${hint}`;
      this.#log.error(line, reading.code, message, { column, value });
      return undefined;
    }
    if (typeof reading.value === 'number') return reading.value;
    const message = `${variant.title} has no quantity: does Shopify track its inventory?`;
    this.#log.error(line, 'missing_value', message, { column });
    return undefined;
  }
}
