import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, orderOf, type Bench } from './testing.ts';

async function shop(bling: Bench) {
  const [shirt] = bling.control.seed({ products: [{ sku: 'SKU-1', stock: 10 }] });
  const { body } = await bling.call('GET', '/contatos/consumidor-final');
  const contactId = (body as { data: { id: number } }).data.id;
  const create = async (more: Record<string, unknown> = {}) => {
    const answer = await bling.call(
      'POST',
      '/pedidos/vendas',
      orderOf([shirt!.id], contactId, more),
    );
    assert.equal(answer.status, 201, answer.text);
    return (answer.body as { data: { id: number } }).data.id;
  };
  const balance = () => {
    const { physical, virtual } = bling.control.balances()[0]!;
    return [physical, virtual];
  };
  return { shirt: shirt!, contactId, create, balance };
}

test('an order reserves: the virtual balance falls, the physical one when it is launched', async (t) => {
  const bling = await bench(t);
  const { create, balance } = await shop(bling);
  const id = await create();
  assert.deepEqual(balance(), [10, 9]);
  const launched = await bling.call('POST', `/pedidos/vendas/${id}/lancar-estoque`);
  assert.equal(launched.status, 204);
  assert.equal(launched.text, '');
  assert.deepEqual(balance(), [9, 9]);
  assert.equal((await bling.call('POST', `/pedidos/vendas/${id}/lancar-estoque`)).status, 400);
  assert.equal((await bling.call('POST', `/pedidos/vendas/${id}/estornar-estoque`)).status, 204);
  assert.deepEqual(balance(), [10, 9]);
  assert.equal((await bling.call('POST', `/pedidos/vendas/${id}/estornar-estoque`)).status, 400);
});

test('which situations reserve is a switch, and so is which launch by themselves', async (t) => {
  const bling = await bench(t, {
    switches: { reservingSituations: [15], launchOnSituations: [9] },
  });
  const { create, balance } = await shop(bling);
  const id = await create();
  assert.deepEqual(balance(), [10, 10]);
  const enter = (situation: number) =>
    bling.call('PATCH', `/pedidos/vendas/${id}/situacoes/${situation}`);
  assert.equal((await enter(15)).status, 204);
  assert.deepEqual(balance(), [10, 9]);
  assert.equal((await enter(9)).status, 204);
  assert.deepEqual(balance(), [9, 9]);
  assert.equal((await enter(77)).status, 400);
});

test('an order is replaced as a whole: it reserves what it has now, and keeps its situation', async (t) => {
  const bling = await bench(t);
  const { shirt, contactId, create, balance } = await shop(bling);
  const item = { descricao: 'Camisa', unidade: 'UN', valor: 10, produto: { id: shirt.id } };
  const parcel = { dataVencimento: '2026-11-22', formaPagamento: { id: 3_100_001 } };
  const of = (units: number) => ({
    itens: [{ ...item, quantidade: units }],
    parcelas: [{ ...parcel, valor: 10 * units }],
    observacoesInternas: `${units} units`,
  });
  const id = await create({ ...of(3), situacao: { id: 15 } });
  assert.deepEqual(balance(), [10, 7]);
  const put = async (body: Record<string, unknown>) =>
    bling.call('PUT', `/pedidos/vendas/${id}`, orderOf([shirt.id], contactId, body));
  assert.equal((await put({ ...of(2), parcelas: of(3).parcelas })).status, 400);
  assert.equal((await put(of(2))).status, 200);
  assert.deepEqual(balance(), [10, 8]);
  const read = await bling.call('GET', `/pedidos/vendas/${id}`);
  const { data } = read.body as { data: Record<string, unknown> };
  assert.deepEqual(data['situacao'], { id: 15, valor: 3 });
  assert.deepEqual([data['total'], data['observacoesInternas']], [20, '2 units']);
  assert.deepEqual(data['notaFiscal'], { id: 0 });
  const invoice = await bling.call('POST', `/pedidos/vendas/${id}/gerar-nfe`);
  assert.equal(invoice.status, 201);
  assert.equal((await put(of(1))).status, 400, 'an invoice was made of it');
  const other = await create(of(1));
  await bling.call('POST', `/pedidos/vendas/${other}/lancar-estoque`);
  const late = orderOf([shirt.id], contactId, of(2));
  assert.equal((await bling.call('PUT', `/pedidos/vendas/${other}`, late)).status, 400);
  assert.equal((await bling.call('PUT', '/pedidos/vendas/77', late)).status, 404);
});

