/** Somebody else's integration in mode `observe`: it makes the shop's orders in Bling, some time later, and cancels them. */
import type { Random } from '../linearizability/random.ts';
import type { Sale } from './shop.ts';
import type { World } from './world.ts';

const LATEST_MS = 60_000;
const AGAIN_MS = 5_000;
const RESERVING = 15;
const CANCELLED = 12;

export class OtherIntegration {
  readonly #world: World;
  readonly #random: Random;
  #token: string;
  readonly #orders = new Map<string, Promise<number>>();
  #busy = 0;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#token = world.simulator.control.issueTokens().access_token;
  }

  isDone(): boolean {
    return this.#busy === 0;
  }

  sold(sale: Sale): void {
    this.#orders.set(
      sale.id,
      this.#during(() => this.#create(sale)),
    );
  }

  /** Whole sales only. */
  cancelled({ id, restocked }: Sale): void {
    if (restocked.size === 0) return;
    void this.#during(async () => {
      const order = await this.#orders.get(id);
      await this.#world.time.sleep(this.#random.between(0, LATEST_MS));
      await this.#send('PATCH', `/pedidos/vendas/${order}/situacoes/${CANCELLED}`, null);
    });
  }

  async #during<T>(work: () => Promise<T>): Promise<T> {
    this.#busy += 1;
    try {
      return await work();
    } finally {
      this.#busy -= 1;
    }
  }

  async #create({ orderId, units }: Sale): Promise<number> {
    const { simulator, time } = this.#world;
    await time.sleep(this.#random.between(0, LATEST_MS));
    const { control } = simulator;
    const products = control.products();
    const items = [...units].map(([sku, quantity]) => {
      const product = products.find((each) => each.sku === sku);
      return {
        produto: { id: product?.id },
        descricao: sku,
        quantidade: quantity,
        valor: product?.price ?? 0,
      };
    });
    const date = new Date(time.now()).toISOString().slice(0, 10);
    const total = items.reduce((sum, { quantidade, valor }) => sum + quantidade * valor, 0);
    const contact = await this.#send('GET', '/contatos/consumidor-final', null);
    const methods = (await this.#send('GET', '/formas-pagamentos', null)) as { id: number }[];
    const body = {
      numeroLoja: orderId,
      data: date,
      dataSaida: date,
      dataPrevista: date,
      contato: { id: (contact as { id: number }).id },
      situacao: { id: RESERVING },
      itens: items,
      parcelas: [
        {
          dataVencimento: date,
          valor: Math.round(total * 100) / 100,
          formaPagamento: { id: methods[0]?.id },
        },
      ],
    };
    return ((await this.#send('POST', '/pedidos/vendas', body)) as { id: number }).id;
  }

  /** Until it is done: only what is asked meets trouble whose outcome is unknown. */
  async #send(method: string, path: string, body: unknown): Promise<unknown> {
    const { simulator, time } = this.#world;
    for (;;) {
      try {
        const answer = await fetch(`${simulator.apiUrl}${path}`, {
          method,
          headers: {
            authorization: `Bearer ${this.#token}`,
            'enable-jwt': '1',
            'content-type': 'application/json',
          },
          ...(body === null ? {} : { body: JSON.stringify(body) }),
        });
        const text = await answer.text();
        if (answer.status === 401) this.#token = simulator.control.issueTokens().access_token;
        if (answer.status < 300) {
          return text === '' ? null : (JSON.parse(text) as { data: unknown }).data;
        }
      } catch {
        // Again, as after any answer that is none.
      }
      await time.sleep(AGAIN_MS);
    }
  }
}
