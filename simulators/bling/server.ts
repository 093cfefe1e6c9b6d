/** The simulated Bling as a real HTTP server, in a process of its own or in a test's. */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { AddressInfo } from 'node:net';
import { openAccount, type Account } from './account/account.ts';
import { notFound, page, type Answer } from './answers.ts';
import { authorizePage } from './authorize-page.ts';
import { Call, type Route } from './call.ts';
import { CallLog } from './call-log.ts';
import { SimulatedClock } from './clock.ts';
import { conduct, type Outcome } from './conduct.ts';
import { Control } from './control/control.ts';
import { fromWire, toWire } from './control/casing.ts';
import { CONTROL_ROUTES, manual, manualText } from './control/routes.ts';
import { Faults } from './faults.ts';
import { Limits } from './limits.ts';
import { OAuth, type Client } from './oauth.ts';
import { Random } from './random.ts';
import { ORDER_ROUTES } from './routes/orders.ts';
import { PRODUCT_ROUTES } from './routes/products.ts';
import { REGISTER_ROUTES } from './routes/registers.ts';
import { STOCK_ROUTES } from './routes/stock.ts';
import { TOKEN_ROUTES } from './routes/tokens.ts';
import { defaultSwitches, type Switches } from './switches.ts';
import { Webhooks } from './webhooks.ts';
import type { World } from './world.ts';

export interface SimulatorOptions {
  /** 127.0.0.1 unless said. */
  readonly host?: string;
  /** Any free one unless said. */
  readonly port?: number;
  /** Same seed, same calls: same answers. */
  readonly seed?: number;
  /** What its clock starts at, in milliseconds since 1970; now unless said. */
  readonly startAt?: number;
  /** Simulated milliseconds per real one; 0: only `control.advance` moves it. */
  readonly speed?: number;
  readonly client?: Client;
  readonly switches?: Partial<Switches>;
}

export interface BlingSimulator {
  /** Without a slash at its end. */
  readonly url: string;
  /** For HOLDFAST_BLING_API_URL and HOLDFAST_BLING_OAUTH_URL: they are one here. */
  readonly apiUrl: string;
  readonly client: Client;
  readonly depositId: number;
  readonly control: Control;
  stop(): Promise<void>;
}

const BASE = '/Api/v3';
const ROUTES: readonly Route[] = [
  ...TOKEN_ROUTES,
  ...PRODUCT_ROUTES,
  ...STOCK_ROUTES,
  ...ORDER_ROUTES,
  ...REGISTER_ROUTES,
];
const UNKNOWN: Route = {
  method: 'GET',
  path: '(unknown)',
  access: { scope: null },
  handle: () => notFound(),
};
/** Between the first half of an answer and the reset: else the reset overtakes it. */
const HALF_ANSWER_MS = 20;

