/**
 * Takes units out of an order. Bling changes an order only as a whole, so all that it has goes back to it, and only an
 * order that is still as we made it can be told to the cent: one instalment, no discount, no freight, no invoice.
 */
import { asId } from './client.ts';
import { isObject } from './refusal.ts';

/** By product id; whole or not, as Bling has them. */
export type Units = ReadonlyMap<number, number>;

export interface Change {
  /** What is sent in the order's place. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Fields of an order as it is read that stand in one as it is sent. */
const KEPT = [
  'numero',
  'numeroLoja',
  'data',
  'dataSaida',
  'dataPrevista',
  'loja',
  'numeroPedidoCompra',
  'outrasDespesas',
  'observacoes',
  'categoria',
  'transporte',
  'vendedor',
  'intermediador',
] as const;
const CENT = 0.01;

/**
 * `order`: as GET shows it; `left`: units of each product that stay; `note`: a line more for its own notes. Or why it
 * has to be done by hand.
 */
export function changeOf(
  order: Readonly<Record<string, unknown>>,
  left: Units,
  note: string,
): Change | string {
  const items = objectsIn(order['itens']);
  const parcels = objectsIn(order['parcelas']);
  const [parcel] = parcels;
  const { notaFiscal: invoice, contato: contact, observacoesInternas: notes } = order;
  if (isObject(invoice) && asId(invoice['id']) !== null) return 'an invoice was made of it';
  const goods = sumOf(items);
  if (parcel === undefined || parcels.length > 1 || !isSum(parcel['valor'], goods)) {
    return 'its instalments are no longer as Holdfast made them';
  }
  if (!isSum(order['total'], goods)) return 'it has a discount, freight or other costs';
  if (!isObject(contact)) return 'it names no contact';
  const kept = reduced(items, left);
  if (kept === null) return 'it does not have these units';
  const fields = KEPT.flatMap((name) => (order[name] === undefined ? [] : [[name, order[name]]]));
  return {
    body: {
      ...(Object.fromEntries(fields) as Record<string, unknown>),
      contato: { id: contact['id'] },
      observacoesInternas: typeof notes === 'string' && notes !== '' ? `${notes}\n${note}` : note,
      itens: kept,
      parcelas: [{ ...parcel, valor: Math.round(sumOf(kept) * 100) / 100 }],
    },
  };
}

/** Units by product id. */
export function unitsIn(items: readonly Record<string, unknown>[]): Map<number, number> {
  const units = new Map<number, number>();
  for (const item of items) {
    const id = productOf(item);
    const { quantidade } = item;
    if (id === null || typeof quantidade !== 'number') continue;
    units.set(id, (units.get(id) ?? 0) + quantidade);
  }
  return units;
}

/** A product may stand in several lines: the last give first. Null where there is less than is to stay. */
function reduced(
  items: readonly Record<string, unknown>[],
  left: Units,
): Record<string, unknown>[] | null {
  const room = new Map(left);
  const kept = items.flatMap((item) => {
    const id = productOf(item);
    const quantity = Number(item['quantidade']);
    if (id === null) return [item];
    const stays = Math.min(quantity, room.get(id) ?? 0);
    room.set(id, (room.get(id) ?? 0) - stays);
    return stays > 0 ? [{ ...item, quantidade: stays }] : [];
  });
  return [...room.values()].every((rest) => rest === 0) ? kept : null;
}

function sumOf(items: readonly Record<string, unknown>[]): number {
  return items.reduce((sum, { valor, quantidade, desconto }) => {
    return Number(desconto ?? 0) === 0 ? sum + Number(valor) * Number(quantidade) : NaN;
  }, 0);
}

function isSum(value: unknown, sum: number): boolean {
  return typeof value === 'number' && Math.abs(value - sum) < CENT;
}

function productOf({ produto }: Record<string, unknown>): number | null {
  return isObject(produto) ? asId(produto['id']) : null;
}

function objectsIn(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
