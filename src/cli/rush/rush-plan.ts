/** Options as they were given become a plan that can be trusted, or one message for all that is wrong. */
import { MAX_LINES, MAX_QUANTITY, MAX_STOCK, isSku } from '../../core/quantities.ts';
import type { NumberOption, RushOptions } from './rush-options.ts';

export interface RushPlan {
  readonly origin: string;
  /** Comes before every path; empty, or starts with a slash and does not end with one. */
  readonly basePath: string;
  readonly buyers: number;
  readonly connections: number;
  readonly arrivals: Arrivals;
  readonly skus: PlannedSkus;
  readonly zipf: number;
  /** Units on hand to set for each SKU; null leaves the stock as it stands. */
  readonly stock: number | null;
  readonly quantity: number;
  readonly lines: number;
  readonly shares: Shares;
  readonly thinkMs: number;
  readonly ttlSeconds: number | null;
  readonly rounds: number;
  readonly seed: number;
  readonly retries: number;
  readonly requestTimeoutMs: number;
  readonly maxMs: number;
  readonly settleMs: number;
  readonly maxErrorRate: number;
  readonly maxP99Ms: number | null;
  readonly key: string | null;
  readonly withCustomers: boolean;
}

type Arrivals =
  | { readonly mode: 'closed' }
  | { readonly mode: 'open'; readonly rate: number; readonly spacing: 'poisson' | 'constant' };

type PlannedSkus =
  | { readonly kind: 'existing'; readonly names: readonly string[] }
  | { readonly kind: 'made'; readonly count: number };

interface Shares {
  readonly confirm: number;
  readonly release: number;
  readonly abandon: number;
}

/** The options cannot be run. `problems` holds one sentence for each thing that is wrong. */
export class RushOptionsError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`cannot plan this rush:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'RushOptionsError';
    this.problems = problems;
  }
}

const MAX_BUYERS = 5_000_000;
const DEFAULT_STOCK = 100;
const DEFAULT_MAX_SECONDS = 300;
const MAX_SEED = 4_294_967_295;

export function skuCount(plan: RushPlan): number {
  return plan.skus.kind === 'made' ? plan.skus.count : plan.skus.names.length;
}

/** `drawSeed` is asked only when no seed was given, so that the plan can be repeated by naming it. */
export function planRush(options: RushOptions, drawSeed: () => number): RushPlan {
  const read = new OptionReader();
  const { origin, basePath } = readUrl(options.url, read);
  const arrivals = readArrivals(options, read);
  const skus = readSkus(options, read);
  const buyers = read.integer('--buyers', options.buyers, 1, MAX_BUYERS, 1000);
  const maxP99Ms = read.optional('--max-p99-ms', options.maxP99Ms, 0.001, 3_600_000);
  const ttlSeconds = read.optional('--ttl-seconds', options.ttlSeconds, 1, 31_536_000, true);
  const plan: RushPlan = {
    origin,
    basePath,
    buyers,
    arrivals,
    skus,
    connections: read.integer('--connections', options.connections, 1, 10_000, 64),
    zipf: read.number('--zipf', options.zipf, 0, 10, 0),
    stock: readStock(options, skus, read),
    quantity: read.integer('--quantity', options.quantity, 1, MAX_QUANTITY, 1),
    lines: readLines(options, skus, read),
    shares: readShares(options, read),
    thinkMs: read.number('--think-ms', options.thinkMs, 0, 3_600_000, 0),
    ttlSeconds,
    rounds: read.integer('--rounds', options.rounds, 1, 1000, 1),
    seed:
      options.seed === undefined
        ? drawSeed()
        : read.integer('--seed', options.seed, 0, MAX_SEED, 0),
    retries: read.integer('--retries', options.retries, 0, 20, 2),
    requestTimeoutMs:
      1000 * read.number('--request-timeout', options.requestTimeout, 0.05, 600, 10),
    maxMs: readMaxMs(options, arrivals, buyers, read),
    settleMs: 1000 * read.number('--settle-seconds', options.settleSeconds, 0, 3600, 10),
    maxErrorRate: read.number('--max-error-rate', options.maxErrorRate, 0, 1, 0.01),
    maxP99Ms,
    key: readKey(options.key, read),
    withCustomers: options.withCustomers === true,
  };
  if (read.problems.length > 0) throw new RushOptionsError(read.problems);
  return plan;
}

/** Reads values and gathers what is wrong with them, so that all of it can be told at once. */
class OptionReader {
  readonly problems: string[] = [];

  number(flag: string, value: NumberOption, min: number, max: number, fallback: number): number {
    return this.optional(flag, value, min, max) ?? fallback;
  }

  integer(flag: string, value: NumberOption, min: number, max: number, fallback: number): number {
    return this.optional(flag, value, min, max, true) ?? fallback;
  }

  optional(
    flag: string,
    value: NumberOption,
    min: number,
    max: number,
    whole = false,
  ): number | null {
    if (value === undefined) return null;
    const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
    if (number >= min && number <= max && (!whole || Number.isInteger(number))) return number;
    const kind = whole ? 'a whole number' : 'a number';
    this.problems.push(`${flag} must be ${kind} from ${min} to ${max}, not "${value}"`);
    return null;
  }
}

function readUrl(text: unknown, read: OptionReader): { origin: string; basePath: string } {
  const nowhere = { origin: '', basePath: '' };
  const url = typeof text === 'string' ? URL.parse(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    const given = typeof text === 'string' ? `"${text}"` : 'nothing';
    read.problems.push(`the address must look like http://127.0.0.1:8000, not ${given}`);
    return nowhere;
  }
  if (url.username !== '' || url.password !== '') {
    read.problems.push('the address must not hold a user or password; give the API key with --key');
    return nowhere;
  }
  return { origin: url.origin, basePath: url.pathname.replace(/\/+$/, '') };
}

