/** /__control: the same as control.ts over HTTP, and its own manual. */
import Type, { type Static, type TSchema } from 'typebox';
import { FaultSchema, FAULT_KINDS } from '../faults.ts';
import { SwitchesSchema } from '../switches.ts';
import { assertOf } from './check.ts';
import type { Control } from './control.ts';
import {
  ClockSchema,
  DepositSchema,
  EnableSchema,
  OutsideMovementSchema,
  OutsideSaleSchema,
  ProductChangeSchema,
  SeedSchema,
  SpendSchema,
  SwitchChangeSchema,
  WebhookToFireSchema,
} from './schemas.ts';
import { toWire } from './casing.ts';

export interface ControlRoute {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** After /__control. */
  readonly path: string;
  readonly about: string;
  readonly takes: TSchema | null;
  readonly run: (control: Control, body: unknown, query: URLSearchParams) => unknown;
}

function read(
  path: string,
  about: string,
  run: (control: Control, query: URLSearchParams) => unknown,
): ControlRoute {
  return {
    method: 'GET',
    path,
    about,
    takes: null,
    run: (control, _body, query) => run(control, query),
  };
}

function act<S extends TSchema>(
  method: 'POST' | 'PATCH',
  path: string,
  about: string,
  takes: S,
  run: (control: Control, body: Static<S>) => unknown,
): ControlRoute {
  const checked = (control: Control, body: unknown): unknown => {
    assertOf(takes, body);
    return run(control, body);
  };
  return { method, path, about, takes, run: checked };
}

const Nothing = Type.Object({}, { additionalProperties: false });
const done = { done: true };

function clock(control: Control, { speed, advanceMs = 0 }: Static<typeof ClockSchema>) {
  if (speed !== undefined) control.resume(speed);
  return control.advance(advanceMs).then(() => control.state().clock);
}

export const CONTROL_ROUTES: readonly ControlRoute[] = [
  read('/state', 'how it stands: clock, counts, limits, calls by path', (c) => c.state()),
  read('/products', 'the catalogue', (c) => c.products()),
  act('POST', '/products', 'adds products with stock', SeedSchema, (c, seed) => c.seed(seed)),
  act('PATCH', '/products', 'renames, deactivates, reprices', ProductChangeSchema, (c, change) =>
    c.changeProduct(change),
  ),
  act('POST', '/deposits', 'adds a deposit', DepositSchema, (c, deposit) => ({
    id: c.addDeposit(deposit),
  })),
  read('/balances', 'physical and virtual stock, per product and deposit', (c) => c.balances()),
  read('/movements', 'every movement, in its order of arrival', (c) => c.movements()),
  read('/orders', 'every sales order', (c) => c.orders()),
  act(
    'POST',
    '/outside/movement',
    'an NF-e or a person moves stock',
    OutsideMovementSchema,
    (c, m) => c.outsideMovement(m),
  ),
  act('POST', '/outside/sale', 'another shop sells', OutsideSaleSchema, (c, sale) =>
    c.outsideSale(sale),
  ),
  read('/switches', 'all switches', (c) => c.switches()),
  act('PATCH', '/switches', 'changes some', SwitchChangeSchema, (c, change) =>
    c.setSwitches(change),
  ),
  read('/faults', 'the faults on order, and how many calls each befell', (c) => c.faults()),
  act('POST', '/faults', 'orders a fault', FaultSchema, (c, fault) => ({ id: c.addFault(fault) })),
  {
    method: 'DELETE',
    path: '/faults',
    about: 'takes them back: all, or the one of ?id=',
    takes: null,
    run: (control, _body, query) => {
      const id = query.get('id');
      control.removeFaults(id === null ? undefined : Number(id));
      return done;
    },
  },
  act('POST', '/clock', 'speed and advance', ClockSchema, clock),
  read('/calls', 'the latest calls one by one; ?after=seq', (c, query) =>
    c.calls(Number(query.get('after') ?? 0)),
  ),
  {
    method: 'DELETE',
    path: '/calls',
    about: 'forgets the calls so far',
    takes: null,
    run: (control) => {
      control.clearCalls();
      return done;
    },
  },
  act('POST', '/tokens/issue', 'tokens without a browser', Nothing, (c) => c.issueTokens()),
  act('POST', '/tokens/expire', 'every access token so far has expired', Nothing, (c) => {
    c.expireAccessTokens();
    return done;
  }),
  act('POST', '/tokens/revoke', 'the user takes all access back', Nothing, (c) => {
    c.revokeAll();
    return done;
  }),
  act(
    'POST',
    '/limits/spend',
    'others used so many calls of today',
    SpendSchema,
    (c, { calls }) => {
      c.spendToday(calls);
      return done;
    },
  ),
  read('/webhooks', 'the latest deliveries, with their attempts', (c) => c.deliveries()),
  act('POST', '/webhooks/fire', 'sends an event by hand', WebhookToFireSchema, (c, event) => {
    c.fireWebhook(event);
    return done;
  }),
  act('POST', '/webhooks/enable', 'what three bad days switched off', EnableSchema, (c, body) => {
    c.enableWebhook(body.resource);
    return done;
  }),
  act('POST', '/limits/unblock', 'lifts every block of an address', Nothing, (c) => {
    c.unblock();
    return done;
  }),
];

/** GET /__control as data: every route with its fields, every switch, every fault. */
export function manual(): Record<string, unknown> {
  return {
    routes: CONTROL_ROUTES.map(({ method, path, about, takes }) => ({
      method,
      path: `/__control${path}`,
      about,
      takes: takes === null ? [] : fieldNames(takes),
    })),
    switches: Object.entries(SwitchesSchema.properties as Record<string, object>).map(
      ([name, schema]) => {
        const { default: initial, description } = schema as {
          default: unknown;
          description?: string;
        };
        return { name: snake(name), default: initial, about: description ?? '' };
      },
    ),
    faults: FAULT_KINDS,
  };
}

/** The same for people. */
export function manualText(): string {
  const { routes, switches } = manual() as {
    routes: { method: string; path: string; about: string; takes: string[] }[];
    switches: { name: string; default: unknown; about: string }[];
  };
  return [
    'Bling simulator: control API. JSON in and out; the same as JSON: ask with accept: application/json',
    '',
    ...routes.map(({ method, path, about, takes }) => {
      const fields = takes.length === 0 ? '' : `  {${takes.join(', ')}}`;
      return `  ${method.padEnd(6)} ${path.padEnd(30)} ${about}${fields}`;
    }),
    '',
    'Switches (PATCH /__control/switches), with what they start as:',
    ...switches.map(
      ({ name, default: initial, about }) =>
        `  ${name.padEnd(28)} ${JSON.stringify(initial)}  ${about}`,
    ),
    '',
    'Faults (POST /__control/faults {"kind": …, "path": "/estoques", "times": 1}):',
    ...Object.entries(FAULT_KINDS).map(([kind, about]) => `  ${kind.padEnd(28)} ${about}`),
    '',
  ].join('\n');
}

function fieldNames(schema: TSchema): string[] {
  const { properties = {} } = schema as { properties?: Record<string, unknown> };
  const names = Object.keys(properties);
  // Half of the switches would hide the other routes.
  return names.length > 12 ? ['any switch'] : names.map(snake);
}

function snake(name: string): string {
  return Object.keys(toWire({ [name]: null }) as object)[0] ?? name;
}