test('the order of another shop names its product as Bling does, in an object', async (t) => {
  const bling = await bench(t);
  const { shirt } = await shop(bling);
  const { id } = bling.control.outsideSale({ sku: 'SKU-1', quantity: 2 });
  const { body } = await bling.call('GET', `/pedidos/vendas/${id}`);
  const [item] = (body as { data: { itens: { produto: unknown; quantidade: number }[] } }).data
    .itens;
  assert.deepEqual([item?.produto, item?.quantidade], [{ id: shirt.id }, 2]);
});

test('the situation that it has already is refused', async (t) => {
  const bling = await bench(t);
  const { create } = await shop(bling);
  const id = await create();
  const enter = () => bling.call('PATCH', `/pedidos/vendas/${id}/situacoes/15`);
  assert.equal((await enter()).status, 204);
  const again = await enter();
  assert.equal(again.status, 400);
  assert.match(again.text, /mesma situação/);
});

test('cancelling gives back what was reserved', async (t) => {
  const bling = await bench(t);
  const { create, balance } = await shop(bling);
  const id = await create();
  await bling.call('PATCH', `/pedidos/vendas/${id}/situacoes/12`);
  assert.deepEqual(balance(), [10, 10]);
});

test('the guard of lancar-estoque is racy within the switch: 204, 400, 204, two decrements', async (t) => {
  const bling = await bench(t, { switches: { racyLaunchMs: 50 } });
  const { create, balance } = await shop(bling);
  const id = await create();
  const launch = async () =>
    (await bling.call('POST', `/pedidos/vendas/${id}/lancar-estoque`)).status;
  assert.deepEqual([await launch(), await launch(), await launch()], [204, 400, 204]);
  assert.equal(balance()[0], 8);
  await bling.control.advance(50);
  assert.deepEqual([await launch(), await launch()], [400, 400]);
});

test('a second order with the same numeroLoja is not refused; the search finds both, newest first', async (t) => {
  const bling = await bench(t);
  const { create, contactId } = await shop(bling);
  const first = await create();
  const second = await create();
  await create({ numeroLoja: 'SHOPIFY-2' });
  const found = await bling.call('GET', '/pedidos/vendas?numerosLojas[]=SHOPIFY-1&idLoja=42');
  const { data } = found.body as { data: Record<string, unknown>[] };
  assert.deepEqual(
    data.map(({ id }) => id),
    [second, first],
  );
  assert.deepEqual(data[1], {
    id: first,
    numero: 1,
    numeroLoja: 'SHOPIFY-1',
    data: '2026-11-22',
    dataSaida: '2026-11-22',
    dataPrevista: '2026-11-22',
    totalProdutos: 99.9,
    total: 99.9,
    contato: { id: contactId, nome: 'Consumidor Final', tipoPessoa: 'F', numeroDocumento: '' },
    situacao: { id: 6, valor: 0 },
    loja: { id: 42 },
  });
  const one = await bling.call('GET', `/pedidos/vendas/${first}`);
  assert.equal((one.body as { data: { itens: unknown[] } }).data.itens.length, 1);
});

test('a search does not see an order until its lag has passed; reading it by id does', async (t) => {
  const bling = await bench(t, { switches: { orderSearchLagMs: 4_000 } });
  const { create } = await shop(bling);
  const id = await create();
  const found = async () => {
    const { body } = await bling.call('GET', '/pedidos/vendas?numerosLojas[]=SHOPIFY-1');
    return (body as { data: unknown[] }).data.length;
  };
  assert.equal(await found(), 0);
  assert.equal((await bling.call('GET', `/pedidos/vendas/${id}`)).status, 200);
  await bling.control.advance(3_999);
  assert.equal(await found(), 0);
  await bling.control.advance(1);
  assert.equal(await found(), 1);
});