function readArrivals(options: RushOptions, read: OptionReader): Arrivals {
  const mode = options.mode ?? (options.rate === undefined ? 'closed' : 'open');
  if (mode !== 'closed' && mode !== 'open') {
    read.problems.push(`--mode must be closed or open, not "${mode}"`);
    return { mode: 'closed' };
  }
  if (mode === 'closed') {
    if (options.rate !== undefined) {
      read.problems.push(
        '--rate belongs to --mode open: in a closed loop the service sets the pace',
      );
    }
    return { mode };
  }
  const spacing = options.arrivals ?? 'poisson';
  if (spacing !== 'poisson' && spacing !== 'constant') {
    read.problems.push(`--arrivals must be poisson or constant, not "${spacing}"`);
    return { mode: 'closed' };
  }
  if (options.rate === undefined) {
    read.problems.push('--mode open needs --rate, the buyers per second');
    return { mode: 'closed' };
  }
  return { mode, spacing, rate: read.number('--rate', options.rate, 0.01, 1_000_000, 1) };
}

function readSkus(options: RushOptions, read: OptionReader): PlannedSkus {
  if (options.sku === undefined) {
    return { kind: 'made', count: read.integer('--skus', options.skus, 1, 1_000_000, 1) };
  }
  const names = typeof options.sku === 'string' ? [options.sku] : options.sku;
  if (names.length === 0) read.problems.push('--sku needs at least one name');
  const invalid = names.filter((name: unknown) => !isSku(name));
  for (const name of invalid) read.problems.push(`--sku "${name}" is not a valid SKU`);
  if (new Set(names).size < names.length) read.problems.push('--sku names one SKU twice');
  if (options.skus !== undefined && Number(options.skus) !== names.length) {
    read.problems.push('give --sku (these) or --skus (make so many), not both');
  }
  return { kind: 'existing', names };
}

function readStock(options: RushOptions, skus: PlannedSkus, read: OptionReader): number | null {
  if (options.stock === undefined) return skus.kind === 'existing' ? null : DEFAULT_STOCK;
  return read.integer('--stock', options.stock, 0, MAX_STOCK, DEFAULT_STOCK);
}

function readLines(options: RushOptions, skus: PlannedSkus, read: OptionReader): number {
  const lines = read.integer('--lines', options.lines, 1, MAX_LINES, 1);
  const count = skus.kind === 'made' ? skus.count : skus.names.length;
  if (lines > count) {
    read.problems.push(`--lines ${lines} needs as many different SKUs, and there are ${count}`);
  }
  return lines;
}

/** What is not given is what the others leave; `confirm` takes the rest unless it was given itself. */
function readShares(options: RushOptions, read: OptionReader): Shares {
  const confirm = read.optional('--confirm', options.confirm, 0, 1);
  const release = read.optional('--release', options.release, 0, 1);
  const abandon = read.optional('--abandon', options.abandon, 0, 1);
  const left = (...given: (number | null)[]): number =>
    given.reduce<number>((rest, share) => rest - (share ?? 0), 1);
  const shares =
    confirm === null
      ? { confirm: left(release, abandon), release: release ?? 0, abandon: abandon ?? 0 }
      : release === null && abandon !== null
        ? { confirm, release: left(confirm, abandon), abandon }
        : { confirm, release: release ?? 0, abandon: abandon ?? left(confirm, release) };
  const sum = shares.confirm + shares.release + shares.abandon;
  const tooMany = Math.min(shares.confirm, shares.release, shares.abandon) < -1e-9;
  if (tooMany || Math.abs(sum - 1) > 1e-9) {
    read.problems.push('--confirm, --release and --abandon are shares: together they must make 1');
  }
  return {
    confirm: Math.max(0, shares.confirm),
    release: Math.max(0, shares.release),
    abandon: Math.max(0, shares.abandon),
  };
}

function readMaxMs(
  options: RushOptions,
  arrivals: Arrivals,
  buyers: number,
  read: OptionReader,
): number {
  const needed = arrivals.mode === 'open' ? Math.ceil(buyers / arrivals.rate) : 0;
  const usual = Math.max(DEFAULT_MAX_SECONDS, needed + 120);
  const seconds = read.number('--max-seconds', options.maxSeconds, 0.1, 604_800, usual);
  if (seconds < needed) {
    read.problems.push(
      `--max-seconds ${seconds} is too short: at this --rate, ${buyers} buyers need ${needed} s`,
    );
  }
  return 1000 * seconds;
}

function readKey(key: string | undefined, read: OptionReader): string | null {
  if (key === undefined) return null;
  if (!/^[\x21-\x7e]+$/.test(key)) {
    read.problems.push('--key must be visible ASCII characters without spaces');
  }
  return key;
}
