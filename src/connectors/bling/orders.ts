/** Bling's sales orders, as far as they concern stock. */
import { ErpFault, type ErpCall } from '../../engine/erp-port.ts';
import type { Product } from './catalogue.ts';
import { asId, type BlingClient, idOf, type WriteReply } from './client.ts';
import { type Change, type Units, unitsIn } from './order-change.ts';
import { isObject } from './refusal.ts';
import type { BlingSettings } from './settings.ts';

export interface Order {
  readonly id: number;
  readonly situation: number | null;
}

export interface OrderDetail extends Order {
  /** By product id. */
  readonly units: Units;
  /** As Bling shows it. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** What a search for one number found; orders that are cancelled count only where there is no other. */
export type Found =
  | { readonly kind: 'none' }
  | { readonly kind: 'one'; readonly order: Order }
  | { readonly kind: 'several'; readonly reason: string };

export interface OrderLine {
  readonly product: Product;
  readonly quantity: number;
}

export interface NewOrder {
  /** What it is found by. */
  readonly shopNumber: string;
  readonly lines: readonly OrderLine[];
  /** For people, in the order's own notes. */
  readonly note: string;
}

type OrderSettings = Pick<
  BlingSettings,
  'storeId' | 'contactId' | 'paymentMethodId' | 'situations' | 'cancelledSituation'
>;

const PAGE = 100;
const BRASILIA_MS = -3 * 3_600_000;

export class Orders {
  readonly #client: BlingClient;
  readonly #settings: OrderSettings;
  readonly #now: () => number;
  #contact: Promise<number> | null = null;
  #paymentMethod: Promise<number> | null = null;

  constructor(client: BlingClient, settings: OrderSettings, now: () => number) {
    this.#client = client;
    this.#settings = settings;
    this.#now = now;
  }

  /** The order with exactly this number of the shop's. Nothing keeps several from having the same. */
  async find(shopNumber: string, call: ErpCall): Promise<Found> {
    const all = await this.#search(shopNumber, call);
    const live = all.filter((order) => !this.isCancelled(order));
    const [order] = live.length > 0 ? live : all;
    if (order === undefined) return { kind: 'none' };
    if (live.length <= 1) return { kind: 'one', order };
    const ids = live.map(({ id }) => id).join(', ');
    return {
      kind: 'several',
      reason: `Bling has ${live.length} orders with the shop's number ${shopNumber} (${ids}): cancel all but one in Bling, then retry this message`,
    };
  }

  async #search(shopNumber: string, call: ErpCall): Promise<Order[]> {
    const { storeId } = this.#settings;
    const query = [
      ['numerosLojas[]', shopNumber] as const,
      ...(storeId === null ? [] : [['idLoja', storeId] as const]),
      ['limite', PAGE] as const,
    ];
    const found = await this.#client.list('/pedidos/vendas', query, call);
    const ours = found.filter(
      ({ numeroLoja, loja }) =>
        numeroLoja === shopNumber &&
        (storeId === null || (isObject(loja) && asId(loja['id']) === storeId)),
    );
    // Filters that Bling does not know it ignores: then "not there" would only mean "not among these".
    if (ours.length === 0 && found.length > 0) {
      throw new ErpFault('ERP_UNAVAILABLE', 'Bling answered a search for one order with others');
    }
    return ours.flatMap(readOrder);
  }

  /** Null where there is none (any more). */
  async read(id: number, call: ErpCall): Promise<OrderDetail | null> {
    const body = await this.#client.find(`/pedidos/vendas/${id}`, [], call);
    if (body === null) return null;
    const data = isObject(body) && isObject(body['data']) ? body['data'] : {};
    const [order] = readOrder(data);
    if (order === undefined || !Array.isArray(data['itens'])) {
      throw new ErpFault('ERP_UNAVAILABLE', `Bling's order ${id} cannot be read`);
    }
    return { ...order, units: unitsIn(data['itens'].filter(isObject)), raw: data };
  }

  /** `done` with an unreadable id is unknown. Throws `ErpFault` before anything was sent. */
  async prepare(order: NewOrder, call: ErpCall): Promise<() => Promise<WriteReply>> {
    const contact = await this.#contactId(call);
    const paymentMethod = await this.#paymentMethodId(call);
    const body = this.#bodyOf(order, contact, paymentMethod);
    return async () => {
      const reply = await this.#client.write('POST', '/pedidos/vendas', body, call);
      if (reply.kind !== 'done' || idOf(reply.body) !== null) return reply;
      return { kind: 'unknown', reason: "Bling's answer to a new order names no order" };
    };
  }

