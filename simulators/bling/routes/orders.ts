/** /pedidos/vendas: create, search, read, replace, launch, take back, change the situation. */
import { type Replacement, situationValue, SITUATIONS } from '../account/orders.ts';
import type { Order, OrderItem } from '../account/records.ts';
import type { Answer } from '../answers.ts';
import { isObject, type Call, type Route } from '../call.ts';
import { Fields } from '../fields.ts';
import { rounded } from '../numbers.ts';
import type { World } from '../world.ts';

const access = { scope: 'pedidos' } as const;
const NOTHING: Answer = { status: 204 };
/** Money may be off by this much before instalments do not sum to the total. */
const CENT = 0.01;

function create({ account }: World, call: Call): Answer {
  const order = readOrder(account, call);
  const body = call.json();
  const number = typeof body['numero'] === 'number' ? body['numero'] : null;
  const situationId = idOf(body['situacao']);
  const { id } = account.orders.create({
    ...order,
    source: 'api',
    ...(number === null ? {} : { number }),
    ...(situationId === null ? {} : { situationId }),
  });
  return { status: 201, body: { data: { id, alertas: [] } } };
}

/** PUT: as a new order is sent, in the place of this one; its situation stays. */
function replace({ account }: World, call: Call): Answer {
  const { id } = account.orders.get(call.id('id'));
  account.orders.replace(id, readOrder(account, call, id), 'api');
  return { status: 200, body: { data: { id, alertas: [] } } };
}

/** @param self the order that is replaced: its own number is its to keep */
function readOrder(account: World['account'], call: Call, self: number | null = null): Replacement {
  const body = call.json();
  const fields = new Fields(body, 'VENDAS');
  const date = fields.date('data') ?? '';
  fields.date('dataSaida');
  fields.date('dataPrevista');
  const contactId = fields.id('contato');
  if (contactId !== null && account.contacts.find(contactId) === undefined) {
    fields.complain('contato', 'O contato informado não existe', 12);
  }
  const items = fields.list('itens', (item) => readItem(account, item));
  const instalments = fields.list('parcelas', readInstalment);
  const total = totalOf(body, items);
  const paid = instalments.reduce((sum, value) => sum + value, 0);
  if (fields.problems.length === 0 && Math.abs(paid - total) >= CENT) {
    fields.complain('parcelas', 'A soma das parcelas difere do total da venda', 13);
  }
  const { numero } = body;
  const others = account.orders.all().filter(({ id }) => id !== self);
  if (typeof numero === 'number' && others.some(({ number }) => number === numero)) {
    fields.complain('numero', 'Já existe um pedido com este número', 36);
  }
  const situationId = idOf(body['situacao']);
  if (situationId !== null && !SITUATIONS.some(({ id }) => id === situationId)) {
    fields.complain('situacao', 'A situação informada não existe', 12);
  }
  fields.check();
  return {
    shopNumber: typeof body['numeroLoja'] === 'string' ? body['numeroLoja'] : '',
    shopId: idOf(body['loja']) ?? 0,
    contactId: contactId ?? 0,
    date,
    total,
    items,
    sent: body,
  };
}

function readItem({ products }: World['account'], fields: Fields): OrderItem {
  const quantity = fields.number('quantidade') ?? 0;
  const price = fields.number('valor') ?? 0;
  const productId = idOf(fields.raw('produto'));
  if (productId === null) fields.text('descricao');
  const product = productId === null ? undefined : products.find(productId);
  if (productId !== null && product === undefined) {
    fields.complain('produto', 'O produto informado não existe', 12);
  }
  if (product?.format === 'V') {
    fields.complain('produto', 'Informe a variação, não o produto pai', 12);
  }
  if (quantity < 0) fields.complain('quantidade', 'A quantidade deve ser maior que zero', 2);
  return { productId, quantity, price };
}

function readInstalment(fields: Fields): number {
  fields.date('dataVencimento');
  fields.id('formaPagamento');
  return fields.number('valor') ?? 0;
}

function totalOf(body: Readonly<Record<string, unknown>>, items: readonly OrderItem[]): number {
  const goods = items.reduce((sum, { quantity, price }) => sum + quantity * price, 0);
  const discount = isObject(body['desconto']) ? body['desconto'] : {};
  const value = typeof discount['valor'] === 'number' ? discount['valor'] : 0;
  const off = discount['unidade'] === 'PERCENTUAL' ? (goods * value) / 100 : value;
  const transport = isObject(body['transporte']) ? body['transporte'] : {};
  const freight = typeof transport['frete'] === 'number' ? transport['frete'] : 0;
  return Math.round((goods - off + freight) * 100) / 100;
}

