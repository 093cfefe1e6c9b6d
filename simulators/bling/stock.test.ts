import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench } from './testing.ts';

test('a balance names the product, the totals and each deposit', async (t) => {
  const { control, call, depositId } = await bench(t);
  const [shirt] = control.seed({ products: [{ sku: 'SKU-1', stock: 10.5 }] });
  const answer = await call('GET', `/estoques/saldos?idsProdutos[]=${shirt!.id}`);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, {
    data: [
      {
        produto: { id: shirt!.id, codigo: 'SKU-1' },
        saldoFisicoTotal: 10.5,
        saldoVirtualTotal: 10.5,
        depositos: [{ id: depositId, saldoFisico: 10.5, saldoVirtual: 10.5 }],
      },
    ],
  });
});

test('one deposit alone is answered without `depositos`, and 404 when it is unknown', async (t) => {
  const { control, call, depositId } = await bench(t);
  const [shirt] = control.seed({ count: 1, stock: 4 });
  const query = `?idsProdutos%5B0%5D=${shirt!.id}`;
  assert.deepEqual((await call('GET', `/estoques/saldos/${depositId}${query}`)).body, {
    data: [
      { produto: { id: shirt!.id, codigo: 'SKU-0001' }, saldoFisicoTotal: 4, saldoVirtualTotal: 4 },
    ],
  });
  const unknown = await call('GET', `/estoques/saldos/1${query}`);
  assert.equal(unknown.status, 404);
  assert.equal((unknown.body as { error: { type: string } }).error.type, 'RESOURCE_NOT_FOUND');
});

test('balances are not given without idsProdutos[], nor for more than the switch allows', async (t) => {
  const { control, call } = await bench(t, { switches: { maxBalanceIds: 2 } });
  const [one, two, three] = control.seed({ count: 3 });
  const refused = await call('GET', `/estoques/saldos?codigos[]=SKU-0001&idsProdutos=${one!.id}`);
  assert.equal(refused.status, 400);
  assert.deepEqual(refused.body, {
    error: {
      type: 'VALIDATION_ERROR',
      message: 'Não foi possível executar a operação',
      description: 'Ocorreu um erro ao validar os dados recebidos.',
      fields: [
        {
          code: 1,
          msg: 'O campo idsProdutos é obrigatório',
          element: 'idsProdutos',
          namespace: 'ESTOQUE',
        },
      ],
    },
  });
  const ids = [one, two, three].map((product) => `idsProdutos[]=${product!.id}`);
  assert.equal((await call('GET', `/estoques/saldos?${ids.join('&')}`)).status, 400);
  assert.equal((await call('GET', `/estoques/saldos?${ids.slice(1).join('&')}`)).status, 200);
});

test('products that are not there are left out of the balances; codigos[] narrows them', async (t) => {
  const { control, call } = await bench(t);
  const [one, two] = control.seed({ count: 2 });
  const ids = `idsProdutos[]=${one!.id}&idsProdutos[]=${two!.id}&idsProdutos[]=77`;
  const all = await call('GET', `/estoques/saldos?${ids}`);
  assert.equal((all.body as { data: unknown[] }).data.length, 2);
  const narrowed = await call('GET', `/estoques/saldos?${ids}&codigos[]=SKU-0002`);
  const { data } = narrowed.body as { data: { produto: { id: number } }[] };
  assert.deepEqual(
    data.map(({ produto }) => produto.id),
    [two!.id],
  );
});

test('B sets a balance, E adds, S subtracts: fractions and below zero too', async (t) => {
  const { control, call, depositId } = await bench(t);
  const [shirt] = control.seed({ count: 1, stock: 0 });
  const post = async (operacao: string, quantidade: number) =>
    call('POST', '/estoques', {
      produto: { id: shirt!.id },
      deposito: { id: depositId },
      operacao,
      quantidade,
      observacoes: 'RSV:1',
    });
  const first = await post('B', 3.3);
  assert.equal(first.status, 201);
  await post('E', 0.3);
  await post('S', 10);
  assert.equal(control.balances()[0]!.physical, -6.4);
  const moves = control.movements().filter(({ source }) => source === 'api');
  assert.deepEqual(first.body, { data: { id: moves[0]!.id } });
  assert.deepEqual(
    moves.map(({ operation, before, after, notes }) => [operation, before, after, notes]),
    [
      ['B', 0, 3.3, 'RSV:1'],
      ['E', 3.3, 3.6, 'RSV:1'],
      ['S', 3.6, -6.4, 'RSV:1'],
    ],
  );
});

