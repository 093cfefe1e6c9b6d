import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, holdfast, serve, tempFolder } from './support.ts';

const CUSTOMER = 'maria@example.com';

test('serve greets, sells, and stops well; the next start has everything', async (t) => {
  const cwd = tempFolder(t);
  const first = await serve(t, cwd);
  assert.match(first.stderr, /store +embedded, durable, in .*data: no stock yet/);
  assert.match(first.stderr, /open, to this machine only/);
  assert.match(first.stderr, /curl -X PUT http:\S+\/stock\/SKU-001 /);
  assert.equal((await call(first, 'PUT', '/stock/HAT', { on_hand: 2 })).status, 201);
  const cart = { lines: [{ sku: 'HAT', quantity: 1 }], customer_id: CUSTOMER };
  const reserved = await call(first, 'POST', '/reservations', cart);
  assert.equal(reserved.status, 201);
  const ended = await first.stop();
  assert.equal(ended.code, 0);
  assert.match(ended.stderr, /SIGTERM: answering what is in flight, then stopping/);

  const second = await serve(t, cwd);
  assert.match(second.stderr, /1 SKU$/m);
  assert.match(second.stderr, /curl -X POST http:\S+\/stock\/HAT\/reserve/);
  const level = await call(second, 'GET', '/stock/HAT');
  assert.equal(level.body['available'], 1);
  assert.equal((await second.stop()).code, 0);
});

