/**
 * What can be asked of a rush. The table is plain data, so that a command-line parser, a help page
 * and a test can all read it; `rush-plan.ts` decides what the values mean.
 */

/** Parsers hand over text, libraries hand over numbers: both are understood. */
export type NumberOption = number | string | undefined;

export interface RushOptions {
  readonly url: string;
  readonly buyers?: NumberOption;
  readonly connections?: NumberOption;
  readonly mode?: string | undefined;
  readonly rate?: NumberOption;
  readonly arrivals?: string | undefined;
  readonly sku?: string | readonly string[] | undefined;
  readonly skus?: NumberOption;
  readonly zipf?: NumberOption;
  readonly stock?: NumberOption;
  readonly quantity?: NumberOption;
  readonly lines?: NumberOption;
  readonly confirm?: NumberOption;
  readonly release?: NumberOption;
  readonly abandon?: NumberOption;
  readonly thinkMs?: NumberOption;
  readonly ttlSeconds?: NumberOption;
  readonly rounds?: NumberOption;
  readonly seed?: NumberOption;
  readonly retries?: NumberOption;
  readonly requestTimeout?: NumberOption;
  readonly maxSeconds?: NumberOption;
  readonly settleSeconds?: NumberOption;
  readonly maxErrorRate?: NumberOption;
  readonly maxP99Ms?: NumberOption;
  readonly key?: string | undefined;
  readonly withCustomers?: boolean | undefined;
  readonly json?: boolean | undefined;
}

export interface RushOptionSpec {
  /** The key in `RushOptions`; it is what a parser makes of the long flag. */
  readonly name: Exclude<keyof RushOptions, 'url'>;
  readonly flags: string;
  readonly description: string;
  /** Shown in the help. Absent: no default, or one that the description explains. */
  readonly defaultValue?: string | number;
}

/** The one argument that is not a flag. */
export const RUSH_ARGUMENT = {
  name: 'url',
  flags: '<url>',
  description: 'address of the service, such as http://127.0.0.1:8000',
} as const;

export const RUSH_OPTIONS: readonly RushOptionSpec[] = [
  {
    name: 'buyers',
    flags: '--buyers <n>',
    description: 'how many buyers come',
    defaultValue: 1000,
  },
  {
    name: 'connections',
    flags: '--connections <n>',
    description: 'requests on the way at one time, at most',
    defaultValue: 64,
  },
  {
    name: 'mode',
    flags: '--mode <closed|open>',
    description:
      'closed: a buyer comes when a connection is free; open: buyers come at --rate, whatever the service does (default: open if --rate is given, else closed)',
  },
  {
    name: 'rate',
    flags: '--rate <n>',
    description: 'buyers per second (open); latency then counts from when a buyer meant to ask',
  },
  {
    name: 'arrivals',
    flags: '--arrivals <poisson|constant>',
    description: 'how arrivals are spaced (open)',
    defaultValue: 'poisson',
  },
  {
    name: 'sku',
    flags: '--sku <sku...>',
    description:
      'rush at these SKUs; their stock is set only if --stock is given (default: new RUSH-… SKUs)',
  },
  {
    name: 'skus',
    flags: '--skus <n>',
    description: 'how many SKUs to make; 1 is one hot SKU (default: 1)',
  },
  {
    name: 'zipf',
    flags: '--zipf <s>',
    description: 'the n-th SKU is wanted in proportion to 1/n^s; 0 spreads evenly',
    defaultValue: 0,
  },
  {
    name: 'stock',
    flags: '--stock <n>',
    description:
      'units on hand of each SKU, set before the rush (default: 100, or as it stands with --sku)',
  },
  { name: 'quantity', flags: '--quantity <n>', description: 'units per line', defaultValue: 1 },
  {
    name: 'lines',
    flags: '--lines <n>',
    description: 'different SKUs per cart; more than 1 asks POST /reservations',
    defaultValue: 1,
  },
  {
    name: 'confirm',
    flags: '--confirm <share>',
    description: 'share of the granted that pays, 0 to 1 (default: what the other shares leave)',
  },
  {
    name: 'release',
    flags: '--release <share>',
    description: 'share that gives the units back (default: 0)',
  },
  {
    name: 'abandon',
    flags: '--abandon <share>',
    description: 'share that just goes away (default: 0, or what --confirm and --release leave)',
  },
  {
    name: 'thinkMs',
    flags: '--think-ms <ms>',
    description: 'mean pause between being granted and confirming or releasing',
    defaultValue: 0,
  },
  {
    name: 'ttlSeconds',
    flags: '--ttl-seconds <s>',
    description: 'lifetime asked for by those who will abandon (default: the service decides)',
  },
  {
    name: 'rounds',
    flags: '--rounds <n>',
    description: 'do it all this many times, with fresh stock',
    defaultValue: 1,
  },
  {
    name: 'seed',
    flags: '--seed <n>',
    description: 'the same seed makes the same buyers again (default: drawn, and reported)',
  },
  {
    name: 'retries',
    flags: '--retries <n>',
    description:
      'how often a buyer asks again after 503, 429 or silence, with the same Idempotency-Key; 0 sends no key and never asks again',
    defaultValue: 2,
  },
  {
    name: 'requestTimeout',
    flags: '--request-timeout <s>',
    description: 'silence after which an answer is unknown',
    defaultValue: 10,
  },
  {
    name: 'maxSeconds',
    flags: '--max-seconds <s>',
    description:
      'stop the rush after this long (default: 300, or the time --rate needs and 120 more)',
  },
  {
    name: 'settleSeconds',
    flags: '--settle-seconds <s>',
    description:
      'afterwards: time to settle unknown answers, and to wait for abandoned units to lapse',
    defaultValue: 10,
  },
  {
    name: 'maxErrorRate',
    flags: '--max-error-rate <share>',
    description: 'threshold: share of buyers left without an honest answer',
    defaultValue: 0.01,
  },
  {
    name: 'maxP99Ms',
    flags: '--max-p99-ms <ms>',
    description: 'threshold: 99th percentile of all answers (default: none)',
  },
  {
    name: 'key',
    flags: '--key <key>',
    description: 'API key (needs the scopes storefront, orders and, to set stock, admin)',
  },
  {
    name: 'withCustomers',
    flags: '--with-customers',
    description: 'give each buyer a customer_id (needed where a SKU has max_per_customer)',
  },
  { name: 'json', flags: '--json', description: 'print the result as JSON instead of text' },
];
