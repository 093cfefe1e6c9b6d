/** GET /depositos, GET /estoques/saldos[/{idDeposito}], POST /estoques: all there is for stock. */
import type { Product } from '../account/products.ts';
import type { Operation } from '../account/records.ts';
import { notFound, Refusal, type Answer } from '../answers.ts';
import type { Call, JsonObject, Route } from '../call.ts';
import { Fields } from '../fields.ts';
import type { World } from '../world.ts';

const access = { scope: 'estoques' } as const;
const OPERATIONS: readonly unknown[] = ['B', 'E', 'S'] satisfies Operation[];

function deposits({ account }: World, { query }: Call): Answer {
  const { data } = query.page(account.stock.deposits());
  return {
    status: 200,
    body: {
      data: data.map(({ id, name, active, standard, ignored }) => ({
        id,
        descricao: name,
        situacao: active ? 1 : 0,
        padrao: standard,
        desconsiderarSaldo: ignored,
      })),
    },
  };
}

function balances(world: World, call: Call): Answer {
  const { account, switches } = world;
  const { stock } = account;
  const depositId = call.has('depositId') ? call.id('depositId') : null;
  if (depositId !== null && stock.deposit(depositId) === undefined) throw new Refusal(notFound());
  const data = askedFor(world, call).map((product) => {
    const total =
      depositId === null
        ? stock.total(product, switches.balanceLagMs)
        : stock.balance(product, depositId, switches.balanceLagMs);
    const base = {
      produto: { id: product.id, codigo: product.sku },
      saldoFisicoTotal: total.physical,
      saldoVirtualTotal: total.virtual,
    };
    // The answer for one deposit names none.
    if (depositId !== null || switches.omitDeposits) return base;
    const depositos = stock.deposits().map(({ id }) => {
      const { physical, virtual } = stock.balance(product, id, switches.balanceLagMs);
      return { id, saldoFisico: physical, saldoVirtual: virtual };
    });
    return { ...base, depositos };
  });
  return { status: 200, body: { data } };
}

/** Products that are not there are left out without a word. */
function askedFor({ account, switches }: World, { query }: Call): Product[] {
  const ids = query.ids('idsProdutos');
  const skus = query.list('codigos');
  const fields = new Fields({}, 'ESTOQUE');
  if (ids.length === 0) fields.complain('idsProdutos', 'O campo idsProdutos é obrigatório', 1);
  if (switches.maxBalanceIds > 0 && ids.length > switches.maxBalanceIds) {
    fields.complain('idsProdutos', `São permitidos até ${switches.maxBalanceIds} produtos`, 2);
  }
  fields.check();
  const level = query.text('filtroSaldoEstoque');
  return [...new Set(ids)].flatMap((id) => {
    const product = account.products.find(id);
    if (product === undefined || product.situation === 'E') return [];
    if (skus.length > 0 && !skus.includes(product.sku)) return [];
    const { physical } = account.stock.total(product);
    if ((level === '1' && physical <= 0) || (level === '2' && physical > 0)) return [];
    return [product];
  });
}

function post({ account }: World, call: Call): Answer {
  const body = call.json();
  const fields = new Fields(body, 'ESTOQUE');
  const productId = fields.id('produto');
  const depositId = fields.id('deposito');
  const quantity = fields.number('quantidade');
  const operation = body['operacao'];
  if (!OPERATIONS.includes(operation)) {
    fields.complain('operacao', 'O campo operacao deve ser B, E ou S', 2);
  }
  if (quantity !== null && operation !== 'B' && quantity <= 0) {
    fields.complain('quantidade', 'A quantidade deve ser maior que zero', 2);
  }
  checkPlace(account, fields, productId, depositId);
  fields.check();
  const { id } = account.stock.post({
    productId: productId ?? 0,
    depositId: depositId ?? 0,
    operation: operation as Operation,
    quantity: quantity ?? 0,
    source: 'api',
    notes: notesOf(body),
  });
  return { status: 201, body: { data: { id } } };
}

function checkPlace(
  { products, stock }: World['account'],
  fields: Fields,
  productId: number | null,
  depositId: number | null,
): void {
  const product = productId === null ? undefined : products.find(productId);
  if (productId !== null && product === undefined) {
    fields.complain('produto', 'O produto informado não existe', 12);
  }
  if (product?.format === 'V') {
    fields.complain('produto', 'O estoque é das variações, não do produto pai', 12);
  }
  if (product?.structure?.stock === 'V') {
    fields.complain('produto', 'O estoque desta composição é virtual', 12);
  }
  if (depositId !== null && stock.deposit(depositId) === undefined) {
    fields.complain('deposito', 'O depósito informado não existe', 12);
  }
}

function notesOf(body: JsonObject): string {
  const notes = body['observacoes'];
  return typeof notes === 'string' ? notes : '';
}

export const STOCK_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/depositos', access: { scope: 'depositos' }, handle: deposits },
  { method: 'GET', path: '/estoques/saldos', access, handle: balances },
  { method: 'GET', path: '/estoques/saldos/:depositId', access, handle: balances },
  { method: 'POST', path: '/estoques', access, handle: post },
];
