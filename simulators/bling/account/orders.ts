/** Sales orders: what they reserve, and when their stock leaves. */
import { notFound, Refusal, validationError } from '../answers.ts';
import type { SimulatedClock } from '../clock.ts';
import { rounded } from '../numbers.ts';
import type { Switches } from '../switches.ts';
import type { Emit } from './events.ts';
import type { Products } from './products.ts';
import type { Order, Source } from './records.ts';
import type { Stock } from './stock.ts';

export type NewOrder = Pick<
  Order,
  'shopNumber' | 'shopId' | 'contactId' | 'date' | 'total' | 'items' | 'sent' | 'source'
> & { readonly number?: number; readonly situationId?: number };

export type Replacement = Pick<
  Order,
  'shopNumber' | 'shopId' | 'contactId' | 'date' | 'total' | 'items' | 'sent'
>;

/** The situations that every account starts with. */
export const SITUATIONS = [
  { id: 6, name: 'Em aberto', color: '#E9DC40' },
  { id: 9, name: 'Atendido', color: '#3FB57A' },
  { id: 12, name: 'Cancelado', color: '#CBCBCB' },
  { id: 15, name: 'Em andamento', color: '#0065F9' },
] as const;
/** The module that sales orders are. */
export const SALES_MODULE = 98_310;
const OPEN = 6;

/** `valor` is not the id but the kind: 0 open, 1 done, 2 cancelled, 3 under way. */
export function situationValue(id: number): number {
  return SITUATIONS.findIndex((situation) => situation.id === id);
}

export class Orders {
  readonly #clock: SimulatedClock;
  readonly #switches: Switches;
  readonly #products: Products;
  readonly #stock: Stock;
  readonly #nextId: () => number;
  readonly #emit: Emit;
  readonly #orders = new Map<number, Order>();
  #number = 0;

  constructor(
    parts: { clock: SimulatedClock; switches: Switches; products: Products; stock: Stock },
    nextId: () => number,
    emit: Emit,
  ) {
    this.#clock = parts.clock;
    this.#switches = parts.switches;
    this.#products = parts.products;
    this.#stock = parts.stock;
    this.#nextId = nextId;
    this.#emit = emit;
  }