test('instalments that do not sum to the total are refused', async (t) => {
  const bling = await bench(t);
  const { shirt, contactId } = await shop(bling);
  const parcelas = [
    { dataVencimento: '2026-11-22', valor: 99.8, formaPagamento: { id: 3_100_001 } },
  ];
  const short = await bling.call(
    'POST',
    '/pedidos/vendas',
    orderOf([shirt.id], contactId, { parcelas }),
  );
  assert.equal(short.status, 400);
  const discounted = await bling.call(
    'POST',
    '/pedidos/vendas',
    orderOf([shirt.id], contactId, { parcelas, desconto: { valor: 0.1, unidade: 'REAL' } }),
  );
  assert.equal(discounted.status, 201);
});

test('an order names every missing field, and those of lists in a collection', async (t) => {
  const bling = await bench(t);
  const { shirt } = await shop(bling);
  const refused = await bling.call('POST', '/pedidos/vendas', {
    data: '2026-02-30',
    contato: { id: 1 },
    itens: [{ quantidade: 1, valor: 1, produto: { id: shirt.id } }, { valor: 1 }],
  });
  assert.equal(refused.status, 400);
  const { fields } = (refused.body as { error: { fields: Record<string, unknown>[] } }).error;
  assert.deepEqual(
    fields.map(({ element, code }) => [element, code]),
    [
      ['data', 2],
      ['dataSaida', 1],
      ['dataPrevista', 1],
      ['contato', 12],
      ['itens', 3],
      ['parcelas', 1],
    ],
  );
  assert.deepEqual(fields[4]!['collection'], [
    {
      index: 1,
      code: 1,
      msg: 'O campo quantidade é obrigatório',
      element: 'quantidade',
      namespace: 'itens',
    },
    {
      index: 1,
      code: 1,
      msg: 'O campo descricao é obrigatório',
      element: 'descricao',
      namespace: 'itens',
    },
  ]);
  assert.equal(bling.control.orders().length, 0);
});

test('a period of more than a year is refused, a filter that does not exist is ignored', async (t) => {
  const bling = await bench(t);
  const { create } = await shop(bling);
  await create();
  const get = (query: string) => bling.call('GET', `/pedidos/vendas?${query}`);
  assert.equal((await get('dataAlteracaoInicial=2025-01-01')).status, 400);
  const today = await get('dataAlteracaoInicial=2026-11-22&numeroLoja=NOT-MINE');
  assert.equal((today.body as { data: unknown[] }).data.length, 1);
  const tomorrow = await get('dataAlteracaoInicial=2026-11-23');
  assert.equal((tomorrow.body as { data: unknown[] }).data.length, 0);
});

test('a kit takes its components; a line without a product takes nothing', async (t) => {
  const bling = await bench(t);
  const { shirt, contactId } = await shop(bling);
  const [kit] = bling.control.seed({
    products: [{ sku: 'KIT', components: [{ sku: 'SKU-1', quantity: 3 }] }],
  });
  const item = { descricao: 'Kit', quantidade: 2, valor: 49.95 };
  const order = (itens: unknown[]) => orderOf([shirt.id], contactId, { itens });
  const made = await bling.call(
    'POST',
    '/pedidos/vendas',
    order([{ ...item, produto: { id: kit!.id } }]),
  );
  assert.equal(made.status, 201, made.text);
  const rows = bling.control.balances().map(({ sku, virtual }) => [sku, virtual]);
  assert.deepEqual(rows, [
    ['SKU-1', 4],
    ['KIT', 1],
  ]);
  await bling.call('POST', '/pedidos/vendas', order([{ ...item, codigo: 'SKU-1' }]));
  assert.equal(bling.control.balances()[0]!.virtual, 4);
});
