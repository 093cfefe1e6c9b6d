import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench } from './testing.ts';

interface Item {
  readonly id: number;
  readonly codigo: string;
}

test('the list shows what criterio and tipo ask for; without criterio old products are missing', async (t) => {
  const { control, call } = await bench(t);
  control.seed({
    products: [
      { sku: 'OLD', stock: 1 },
      { sku: 'NEW', stock: 1, ageDays: 2 },
      { sku: 'OFF', stock: 1, situation: 'I' },
      { sku: 'GONE', stock: 1, situation: 'E' },
      { sku: 'P', variations: [{ sku: 'P-G', variation: 'Tamanho:G', stock: 3 }] },
      { sku: 'KIT', components: [{ sku: 'OLD', quantity: 1 }] },
    ],
  });
  const list = async (query: string) => {
    const { body } = await call('GET', `/produtos?${query}`);
    return (body as { data: Item[] }).data.map(({ codigo }) => codigo);
  };
  assert.deepEqual(await list(''), ['NEW']);
  assert.deepEqual(await list('criterio=2'), ['OLD', 'NEW', 'P', 'P-G', 'KIT']);
  assert.deepEqual(await list('criterio=3'), ['OFF']);
  assert.deepEqual(await list('criterio=4'), ['GONE']);
  assert.equal((await list('criterio=5&tipo=T')).length, 7);
  assert.deepEqual(await list('criterio=5&tipo=C'), ['P']);
  assert.deepEqual(await list('criterio=5&tipo=V'), ['P-G']);
  assert.deepEqual(await list('criterio=5&tipo=E'), ['KIT']);
  assert.deepEqual(await list('criterio=2&tipo=PS'), ['OLD', 'NEW']);
  assert.deepEqual(await list('criterio=5&tipo=S'), []);
});

test('codigos[] finds exactly; a filter of another name is ignored', async (t) => {
  const { control, call } = await bench(t);
  control.seed({ count: 30 });
  const count = async (query: string) => {
    const { body } = await call('GET', `/produtos?criterio=5&tipo=T&${query}`);
    return (body as { data: Item[] }).data.length;
  };
  assert.equal(await count('codigos[]=SKU-0001&codigos[]=SKU-0007'), 2);
  assert.equal(await count('codigos[]=SKU-000'), 0);
  assert.equal(await count('codigo=SKU-0001'), 30);
  assert.equal(await count('codigos=SKU-0001'), 30);
  assert.equal(await count('nome=produto%20sku-0001'), 1);
});

test('an item, and the detail with variations and the parts of a kit', async (t) => {
  const { control, call } = await bench(t);
  const [parent, child] = control.seed({
    products: [
      {
        sku: 'P',
        name: 'Camisa',
        price: 50,
        variations: [{ sku: 'P-G', variation: 'Tamanho:G', stock: 3 }],
      },
    ],
  });
  const [kit] = control.seed({
    products: [{ sku: 'KIT', components: [{ sku: 'P-G', quantity: 2 }], kitLaunches: 'A' }],
  });
  const listed = await call('GET', `/produtos?criterio=5&idsProdutos[]=${child!.id}`);
  const item = {
    id: child!.id,
    idProdutoPai: parent!.id,
    nome: 'Camisa Tamanho:G',
    codigo: 'P-G',
    preco: 50,
    precoCusto: 25,
    estoque: { saldoVirtualTotal: 3 },
    tipo: 'P',
    situacao: 'A',
    formato: 'S',
    descricaoCurta: '',
    imagemURL: '',
  };
  assert.deepEqual((listed.body as { data: unknown[] }).data, [item]);
  for (const path of [`/produtos/${parent!.id}`, `/produtos/variacoes/${parent!.id}`]) {
    const { data } = (await call('GET', path)).body as { data: Record<string, unknown> };
    assert.equal(data['formato'], 'V');
    assert.deepEqual(data['variacoes'], [
      {
        ...item,
        variacao: {
          nome: 'Tamanho:G',
          ordem: 1,
          produtoPai: { id: parent!.id, cloneInfo: true },
        },
        variacoes: [],
      },
    ]);
  }
  const parts = (await call('GET', `/produtos/${kit!.id}`)).body as {
    data: Record<string, unknown>;
  };
  assert.equal(parts.data['formato'], 'E');
  assert.deepEqual(parts.data['estrutura'], {
    tipoEstoque: 'V',
    lancamentoEstoque: 'A',
    componentes: [{ produto: { id: child!.id }, quantidade: 2 }],
  });
});

test('what is not there is 404, with the exact body: a product, an order, an endpoint', async (t) => {
  const { call } = await bench(t);
  for (const path of ['/produtos/1', '/produtos/x', '/pedidos/vendas/1', '/nothing']) {
    const answer = await call('GET', path);
    assert.equal(answer.status, 404, path);
    assert.deepEqual(
      answer.body,
      {
        error: {
          type: 'RESOURCE_NOT_FOUND',
          message: 'Recurso não encontrado',
          description:
            'O recurso requisitado não foi encontrado. Verifique se o endpoint solicitado está correto.',
        },
      },
      path,
    );
  }
});

test('contacts are found by their document, made when missing, and one is for anybody', async (t) => {
  const { call } = await bench(t);
  const find = async () => {
    const { body } = await call('GET', '/contatos?numeroDocumento=123.456.789-09');
    return (body as { data: Record<string, unknown>[] }).data;
  };
  assert.deepEqual(await find(), []);
  const made = await call('POST', '/contatos', {
    nome: 'Ana',
    tipo: 'F',
    numeroDocumento: '12345678909',
  });
  assert.equal(made.status, 201);
  const { id } = (made.body as { data: { id: number } }).data;
  const ana = {
    id,
    nome: 'Ana',
    codigo: '',
    situacao: 'A',
    numeroDocumento: '12345678909',
    tipo: 'F',
  };
  assert.deepEqual(await find(), [ana]);
  assert.deepEqual((await call('GET', `/contatos/${id}`)).body, { data: ana });
  assert.equal((await call('POST', '/contatos', { tipo: 'F' })).status, 400);
});

test('situations are found over their module; forms of payment are listed', async (t) => {
  const { call } = await bench(t);
  const modules = (await call('GET', '/situacoes/modulos')).body as { data: Item[] };
  const found = await call('GET', `/situacoes/modulos/${modules.data[0]!.id}`);
  const { data } = found.body as { data: { id: number; nome: string }[] };
  assert.deepEqual(
    data.map(({ id, nome }) => [id, nome]),
    [
      [6, 'Em aberto'],
      [9, 'Atendido'],
      [12, 'Cancelado'],
      [15, 'Em andamento'],
    ],
  );
  assert.equal((await call('GET', '/situacoes/modulos/1')).status, 404);
  const forms = (await call('GET', '/formas-pagamentos')).body as { data: Item[] };
  assert.equal(forms.data.length, 3);
});
