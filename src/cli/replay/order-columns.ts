/** Which column of an order file is what: named by the caller, else recognised by its usual names. */
import { FileFault, shorten } from '../../engine/stock-file/problems.ts';

export const ORDER_ROLES = [
  'order',
  'sku',
  'quantity',
  'date',
  'price',
  'customer',
  'cancelledAt',
] as const;

export type OrderRole = (typeof ORDER_ROLES)[number];

/** A name as in the file, without regard to capitals; null for "there is none, do not guess". */
export type ColumnNames = { readonly [Role in OrderRole]?: string | null };

export interface OrderColumns {
  readonly width: number;
  readonly index: { readonly [Role in OrderRole]?: number };
  /** As the file writes them; null where there is none. */
  readonly names: { readonly [Role in OrderRole]: string | null };
}

const REQUIRED: readonly OrderRole[] = ['order', 'sku', 'quantity'];

/**
 * Folded as by `fold`, the surest first: spreadsheets of sales, Shopify's order export ("Lineitem sku"),
 * and Portuguese ones. Shopify's "Name" stands apart, see `guess`.
 */
const USUAL: Readonly<Record<OrderRole, readonly string[]>> = {
  order: [
    ...['invoiceno', 'invoicenumber', 'invoice', 'orderid', 'orderno', 'ordernumber', 'order'],
    ...['orderreference', 'transactionid', 'numerodopedido', 'numeropedido', 'idpedido', 'pedido'],
  ],
  sku: [
    ...['lineitemsku', 'sku', 'stockcode', 'productsku', 'itemsku', 'productcode', 'itemcode'],
    ...['productid', 'itemid', 'codigodoproduto', 'codigoproduto', 'codigo'],
  ],
  quantity: [
    ...['lineitemquantity', 'quantity', 'qty', 'quantityordered', 'units'],
    ...['quantidade', 'qtde', 'qtd'],
  ],
  date: [
    ...['invoicedate', 'orderdate', 'createdat', 'orderedat', 'datetime', 'timestamp', 'date'],
    ...['datadopedido', 'datapedido', 'data'],
  ],
  price: [
    ...['lineitemprice', 'unitprice', 'itemprice', 'price'],
    ...['precounitario', 'valorunitario', 'preco'],
  ],
  customer: [
    ...['customerid', 'customernumber', 'customer', 'clientid', 'userid', 'buyerid'],
    ...['idcliente', 'codigodocliente', 'cliente', 'email'],
  ],
  cancelledAt: ['cancelledat', 'canceledat'],
};

/** "Número do pedido" → "numerodopedido". */
function fold(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}

function guess(role: OrderRole, folded: readonly string[]): number | undefined {
  for (const usual of USUAL[role]) {
    const at = folded.indexOf(usual);
    if (at >= 0) return at;
  }
  // "Name" is the order in Shopify's export, and a person nearly everywhere else.
  const shopify = role === 'order' && folded.includes('lineitemquantity');
  const at = shopify ? folded.indexOf('name') : -1;
  return at >= 0 ? at : undefined;
}

function missing(role: OrderRole, wanted: string | undefined, cells: readonly string[]): string {
  const found = shorten(cells.map((cell) => cell.trim()).join(', '));
  return wanted === undefined
    ? `No column was recognised as the ${role}: name it. The file has ${found}.`
    : `There is no column "${shorten(wanted)}" for the ${role}. The file has ${found}.`;
}

/** Throws `FileFault` where a named or required column is missing. */
export function findColumns(
  cells: readonly string[],
  line: number,
  wanted: ColumnNames,
): OrderColumns {
  const folded = cells.map(fold);
  const plain = cells.map((cell) => cell.trim().toLowerCase());
  const index: { [Role in OrderRole]?: number } = {};
  const names = {} as { [Role in OrderRole]: string | null };
  for (const role of ORDER_ROLES) {
    const name = wanted[role];
    const at =
      typeof name === 'string'
        ? plain.indexOf(name.trim().toLowerCase())
        : name === null
          ? -1
          : guess(role, folded);
    names[role] = null;
    if (at !== undefined && at >= 0) {
      index[role] = at;
      names[role] = cells[at]?.trim() ?? '';
    } else if (typeof name === 'string' || REQUIRED.includes(role)) {
      const message = missing(role, name ?? undefined, cells);
      throw new FileFault('missing_column', line, message, { column: name ?? role });
    }
  }
  return { width: cells.length, index, names };
}