  /** May be repeated: an order that is in the situation stays in it, though Bling refuses to hear it again. */
  async move(id: number, situation: number, call: ErpCall): Promise<WriteReply> {
    const path = `/pedidos/vendas/${id}/situacoes/${situation}`;
    const reply = await this.#client.write('PATCH', path, null, call);
    if (reply.kind !== 'refused' || reply.retry) return reply;
    const order = await this.read(id, call);
    return order?.situation === situation ? { kind: 'done', body: null } : reply;
  }

  /** May be repeated: the order becomes what is sent. */
  async replace(id: number, { body }: Change, call: ErpCall): Promise<WriteReply> {
    return this.#client.write('PUT', `/pedidos/vendas/${id}`, body, call);
  }

  /** Does the chosen balance know of it already? */
  isTaken({ situation }: Order): boolean {
    return situation !== null && this.#settings.situations.includes(situation);
  }

  isCancelled({ situation }: Order): boolean {
    return situation === this.#settings.cancelledSituation;
  }

  /** Whom it is for and how it is paid have to stand in it; here they are the same for all. */
  async assertDefaults(call: ErpCall): Promise<void> {
    await this.#contactId(call);
    await this.#paymentMethodId(call);
  }

  async #contactId(call: ErpCall): Promise<number> {
    if (this.#settings.contactId !== null) return this.#settings.contactId;
    this.#contact ??= this.#anyContact(call);
    return this.#contact.catch((error: unknown) => {
      this.#contact = null;
      throw error;
    });
  }

  async #anyContact(call: ErpCall): Promise<number> {
    const id = idOf(await this.#client.find('/contatos/consumidor-final', [], call));
    if (id !== null) return id;
    throw new ErpFault(
      'ERP_MISCONFIGURED',
      'Bling names no contact "consumidor final" for new orders: set HOLDFAST_BLING_CONTACT_ID',
    );
  }

  async #paymentMethodId(call: ErpCall): Promise<number> {
    if (this.#settings.paymentMethodId !== null) return this.#settings.paymentMethodId;
    this.#paymentMethod ??= this.#standardPaymentMethod(call);
    return this.#paymentMethod.catch((error: unknown) => {
      this.#paymentMethod = null;
      throw error;
    });
  }

  async #standardPaymentMethod(call: ErpCall): Promise<number> {
    const all = await this.#client.list('/formas-pagamentos', [['limite', PAGE]], call);
    const standard = all.find(({ padrao }) => padrao === 1 || padrao === true) ?? all[0];
    const id = asId(standard?.['id']);
    if (id !== null) return id;
    throw new ErpFault(
      'ERP_MISCONFIGURED',
      'Bling names no form of payment for new orders: set HOLDFAST_BLING_PAYMENT_METHOD_ID',
    );
  }

  #bodyOf({ shopNumber, lines, note }: NewOrder, contact: number, paymentMethod: number) {
    const { storeId, situations } = this.#settings;
    const date = new Date(this.#now() + BRASILIA_MS).toISOString().slice(0, 10);
    const total = lines.reduce((sum, { product, quantity }) => sum + product.price * quantity, 0);
    return {
      numeroLoja: shopNumber,
      data: date,
      dataSaida: date,
      dataPrevista: date,
      contato: { id: contact },
      ...(storeId === null ? {} : { loja: { id: storeId } }),
      ...(situations[0] === undefined ? {} : { situacao: { id: situations[0] } }),
      itens: lines.map(({ product, quantity }) => ({
        produto: { id: product.id },
        codigo: product.sku,
        descricao: product.name,
        unidade: 'UN',
        quantidade: quantity,
        valor: product.price,
      })),
      // Instalments that do not sum to the total are refused.
      parcelas: [
        {
          dataVencimento: date,
          valor: Math.round(total * 100) / 100,
          formaPagamento: { id: paymentMethod },
        },
      ],
      observacoesInternas: note,
    };
  }
}

function readOrder(value: Record<string, unknown>): Order[] {
  const id = asId(value['id']);
  const situation = isObject(value['situacao']) ? asId(value['situacao']['id']) : null;
  return id === null ? [] : [{ id, situation }];
}
