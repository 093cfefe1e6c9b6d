/** What can be done to a running simulator: by the tests in its process, and by /__control. */
import type { NewProduct, Product } from '../account/products.ts';
import type { Movement, Order } from '../account/records.ts';
import type { CallCount, LoggedCall } from '../call-log.ts';
import { assertOf } from './check.ts';
import {
  SwitchChangeSchema,
  type DepositSeed,
  type OutsideMovement,
  type OutsideSale,
  type ProductChange,
  type ProductSeed,
  type Seed,
  type WebhookToFire,
} from './schemas.ts';
import { FaultSchema, type Fault, type FaultReport } from '../faults.ts';
import type { TokenAnswer } from '../oauth.ts';
import { Pulse } from '../outside-writers.ts';
import type { Random } from '../random.ts';
import type { Switches, WebhookResource } from '../switches.ts';
import type { Delivery } from '../webhooks.ts';
import type { World } from '../world.ts';

export interface BalanceRow {
  readonly productId: number;
  readonly sku: string;
  readonly depositId: number;
  readonly physical: number;
  readonly virtual: number;
}

/** The shop that the sales of others come from. */
const OTHER_SHOP = 204_000_001;

export class Control {
  readonly #world: World;

  readonly #pulses: readonly Pulse[];

  constructor(world: World) {
    const { clock, random, switches } = world;
    this.#world = world;
    const somewhere = (act: (sku: string) => void) => (): void => {
      const { sku } = this.#anyProduct(random) ?? { sku: null };
      if (sku !== null) act(sku);
    };
    this.#pulses = [
      new Pulse(
        clock,
        () => switches.outsideSalesPerMinute,
        somewhere((sku) => this.outsideSale({ sku, quantity: 1, launch: true })),
      ),
      new Pulse(
        clock,
        () => switches.outsideInvoicesPerMinute,
        somewhere((sku) => this.outsideMovement({ sku, quantity: 1 })),
      ),
    ];
  }

  // ---- Time

  now(): number {
    return this.#world.clock.now();
  }

  /** Time stands still until it is advanced or resumed. */
  freeze(): void {
    this.#world.clock.setSpeed(0);
  }

  /** @param speed simulated milliseconds per real one */
  resume(speed = 1): void {
    this.#world.clock.setSpeed(speed);
  }

  /** Puts the clock forward and does all that falls due on the way, before it resolves. */
  async advance(milliseconds: number): Promise<void> {
    await this.#world.clock.advance(milliseconds);
  }

  // ---- Switches and faults

  switches(): Switches {
    return structuredClone(this.#world.switches);
  }

  setSwitches(change: Partial<Switches>): Switches {
    assertOf(SwitchChangeSchema, change);
    Object.assign(this.#world.switches, structuredClone(change));
    for (const pulse of this.#pulses) pulse.wake();
    return this.switches();
  }

  /** The fault's id. */
  addFault(fault: Fault): number {
    assertOf(FaultSchema, fault);
    return this.#world.faults.add(fault);
  }

  removeFaults(id?: number): void {
    this.#world.faults.remove(id);
  }

  faults(): FaultReport[] {
    return this.#world.faults.report();
  }

  // ---- The account

  /** Products without stock of their own (parents, virtual kits) get none. */
  seed({ count = 0, stock = 100, skuPrefix = 'SKU-', products = [] }: Seed): Product[] {
    const width = Math.max(4, String(count).length);
    const plain = Array.from({ length: count }, (_each, index) => ({
      sku: `${skuPrefix}${String(index + 1).padStart(width, '0')}`,
      stock,
    }));
    return [...plain, ...products].flatMap((product) => this.#seedOne(product));
  }

  /** The id of the new deposit. */
  addDeposit({ name, active = true, ignored = false }: DepositSeed): number {
    const deposit = { name, active, standard: false, ignored };
    return this.#world.account.stock.addDeposit(deposit).id;
  }

  changeProduct({ sku, newSku, ...change }: ProductChange): Product {
    const { id } = this.#bySku(sku);
    const product = this.#world.account.products.change(id, {
      ...change,
      ...(newSku === undefined ? {} : { sku: newSku }),
    });
    const action = product.situation === 'E' ? 'deleted' : 'updated';
    this.#world.webhooks.tell(this.#world.account, {
      kind: 'product',
      action,
      product,
      source: 'screen',
    });
    return product;
  }

  /** Somebody else moves stock: an invoice (NF-e), or a person at the stock screen. */
  outsideMovement(movement: OutsideMovement): Movement {
    const { stock } = this.#world.account;
    return stock.post({
      productId: this.#bySku(movement.sku).id,
      depositId: movement.depositId ?? stock.standardDeposit().id,
      operation: movement.operation ?? 'S',
      quantity: movement.quantity,
      source: movement.source ?? 'nfe',
    });
  }

  /** Another shop of the same account sells: an order that reserves, and may take its stock. */
  outsideSale({ sku, quantity, launch = false, shopNumber }: OutsideSale): Order {
    const { orders, contacts } = this.#world.account;
    const product = this.#bySku(sku);
    const order = orders.create({
      shopNumber: shopNumber ?? `LOJA-${orders.all().length + 1}`,
      shopId: OTHER_SHOP,
      contactId: contacts.anyone().id,
      date: new Date(this.now()).toISOString().slice(0, 10),
      total: product.price * quantity,
      items: [{ productId: product.id, quantity, price: product.price }],
      sent: {
        itens: [
          {
            codigo: sku,
            descricao: product.name,
            unidade: 'UN',
            quantidade: quantity,
            valor: product.price,
            produto: { id: product.id },
          },
        ],
      },
      source: 'shop',
    });
    if (launch) orders.launch(order.id, null, 'shop');
    return order;
  }

  products(): Product[] {
    return this.#world.account.products.all();
  }

  balances(): BalanceRow[] {
    const { stock } = this.#world.account;
    return this.products().flatMap((product) =>
      stock.deposits().map((deposit) => ({
        productId: product.id,
        sku: product.sku,
        depositId: deposit.id,
        ...stock.balance(product, deposit.id),
      })),
    );
  }

  orders(): Order[] {
    return this.#world.account.orders.all();
  }

  /** In the order in which they arrived. */
  movements(): readonly Movement[] {
    return this.#world.account.stock.movements();
  }

  // ---- Tokens

  /** Tokens without the detour over a browser. */
  issueTokens(): TokenAnswer {
    return this.#world.oauth.issue();
  }

  expireAccessTokens(): void {
    this.#world.oauth.expireAccessTokens();
  }

  revokeAll(): void {
    this.#world.oauth.revokeAll();
  }

  // ---- Webhooks

  /** Sends an event by hand, as the switches say, whatever its data. @param event as stock.updated */
  fireWebhook({ event, data = {}, eventId }: WebhookToFire): void {
    this.#world.webhooks.send(event, () => data, eventId);
  }

  /** Switches on again what three bad days switched off. */
  enableWebhook(resource: WebhookResource): void {
    this.#world.webhooks.enable(resource);
  }

  /** The latest deliveries with their attempts; their order is that of the events. */
  deliveries(): readonly Delivery[] {
    return this.#world.webhooks.deliveries();
  }

  // ---- Limits and calls

  /** As if other integrations of the account had made so many calls today. */
  spendToday(calls: number): void {
    this.#world.limits.spendToday(calls);
  }

  unblock(): void {
    this.#world.limits.unblock();
  }

  callCounts(): CallCount[] {
    return this.#world.log.counts();
  }

  calls(after = 0): readonly LoggedCall[] {
    return this.#world.log.since(after);
  }

  clearCalls(): void {
    this.#world.log.clear();
  }

  /** How it stands, in short. */
  state() {
    const { clock, account, oauth, limits, webhooks } = this.#world;
    return {
      clock: { now: clock.now(), speed: clock.speed },
      products: account.products.all().length,
      deposits: account.stock.deposits(),
      orders: account.orders.all().length,
      movements: account.stock.movements().length,
      tokens: oauth.counts(),
      limits: limits.report(),
      calls: this.callCounts(),
      faults: this.faults(),
      webhooks: { ...webhooks.counts(), disabled: webhooks.disabled() },
    };
  }

  /** One that is sold by itself. */
  #anyProduct(random: Random): Product | undefined {
    const simple = this.products().filter(
      ({ format, situation, sku }) => format === 'S' && situation === 'A' && sku !== '',
    );
    return simple[random.below(simple.length)];
  }

  #bySku(sku: string): Product {
    const product = this.#world.account.products.withSku(sku);
    if (product === undefined) throw new RangeError(`no product has the SKU ${sku}`);
    return product;
  }

  #seedOne(seed: ProductSeed): Product[] {
    const { products } = this.#world.account;
    const { variations, components } = seed;
    const parent = products.add(this.#newProduct(seed));
    const children = (variations ?? []).map((child) => {
      const name = `${parent.name} ${child.variation}`;
      const added = products.add({ ...child, name, price: parent.price, parentId: parent.id });
      this.#fill(added, child.stock ?? 0, seed.depositId);
      return added;
    });
    const own = variations === undefined && (components === undefined || seed.kitStock === 'F');
    if (own) this.#fill(parent, seed.stock ?? 0, seed.depositId);
    return [parent, ...children];
  }

  #newProduct(seed: ProductSeed): NewProduct {
    const { sku, name = `Produto ${sku}`, price, situation, ageDays, components } = seed;
    const structure = components && {
      stock: seed.kitStock ?? 'V',
      launches: seed.kitLaunches ?? 'M',
      components: components.map((part) => ({
        productId: this.#bySku(part.sku).id,
        quantity: part.quantity,
      })),
    };
    return {
      sku,
      name,
      format: seed.variations ? 'V' : structure ? 'E' : 'S',
      ...(price === undefined ? {} : { price }),
      ...(situation === undefined ? {} : { situation }),
      ...(ageDays === undefined ? {} : { ageDays }),
      ...(structure === undefined ? {} : { structure }),
    };
  }

  #fill(product: Product, quantity: number, depositId: number | undefined): void {
    const { stock } = this.#world.account;
    stock.post({
      productId: product.id,
      depositId: depositId ?? stock.standardDeposit().id,
      operation: 'B',
      quantity,
      source: 'seed',
    });
  }
}