function search({ account, clock }: World, { query }: Call): Answer {
  const shopNumbers = query.list('numerosLojas');
  const situations = query.ids('idsSituacoes');
  const shopId = query.text('idLoja');
  const number = query.text('numero');
  const contactId = query.text('idContato');
  const changed = query.period('dataAlteracao', clock.now());
  const included = query.period('dataInclusao', clock.now());
  const dated = query.period('data', clock.now());
  const found = account.orders
    .listed()
    .filter(
      (order) =>
        (shopNumbers.length === 0 || shopNumbers.includes(order.shopNumber)) &&
        (situations.length === 0 || situations.includes(order.situationId)) &&
        (shopId === null || String(order.shopId) === shopId) &&
        (number === null || String(order.number) === number) &&
        (contactId === null || String(order.contactId) === contactId) &&
        changed(order.changedAt) &&
        included(order.createdAt) &&
        dated(Date.parse(`${order.date}T12:00:00-03:00`)),
    )
    .reverse();
  const { data } = query.page(found);
  return { status: 200, body: { data: data.map((order) => summary(account, order)) } };
}

function summary({ contacts }: World['account'], order: Order): Record<string, unknown> {
  const contact = contacts.find(order.contactId);
  const goods = order.items.reduce((sum, { quantity, price }) => sum + quantity * price, 0);
  return {
    id: order.id,
    numero: order.number,
    numeroLoja: order.shopNumber,
    data: order.date,
    dataSaida: order.sent['dataSaida'] ?? order.date,
    dataPrevista: order.sent['dataPrevista'] ?? order.date,
    totalProdutos: rounded(goods),
    total: order.total,
    contato: {
      id: order.contactId,
      nome: contact?.name ?? '',
      tipoPessoa: contact?.type ?? 'F',
      numeroDocumento: contact?.document ?? '',
    },
    situacao: { id: order.situationId, valor: situationValue(order.situationId) },
    loja: { id: order.shopId },
  };
}

function read({ account }: World, call: Call): Answer {
  const order = account.orders.get(call.id('id'));
  const items = Array.isArray(order.sent['itens']) ? (order.sent['itens'] as unknown[]) : [];
  const withIds = items.map((item, index) => ({
    id: order.id * 100 + index,
    ...(isObject(item) ? item : {}),
  }));
  return {
    status: 200,
    body: {
      data: {
        ...summary(account, order),
        desconto: order.sent['desconto'] ?? { valor: 0, unidade: 'REAL' },
        notaFiscal: { id: order.invoiceId },
        observacoes: order.sent['observacoes'] ?? '',
        observacoesInternas: order.sent['observacoesInternas'] ?? '',
        itens: withIds,
        parcelas: order.sent['parcelas'] ?? [],
      },
    },
  };
}

function launch({ account }: World, call: Call): Answer {
  const depositId = call.has('depositId') ? call.id('depositId') : null;
  account.orders.launch(call.id('id'), depositId, 'api');
  return NOTHING;
}

function takeBack({ account }: World, call: Call): Answer {
  account.orders.takeBack(call.id('id'), 'api');
  return NOTHING;
}

function invoice({ account }: World, call: Call): Answer {
  return { status: 201, body: { idNotaFiscal: account.orders.invoice(call.id('id')) } };
}

function setSituation({ account }: World, call: Call): Answer {
  account.orders.setSituation(call.id('id'), call.id('situationId'), 'api');
  return NOTHING;
}

function idOf(value: unknown): number | null {
  const id = isObject(value) ? value['id'] : undefined;
  return typeof id === 'number' && Number.isSafeInteger(id) ? id : null;
}

const ORDERS = '/pedidos/vendas';

export const ORDER_ROUTES: readonly Route[] = [
  { method: 'POST', path: ORDERS, access, handle: create },
  { method: 'GET', path: ORDERS, access, handle: search },
  { method: 'GET', path: `${ORDERS}/:id`, access, handle: read },
  { method: 'PUT', path: `${ORDERS}/:id`, access, handle: replace },
  { method: 'POST', path: `${ORDERS}/:id/lancar-estoque`, access, handle: launch },
  { method: 'POST', path: `${ORDERS}/:id/lancar-estoque/:depositId`, access, handle: launch },
  { method: 'POST', path: `${ORDERS}/:id/estornar-estoque`, access, handle: takeBack },
  { method: 'POST', path: `${ORDERS}/:id/gerar-nfe`, access, handle: invoice },
  { method: 'PATCH', path: `${ORDERS}/:id/situacoes/:situationId`, access, handle: setSituation },
];