  all(): Order[] {
    return [...this.#orders.values()];
  }

  /** What a search shows: not what came in a moment ago. */
  listed(): Order[] {
    const horizon = this.#clock.now() - this.#switches.orderSearchLagMs;
    return this.all().filter(({ createdAt }) => createdAt <= horizon);
  }

  /** Refuses with 404 what is not there. */
  get(id: number): Order {
    const order = this.#orders.get(id);
    if (order === undefined) throw new Refusal(notFound());
    return order;
  }

  create(order: NewOrder): Order {
    const now = this.#clock.now();
    this.#number = Math.max(this.#number + 1, order.number ?? 0);
    const created: Order = {
      ...order,
      id: this.#nextId(),
      number: order.number ?? this.#number,
      createdAt: now,
      changedAt: now,
      situationId: order.situationId ?? OPEN,
      invoiceId: 0,
      launchedFrom: null,
      launchedAt: 0,
      launchCalls: 0,
      reserved: [],
    };
    this.#orders.set(created.id, created);
    this.#emit({ kind: 'order', action: 'created', order: created, source: order.source });
    this.#enter(created, order.source);
    return created;
  }

  /** Everything that was sent takes the place of what was; what is not sent is lost. */
  replace(id: number, change: Replacement, source: Source): void {
    const order = this.get(id);
    const why =
      order.launchedFrom !== null
        ? 'O estoque deste pedido já foi lançado'
        : order.invoiceId !== 0
          ? 'Existe uma nota fiscal deste pedido'
          : null;
    if (why !== null) throw new Refusal(validationError([problem(52, why, 'itens')]));
    this.#release(order, source);
    Object.assign(order, change, { changedAt: this.#clock.now() });
    this.#emit({ kind: 'order', action: 'updated', order, source });
    this.#enter(order, source);
  }

  /** gerar-nfe: once. The id of its invoice. */
  invoice(id: number): number {
    const order = this.get(id);
    if (order.invoiceId === 0) order.invoiceId = this.#nextId();
    return order.invoiceId;
  }

  setSituation(id: number, situationId: number, source: Source): void {
    const order = this.get(id);
    if (!SITUATIONS.some((situation) => situation.id === situationId)) {
      throw new Refusal(
        validationError([problem(12, 'A situação informada não existe', 'idSituacao')]),
      );
    }
    if (order.situationId === situationId) {
      throw new Refusal(
        validationError([problem(50, 'A venda possui a mesma situação', 'situacao')]),
      );
    }
    order.situationId = situationId;
    order.changedAt = this.#clock.now();
    this.#emit({ kind: 'order', action: 'updated', order, source });
    this.#enter(order, source);
  }

  /** lancar-estoque: the stock leaves, once, if the guard sees that it already has. */
  launch(id: number, depositId: number | null, source: Source): void {
    const order = this.get(id);
    const from = depositId ?? this.#stock.standardDeposit().id;
    if (this.#stock.deposit(from) === undefined) throw new Refusal(notFound());
    order.launchCalls++;
    if (order.launchedFrom !== null && !this.#slipsPastGuard(order)) {
      throw new Refusal(
        validationError([problem(50, 'O estoque deste pedido já foi lançado', 'estoque')]),
      );
    }
    const effect = this.#effectOf(order);
    for (const { productId, quantity } of effect) {
      this.#stock.checkThatThereIs(productId, from, quantity);
    }
    if (order.launchedFrom === null) order.launchedAt = this.#clock.now();
    // What was reserved leaves: the virtual balance stays, and only the posting is told.
    for (const { productId, depositId: place, quantity } of order.reserved) {
      this.#stock.reserveQuietly(productId, place, -quantity);
    }
    order.reserved = [];
    order.launchedFrom = from;
    for (const { productId, quantity } of effect) {
      this.#stock.post({
        productId,
        depositId: from,
        operation: 'S',
        quantity,
        source,
        orderId: order.id,
        notes: `Pedido de venda ${order.number}`,
      });
    }
  }

  /** estornar-estoque: the stock comes back. */
  takeBack(id: number, source: Source): void {
    const order = this.get(id);
    const from = order.launchedFrom;
    if (from === null) {
      throw new Refusal(
        validationError([problem(51, 'O estoque deste pedido não foi lançado', 'estoque')]),
      );
    }
    for (const { productId, quantity } of this.#effectOf(order)) {
      this.#stock.post({
        productId,
        depositId: from,
        operation: 'E',
        quantity,
        source,
        orderId: order.id,
        notes: `Estorno do pedido de venda ${order.number}`,
        undoes: true,
      });
    }
    order.launchedFrom = null;
    this.#reserve(order, source);
  }

  /** Simulates a guard that reads before a parallel call has written: 204, 400, 204. */
  #slipsPastGuard(order: Order): boolean {
    const since = this.#clock.now() - order.launchedAt;
    return since < this.#switches.racyLaunchMs && order.launchCalls % 2 === 1;
  }

  #enter(order: Order, source: Source): void {
    this.#reserve(order, source);
    if (
      order.launchedFrom === null &&
      this.#switches.launchOnSituations.includes(order.situationId)
    ) {
      this.launch(order.id, null, source);
    }
  }

  /** Brings what it reserves in line with its situation. */
  #reserve(order: Order, source: Source): void {
    const reserves =
      order.launchedFrom === null && this.#switches.reservingSituations.includes(order.situationId);
    if (reserves === order.reserved.length > 0) return;
    this.#release(order, source);
    const depositId = this.#stock.standardDeposit().id;
    order.reserved = reserves
      ? this.#effectOf(order).map((effect) => ({ ...effect, depositId }))
      : [];
    for (const { productId, quantity } of order.reserved) {
      this.#stock.reserve(productId, depositId, quantity, source);
    }
  }

  #release(order: Order, source: Source): void {
    for (const { productId, depositId, quantity } of order.reserved) {
      this.#stock.reserve(productId, depositId, -quantity, source);
    }
    order.reserved = [];
  }

  /** The products whose stock an order takes: a kit's own, its components', or both. */
  #effectOf(order: Order): { productId: number; quantity: number }[] {
    return order.items.flatMap(({ productId, quantity }) => {
      const product = productId === null ? undefined : this.#products.find(productId);
      if (product === undefined) return [];
      const { structure } = product;
      const own = { productId: product.id, quantity };
      if (structure === null) return [own];
      const parts = structure.components.map((component) => ({
        productId: component.productId,
        quantity: rounded(component.quantity * quantity),
      }));
      if (structure.launches === 'P') return [own];
      return structure.launches === 'M' ? parts : [own, ...parts];
    });
  }
}

function problem(code: number, msg: string, element: string) {
  return { code, msg, element, namespace: 'VENDAS' };
}