export async function startBlingSimulator(options: SimulatorOptions = {}): Promise<BlingSimulator> {
  const world = openWorld(options);
  const control = new Control(world);
  control.setSwitches(options.switches ?? {});
  const app = Fastify({ forceCloseConnections: true, bodyLimit: 16 * 1024 * 1024 });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  serveApi(app, world);
  serveControl(app, control);
  await app.listen({ host: options.host ?? '127.0.0.1', port: options.port ?? 0 });
  const { address, port } = app.server.address() as AddressInfo;
  const url = `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
  return {
    url,
    apiUrl: `${url}${BASE}`,
    client: world.oauth.client,
    depositId: world.account.deposit.id,
    control,
    stop: async () => {
      world.clock.stop();
      world.webhooks.stop();
      await app.close();
    },
  };
}

function openWorld({ seed = 1, startAt = Date.now(), speed = 1, client }: SimulatorOptions): World {
  const switches = defaultSwitches();
  const clock = new SimulatedClock(startAt, speed);
  const random = new Random(seed);
  const known = client ?? { id: random.hex(40), secret: random.hex(60) };
  const webhooks = new Webhooks({
    clock,
    random: new Random(seed + 2),
    switches,
    clientSecret: known.secret,
  });
  const account: Account = openAccount(clock, switches, (event) => webhooks.tell(account, event));
  return {
    clock,
    random,
    switches,
    account,
    oauth: new OAuth(known, clock, switches, random),
    limits: new Limits(clock, switches),
    faults: new Faults(new Random(seed + 1)),
    webhooks,
    log: new CallLog(),
  };
}

function serveApi(app: FastifyInstance, world: World): void {
  app.get(`${BASE}/oauth/authorize`, (request, reply) => {
    const answer = authorizePage(world, queryOf(request));
    return sendWhole(reply, answer);
  });
  for (const route of ROUTES) {
    app.route({
      method: route.method,
      url: `${BASE}${route.path}`,
      handler: (request, reply) => answerCall(world, route, request, reply),
    });
  }
  app.setNotFoundHandler((request, reply) =>
    request.url.startsWith(`${BASE}/`)
      ? answerCall(world, UNKNOWN, request, reply)
      : sendWhole(reply, page(404, 'Not Found')),
  );
}

async function answerCall(
  world: World,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const call = new Call({
    method: request.method,
    path: (request.url.split('?')[0] ?? '').slice(BASE.length),
    query: queryOf(request),
    text: textOf(request),
    ip: request.ip,
    authorization: request.headers.authorization,
    jwt: request.headers['enable-jwt'] === '1',
    params: request.params as Record<string, string>,
  });
  const logged = world.log.begin({
    at: world.clock.now(),
    method: call.method,
    path: call.path,
    route: route.path,
    query: queryOf(request),
    // Tokens and secrets are nobody's to read again.
    body: route.access === 'token' ? '' : call.text,
  });
  const outcome = await conduct(world, route, call);
  logged.fault = outcome.fault;
  const { status } = outcome.answer;
  if (status >= 400) world.limits.countError(call.ip);
  world.log.end(logged, outcome.ending === 'reset' ? null : status, outcome.ending);
  return send(reply, outcome);
}

function send(reply: FastifyReply, { ending, answer }: Outcome): unknown {
  if (ending === 'whole') return sendWhole(reply, answer);
  reply.hijack();
  const { raw } = reply;
  const reset = (): void => {
    raw.socket?.resetAndDestroy();
  };
  const text = textToSend(answer);
  if (ending === 'reset' || text === undefined) {
    reset();
    return reply;
  }
  raw.writeHead(answer.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  raw.write(text.slice(0, Math.floor(text.length / 2)), () => setTimeout(reset, HALF_ANSWER_MS));
  return reply;
}

function sendWhole(reply: FastifyReply, answer: Answer): FastifyReply {
  reply.code(answer.status).headers(answer.headers ?? {});
  if (reply.getHeader('content-type') === undefined && answer.body !== undefined) {
    reply.header('content-type', 'application/json; charset=utf-8');
  }
  return reply.send(textToSend(answer));
}

function textToSend({ body }: Answer): string | undefined {
  return body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
}

function serveControl(app: FastifyInstance, control: Control): void {
  app.get('/__control', (request, reply) =>
    (request.headers.accept ?? '').includes('json')
      ? reply.send(manual())
      : reply.type('text/plain; charset=utf-8').send(manualText()),
  );
  for (const { method, path, run } of CONTROL_ROUTES) {
    app.route({
      method,
      url: `/__control${path}`,
      handler: async (request, reply) => {
        try {
          const text = textOf(request);
          const body = text === '' ? {} : fromWire(JSON.parse(text));
          const answer = await run(control, body, new URLSearchParams(queryOf(request)));
          return await reply.send(toWire(answer));
        } catch (error) {
          if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
          return await reply.code(400).send({ error: error.message });
        }
      },
    });
  }
}

function queryOf(request: FastifyRequest): string {
  return request.url.split('?').slice(1).join('?');
}

function textOf({ body }: FastifyRequest): string {
  return typeof body === 'string' ? body : '';
}
