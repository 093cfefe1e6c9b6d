import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { SimulatorOptions } from './server.ts';
import { bench, orderOf, type Lifetime } from './testing.ts';
import { signatureOf } from './webhooks.ts';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly envelope: {
    readonly eventId: string;
    readonly date: string;
    readonly version: string;
    readonly event: string;
    readonly companyId: string;
    readonly data: Record<string, unknown>;
  };
}

const SECRET = 'client-secret-test';

/** A simulator whose webhooks go to a receiver, which answers with the status it is told. */
async function listening(t: Lifetime, switches: SimulatorOptions['switches'] = {}) {
  const received: Received[] = [];
  const answer: { status: number | null } = { status: 200 };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const envelope = JSON.parse(body) as Received['envelope'];
      received.push({ headers: request.headers, body, envelope });
      // Without a status it never answers.
      if (answer.status !== null) response.writeHead(answer.status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const webhookUrl = `http://127.0.0.1:${port}/webhooks/bling`;
  const client = { id: 'client-id-test', secret: SECRET };
  const bling = await bench(t, { client, switches: { webhookUrl, ...switches } });
  const [shirt] = bling.control.seed({ products: [{ sku: 'SKU-1', stock: 10 }] });
  const sale = (quantity = 1) => bling.control.outsideMovement({ sku: 'SKU-1', quantity });
  return { ...bling, shirt: shirt!, received, answer, sale };
}

const DAY = 86_400_000;

test('the signature is the HMAC of the body, as in the known vector', () => {
  const body =
    '{"eventId":"01945027-150e-72b4-e7cf-4943a042cd9c","date":"2025-01-10T12:18:46Z","version":"v1",' +
    '"event":"stock.updated","companyId":"d4475854366a36c86a37e792f9634a51","data":{"produto":{"id":12345678},' +
    '"deposito":{"id":12345678,"saldoFisico":10,"saldoVirtual":8},"operacao":"S","quantidade":2,' +
    '"saldoFisicoTotal":10,"saldoVirtualTotal":8}}';
  assert.equal(
    signatureOf(body, SECRET),
    'sha256=8b8aa87f5441acfa7373867b8019af6be209e97a25d320a6244b5e3336435873',
  );
});

test('a movement of others is told as a stock event, signed over the bytes sent', async (t) => {
  const { control, received, sale, shirt, depositId } = await listening(t);
  sale(3);
  await control.advance(0);
  assert.equal(received.length, 1);
  const { headers, body, envelope } = received[0]!;
  assert.equal(headers['x-bling-signature-256'], signatureOf(body, SECRET));
  assert.equal(headers['user-agent'], 'bling-webhook');
  assert.match(envelope.eventId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.match(envelope.companyId, /^[0-9a-f]{32}$/);
  assert.deepEqual(Object.keys(envelope), [
    'eventId',
    'date',
    'version',
    'event',
    'companyId',
    'data',
  ]);
  assert.equal(envelope.date, '2026-11-22T12:00:00Z');
  assert.equal(envelope.version, 'v1');
  assert.equal(envelope.event, 'stock.created');
  assert.deepEqual(envelope.data, {
    produto: { id: shirt.id },
    deposito: { id: depositId, saldoFisico: 7, saldoVirtual: 7 },
    operacao: 'S',
    quantidade: 3,
    saldoFisicoTotal: 7,
    saldoVirtualTotal: 7,
  });
});

test('an order tells itself and what it reserves; its launch is a posting, taken back a deletion', async (t) => {
  const { control, received, call, shirt, depositId } = await listening(t);
  const { body } = await call('GET', '/contatos/consumidor-final');
  const contactId = (body as { data: { id: number } }).data.id;
  const made = await call('POST', '/pedidos/vendas', orderOf([shirt.id], contactId));
  const { id } = (made.body as { data: { id: number } }).data;
  await call('POST', `/pedidos/vendas/${id}/lancar-estoque`);
  await call('POST', `/pedidos/vendas/${id}/estornar-estoque`);
  await control.advance(0);
  const told = received.map(({ envelope }) => envelope);
  assert.deepEqual(
    told.map(({ event }) => event),
    [
      'order.created',
      'virtual_stock.updated',
      'stock.created',
      'stock.deleted',
      'virtual_stock.updated',
    ],
  );
  assert.deepEqual(told[0]!.data, {
    id,
    data: '2026-11-22',
    numero: 1,
    numeroLoja: 'SHOPIFY-1',
    total: 99.9,
    contato: { id: contactId },
    vendedor: { id: 0 },
    loja: { id: 42 },
    situacao: { id: 6, valor: 0 },
  });
  assert.deepEqual(told[1]!.data, {
    produto: { id: shirt.id },
    saldoFisicoTotal: 10,
    saldoVirtualTotal: 9,
    vinculoComplexo: false,
    depositos: [{ id: depositId, saldoFisico: 10, saldoVirtual: 9 }],
  });
  assert.deepEqual(told[2]!.data['deposito'], { id: depositId, saldoFisico: 9, saldoVirtual: 9 });
  assert.equal('operacao' in told[3]!.data, false);
});

test('our own writes come back as an echo, unless the switch says not', async (t) => {
  const { control, received, call, shirt, depositId } = await listening(t);
  const write = () =>
    call('POST', '/estoques', {
      produto: { id: shirt.id },
      deposito: { id: depositId },
      operacao: 'S',
      quantidade: 1,
    });
  await write();
  await control.advance(0);
  assert.equal(received.length, 1);
  control.setSwitches({ webhookEcho: false });
  await write();
  await control.advance(0);
  assert.equal(received.length, 1);
});

test('only what is subscribed to is sent; virtual_stock goes with stock', async (t) => {
  const { control, received, sale } = await listening(t, { webhookResources: ['order'] });
  sale();
  control.outsideSale({ sku: 'SKU-1', quantity: 1 });
  await control.advance(0);
  assert.deepEqual(
    received.map(({ envelope }) => envelope.event),
    ['order.created'],
  );
});

test('duplicates carry the same eventId and the same bytes', async (t) => {
  const { control, received, sale } = await listening(t, { webhookDuplicates: 1 });
  sale();
  await control.advance(0);
  assert.equal(received.length, 2);
  assert.equal(received[0]!.body, received[1]!.body);
});

test('deliveries can be late, out of order, and lost', async (t) => {
  const { control, received, sale } = await listening(t, {
    webhookDelayMs: 1_000,
    webhookShuffleMs: 60_000,
  });
  for (let i = 0; i < 9; i++) sale();
  await control.advance(999);
  assert.equal(received.length, 0);
  await control.advance(60_001);
  const balances = received.map(({ envelope }) => envelope.data['saldoFisicoTotal'] as number);
  assert.equal(balances.length, 9);
  assert.notDeepEqual(
    balances,
    balances.toSorted((a, b) => b - a),
  );
  control.setSwitches({ webhookLoss: 1 });
  sale();
  await control.advance(120_000);
  assert.equal(received.length, 9);
  assert.equal(control.state().webhooks.dropped, 1);
});

test('what is not answered with 2xx is sent again, after growing gaps, unchanged', async (t) => {
  const { control, received, answer, sale } = await listening(t);
  answer.status = 503;
  sale();
  await control.advance(0);
  sale();
  await control.advance(10 * 60_000);
  answer.status = 204;
  await control.advance(20 * 60_000);
  const [first] = control.deliveries();
  const start = first!.attempts[0]!.at;
  assert.deepEqual(
    first!.attempts.map(({ at, status }) => [(at - start) / 60_000, status]),
    [
      [0, 503],
      [1, 503],
      [3, 503],
      [7, 503],
      [15, 204],
    ],
  );
  assert.equal(first!.state, 'delivered');
  const bodies = received.filter(({ envelope }) => envelope.eventId === first!.eventId);
  assert.equal(new Set(bodies.map(({ body }) => body)).size, 1);
});

test('who does not answer in time counts as down', async (t) => {
  const { control, answer, sale } = await listening(t, { webhookTimeoutMs: 50 });
  answer.status = null;
  sale();
  await control.advance(0);
  assert.equal(control.deliveries()[0]!.attempts[0]!.status, null);
  assert.equal(control.deliveries()[0]!.state, 'waiting');
});

test('after three bad days the resource is off, until somebody switches it on', async (t) => {
  const { control, received, answer, sale } = await listening(t);
  answer.status = 500;
  sale();
  await control.advance(3 * DAY - 1);
  assert.deepEqual(control.state().webhooks.disabled, []);
  await control.advance(1);
  assert.deepEqual(control.state().webhooks.disabled, ['stock']);
  answer.status = 200;
  const before = received.length;
  sale();
  control.outsideSale({ sku: 'SKU-1', quantity: 1 });
  await control.advance(DAY);
  assert.deepEqual(
    received.slice(before).map(({ envelope }) => envelope.event),
    ['order.created'],
  );
  control.enableWebhook('stock');
  sale();
  await control.advance(0);
  assert.equal(received.at(-1)!.envelope.event, 'stock.created');
});

test('a kit is told of when its parts move; more than 200 links are told of as one', async (t) => {
  const { control, received, sale, shirt } = await listening(t);
  const kits = (count: number, from: number) =>
    Array.from({ length: count }, (_each, index) => ({
      sku: `KIT-${from + index}`,
      components: [{ sku: 'SKU-1', quantity: 1 }],
    }));
  const virtual = () =>
    received.map(({ envelope }) => envelope).filter(({ event }) => event.startsWith('virtual'));
  const [kit] = control.seed({ products: kits(1, 0) });
  sale();
  await control.advance(0);
  assert.deepEqual(
    virtual().map(({ data }) => [
      data['produto'],
      data['saldoFisicoTotal'],
      data['vinculoComplexo'],
    ]),
    [[{ id: kit!.id }, 9, false]],
  );
  control.seed({ products: kits(200, 1) });
  sale();
  await control.advance(0);
  const last = virtual().slice(1);
  assert.deepEqual(
    last.map(({ data }) => [data['produto'], data['vinculoComplexo']]),
    [[{ id: shirt.id }, true]],
  );
});

test('products tell of changes and deletions; any event can be fired by hand', async (t) => {
  const { control, received, shirt } = await listening(t);
  control.changeProduct({ sku: 'SKU-1', newSku: 'SKU-9' });
  control.changeProduct({ sku: 'SKU-9', situation: 'E' });
  control.fireWebhook({ event: 'stock.updated', data: { produto: { id: 1 } }, eventId: 'e-1' });
  await control.advance(0);
  const told = received.map(({ envelope }) => envelope);
  assert.deepEqual(
    told.map(({ event }) => event),
    ['product.updated', 'product.deleted', 'stock.updated'],
  );
  assert.equal(told[0]!.data['codigo'], 'SKU-9');
  assert.deepEqual(told[1]!.data, { id: shirt.id });
  assert.deepEqual([told[2]!.eventId, told[2]!.data], ['e-1', { produto: { id: 1 } }]);
});