test('the log is JSON lines on stdout, and names no customer', async (t) => {
  const service = await serve(t, tempFolder(t), {}, ['--store', 'memory']);
  assert.match(service.stderr, /Not for production: the memory store forgets everything/);
  await call(service, 'PUT', '/stock/HAT', { on_hand: 1 });
  const cart = { lines: [{ sku: 'HAT', quantity: 1 }], customer_id: CUSTOMER };
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const id = { 'x-request-id': 'my-request-1', traceparent: `00-${trace}-00f067aa0ba902b7-01` };
  const reserved = await call(service, 'POST', '/reservations', cart, id);
  await call(service, 'POST', '/reservations', cart);
  const { stdout, stderr } = await service.stop();
  const lines = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const actions = lines.map(
    (line) => `${String(line['event.action'])} ${String(line['event.outcome'])}`,
  );
  assert.deepEqual(
    actions.filter((action) => action.startsWith('reserve')),
    ['reserve success', 'reserve failure'],
  );
  for (const line of lines) {
    assert.match(String(line['@timestamp']), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.equal(line['service.name'], 'holdfast');
    assert.ok(line['log.level'] !== undefined && line['ecs.version'] !== undefined);
  }
  const granted = lines.find((line) => line['event.action'] === 'reserve');
  assert.equal(granted?.['holdfast.reservation.id'], reserved.body['reservation_id']);
  assert.equal(granted?.['http.request.id'], 'my-request-1');
  assert.equal(granted['trace.id'], trace);
  assert.ok(!stdout.includes(CUSTOMER) && !stderr.includes(CUSTOMER));
  assert.doesNotMatch(stdout, /127\.0\.0\.1(?!:)/);
});

test('HOLDFAST_LOG_FILE takes the log elsewhere', async (t) => {
  const cwd = tempFolder(t);
  const service = await serve(t, cwd, { HOLDFAST_LOG_FILE: 'logs/holdfast.log' });
  const { code, stdout } = await service.stop();
  assert.equal(code, 0);
  assert.equal(stdout, '');
  assert.ok(existsSync(join(cwd, 'logs', 'holdfast.log')));
  const nowhere = { HOLDFAST_LOG_FILE: 'logs/holdfast.log/x' };
  const refused = await holdfast(['serve', '--port', '0'], { cwd, settings: nowhere });
  assert.equal(refused.code, 78);
  assert.match(refused.stderr, /^holdfast: the log \(HOLDFAST_LOG_FILE\) cannot be written: .*\n$/);
});

test(
  'places where nothing can be written are refused in one line',
  { skip: !existsSync('/proc') },
  async (t) => {
    const cwd = tempFolder(t);
    const places = [
      [
        { HOLDFAST_DATA_DIR: '/proc/holdfast/data' },
        /^holdfast: the data folder .* cannot be used: the folder .*\n$/,
      ],
      [
        { HOLDFAST_LOG_FILE: '/proc/holdfast' },
        /^holdfast: the log \(HOLDFAST_LOG_FILE\) cannot be .*\n$/,
      ],
      [{ HOLDFAST_LOG_FILE: '/proc/holdfast/logs/x' }, /^holdfast: the log .* the folder .*\n$/],
    ] as const;
    for (const [settings, words] of places) {
      const refused = await holdfast(['serve', '--port', '0'], { cwd, settings });
      assert.equal(refused.code, 78);
      assert.match(refused.stderr, words);
    }
  },
);

test('a port in use and a data folder in use are one clear line each', async (t) => {
  const cwd = tempFolder(t);
  const service = await serve(t, cwd);
  const port = new URL(service.url).port;
  const [samePort, sameData] = await Promise.all([
    holdfast(['serve', '--port', port, '--data-dir', 'other'], { cwd }),
    holdfast(['serve', '--port', '0'], { cwd }),
  ]);
  assert.equal(samePort.code, 2);
  assert.match(samePort.stderr, new RegExp(`^holdfast: port ${port} of 127.0.0.1 is in use.*\\n$`));
  assert.equal(sameData.code, 2);
  assert.match(sameData.stderr, /^holdfast: the data in .* is in use.*\n$/);
});

test('without keys no other machine is served; with one, calls need it', async (t) => {
  const cwd = tempFolder(t);
  const settings = { HOLDFAST_HOST: '0.0.0.0' };
  const open = await holdfast(['serve', '--port', '0'], { cwd, settings });
  assert.equal(open.code, 78);
  assert.match(open.stderr, /lets other machines in, and there is no API key/);
  assert.match(open.stderr, /holdfast keys create/);
  const required = await holdfast(['serve', '--port', '0'], {
    cwd,
    settings: { HOLDFAST_REQUIRE_KEYS: 'true' },
  });
  assert.equal(required.code, 78);

  const created = await holdfast(['keys', 'create', '--name', 'me', '--scopes', 'admin'], { cwd });
  assert.equal(created.code, 0);
  const key = created.stdout.trim();
  const service = await serve(t, cwd, settings);
  assert.match(service.stderr, /access +by API key/);
  assert.equal((await call(service, 'GET', '/stock')).status, 401);
  const bearer = { authorization: `Bearer ${key}` };
  assert.equal((await call(service, 'GET', '/stock', undefined, bearer)).status, 200);
});

test('keys are made, listed and revoked while the service runs', async (t) => {
  const cwd = tempFolder(t);
  const service = await serve(t, cwd);
  assert.equal((await call(service, 'GET', '/stock')).status, 200);
  const created = await holdfast(
    ['keys', 'create', '--name', 'the shop', '--scopes', 'orders,storefront', '--json'],
    { cwd },
  );
  const { id, key, scopes } = JSON.parse(created.stdout) as Record<string, string>;
  assert.deepEqual(scopes, ['storefront', 'orders']);
  const bearer = { authorization: `Bearer ${key ?? ''}` };
  const statusWithKey = async (): Promise<number> =>
    (await call(service, 'GET', '/stock/NONE', undefined, bearer)).status;
  await until(async () => (await call(service, 'GET', '/stock/NONE')).status === 401);
  assert.equal(await statusWithKey(), 404);
  const list = await holdfast(['keys', 'list'], { cwd });
  assert.match(list.stdout, new RegExp(`${id ?? ''} +storefront,orders +.* the shop`));
  assert.ok(!list.stdout.includes(key ?? ''));
  const revoked = await holdfast(['keys', 'revoke', key ?? ''], { cwd });
  assert.match(revoked.stdout, new RegExp(`Key ${id ?? ''} is revoked`));
  await until(async () => (await statusWithKey()) === 401);
  assert.equal((await call(service, 'GET', '/stock')).status, 401, 'it does not become open');
  assert.equal((await holdfast(['keys', 'revoke', 'nope'], { cwd })).code, 2);
});

test('stopped in the middle of a sale it answers what is in flight, and forgets nothing it granted', async (t) => {
  const cwd = tempFolder(t);
  const service = await serve(t, cwd, { HOLDFAST_LOG_RESERVATIONS: 'none' });
  await call(service, 'PUT', '/stock/HAT', { on_hand: 10_000 });
  let granted = 0;
  let refused = 0;
  const buyer = async (): Promise<void> => {
    for (;;) {
      try {
        const { status } = await call(service, 'POST', '/stock/HAT/reserve');
        if (status === 200) granted += 1;
        else assert.equal(status, 503);
      } catch {
        refused += 1;
        return;
      }
    }
  };
  const buyers = Array.from({ length: 20 }, buyer);
  await until(() => Promise.resolve(granted > 200));
  const ended = await service.stop();
  await Promise.all(buyers);
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(refused, 20);
  const next = await serve(t, cwd);
  const { body } = await call(next, 'GET', '/stock/HAT');
  assert.deepEqual([body['reserved'], body['available']], [granted, 10_000 - granted]);
});

test('asked to stop, it cuts off no caller that keeps its connection', async (t) => {
  const settings = { HOLDFAST_DRAIN_MS: '10000', HOLDFAST_LOG_RESERVATIONS: 'none' };
  const service = await serve(t, tempFolder(t), settings, ['--store', 'memory']);
  await call(service, 'PUT', '/stock/HAT', { on_hand: 1_000_000 });
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const reserve = () => reserveOver(agent, service.url);
  let answered = 0;
  let last = 0;
  const buyer = async (): Promise<void> => {
    for (;;) {
      const { status, closes } = await reserve();
      assert.equal(status, 200);
      answered += 1;
      if (!closes) continue;
      last += 1;
      return;
    }
  };
  const buyers = Array.from({ length: 20 }, buyer);
  await until(() => Promise.resolve(answered > 200));
  service.signal('SIGTERM');
  await Promise.all(buyers);
  assert.equal(last, 20);
  assert.equal((await call(service, 'GET', '/readyz')).status, 503);
  service.signal('SIGTERM');
  assert.equal((await service.ended).code, 130);
});

/** Rejects when the connection breaks. */
function reserveOver(agent: Agent, url: string): Promise<{ status: number; closes: boolean }> {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}/stock/HAT/reserve`, { method: 'POST', agent }, (answer) => {
      const { statusCode = 0, headers } = answer;
      answer.once('end', () =>
        resolve({ status: statusCode, closes: headers.connection === 'close' }),
      );
      answer.once('error', reject).resume();
    });
    asked.once('error', reject).end();
  });
}

test('a second signal does not wait for what is in flight', async (t) => {
  const service = await serve(t, tempFolder(t), {}, ['--store', 'memory']);
  const { hostname, port } = new URL(service.url);
  const socket = connect(Number(port), hostname);
  t.after(() => socket.destroy());
  socket.on('error', () => undefined);
  // A request whose body never ends.
  socket.write(
    'POST /reservations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{',
  );
  await sleep(200);
  service.signal('SIGTERM');
  await until(() => Promise.resolve(service.stderr.includes('then stopping')));
  service.signal('SIGINT');
  assert.equal((await service.ended).code, 130);
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries += 1) {
    assert.ok(tries < 200, 'it never happened');
    await sleep(50);
  }
}