test('S below zero is refused when the switch says so', async (t) => {
  const { control, call, depositId } = await bench(t, { switches: { belowZero: false } });
  const [shirt] = control.seed({ count: 1, stock: 2 });
  const body = { produto: { id: shirt!.id }, deposito: { id: depositId }, operacao: 'S' };
  const refused = await call('POST', '/estoques', { ...body, quantidade: 3 });
  assert.equal(refused.status, 400);
  assert.equal((await call('POST', '/estoques', { ...body, quantidade: 2 })).status, 201);
  assert.equal(control.balances()[0]!.physical, 0);
});

test('a movement names every field that is missing or wrong', async (t) => {
  const { control, call, depositId } = await bench(t);
  const nothing = await call('POST', '/estoques', {});
  assert.deepEqual(nothing.body, {
    error: {
      type: 'MISSING_REQUIRED_FIELD_ERROR',
      message: 'Não foi possível executar a operação',
      description: 'Nenhum dado foi informado na requisição.',
    },
  });
  const wrong = await call('POST', '/estoques', { operacao: 'X' });
  const { fields } = (wrong.body as { error: { fields: { element: string }[] } }).error;
  assert.deepEqual(
    fields.map(({ element }) => element),
    ['produto', 'deposito', 'quantidade', 'operacao'],
  );
  const [parent] = control.seed({
    products: [{ sku: 'P', variations: [{ sku: 'P-G', variation: 'Tamanho:G', stock: 1 }] }],
  });
  const onParent = await call('POST', '/estoques', {
    produto: { id: parent!.id },
    deposito: { id: depositId },
    operacao: 'S',
    quantidade: 1,
  });
  assert.equal(onParent.status, 400);
});

test('deposits are listed; one that does not count stays out of the totals', async (t) => {
  const { control, call, depositId } = await bench(t);
  const second = control.addDeposit({ name: 'Avarias', ignored: true });
  const [shirt] = control.seed({ count: 1, stock: 5 });
  control.outsideMovement({ sku: 'SKU-0001', quantity: 9, operation: 'E', depositId: second });
  assert.deepEqual((await call('GET', '/depositos')).body, {
    data: [
      { id: depositId, descricao: 'Geral', situacao: 1, padrao: true, desconsiderarSaldo: false },
      { id: second, descricao: 'Avarias', situacao: 1, padrao: false, desconsiderarSaldo: true },
    ],
  });
  const answer = await call('GET', `/estoques/saldos?idsProdutos[]=${shirt!.id}`);
  const [{ saldoFisicoTotal, depositos }] = (
    answer.body as { data: [{ saldoFisicoTotal: number; depositos: unknown[] }] }
  ).data;
  assert.equal(saldoFisicoTotal, 5);
  assert.equal(depositos.length, 2);
});

test('the deposits can be left out of an answer, and balances can be old', async (t) => {
  const { control, call } = await bench(t, {
    switches: { omitDeposits: true, balanceLagMs: 5_000 },
  });
  const [shirt] = control.seed({ count: 1, stock: 5 });
  control.outsideMovement({ sku: 'SKU-0001', quantity: 2 });
  const read = async () => {
    const answer = await call('GET', `/estoques/saldos?idsProdutos[]=${shirt!.id}`);
    return (answer.body as { data: [{ saldoFisicoTotal: number; depositos?: unknown }] }).data[0];
  };
  const early = await read();
  assert.equal(early.saldoFisicoTotal, 5);
  assert.equal('depositos' in early, false);
  await control.advance(5_000);
  assert.equal((await read()).saldoFisicoTotal, 3);
});
