/**
 * The environment becomes one frozen, validated object, or one message that names everything wrong with it.
 * `.env.example` documents each setting; a check keeps the two equal.
 */
import { Type, type Static, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { buildErp, ERP_SETTINGS, erpContradictions, type ErpConfig } from './config/erp.ts';
import { oneOf, setting, whole, type Setting } from './config/setting.ts';
import { strangers } from './config/strangers.ts';
import type { Rules } from './core/rules.ts';

const YEAR_SECONDS = 31_536_000;
const GIBIBYTE = 1_073_741_824;
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const ORIGIN = String.raw`^(\*|https?://[^\s/?#]+)$`;

const SETTINGS = {
  HOLDFAST_HOST: setting(
    Type.String({ pattern: String.raw`^[^\s/]+$` }),
    '127.0.0.1',
    'an address or name of this machine, such as 127.0.0.1 or 0.0.0.0',
  ),
  HOLDFAST_PORT: whole(0, 65_535, 8000),
  HOLDFAST_DATA_DIR: setting(Type.String({ pattern: String.raw`\S` }), './data', 'a folder'),
  HOLDFAST_STORE: setting(
    Type.String({ pattern: String.raw`^(embedded|memory|rediss?(\+(sentinel|cluster))?://\S+)$` }),
    'embedded',
    'embedded, memory, or the address of Redis (redis://…, redis+sentinel://…, redis+cluster://…)',
  ),
  ...ERP_SETTINGS,

  HOLDFAST_LOG_LEVEL: oneOf(LOG_LEVELS, 'info'),
  HOLDFAST_LOG_RESERVATIONS: oneOf(['all', 'refusals', 'none'], 'all'),
  HOLDFAST_LOG_FILE: setting(
    Type.String({ pattern: String.raw`\S` }),
    'auto',
    'auto, stdout, or the path of a file',
  ),

  HOLDFAST_RESERVATION_TTL_SECONDS: whole(1, YEAR_SECONDS, 600, ' of seconds'),
  HOLDFAST_MAX_TTL_SECONDS: whole(1, YEAR_SECONDS, 86_400, ' of seconds'),
  HOLDFAST_EXTEND_CAP_SECONDS: whole(1, YEAR_SECONDS, 7_200, ' of seconds'),
  HOLDFAST_PAYMENT_TTL_CARD_SECONDS: whole(1, YEAR_SECONDS, 900, ' of seconds'),
  HOLDFAST_PAYMENT_TTL_PIX_SECONDS: whole(1, YEAR_SECONDS, 1_800, ' of seconds'),
  HOLDFAST_PAYMENT_TTL_BOLETO_SECONDS: whole(1, YEAR_SECONDS, 259_200, ' of seconds'),
  HOLDFAST_ON_SHORTFALL: oneOf(['keep', 'release_newest'], 'keep'),

  HOLDFAST_SWEEP_INTERVAL_MS: whole(10, 60_000, 250, ' of milliseconds'),
  HOLDFAST_PURGE_INTERVAL_SECONDS: whole(1, 86_400, 60, ' of seconds'),
  HOLDFAST_RETENTION_DAYS: whole(1, 3_650, 7, ' of days'),
  HOLDFAST_LEDGER_KEEP_DAYS: whole(0, 36_500, 0, ' of days, 0 for ever,'),
  HOLDFAST_LEDGER_KEEP_ENTRIES: whole(1, 1_000_000_000, 1, ' of entries'),

  HOLDFAST_QUEUE_LIMIT: whole(1, 1_000_000, 5_000, ' of commands'),
  HOLDFAST_COMMAND_DEADLINE_MS: whole(10, 60_000, 2_000, ' of milliseconds'),

  HOLDFAST_REDIS_HASH_TAG: setting(
    Type.String({ pattern: String.raw`^[\w.:-]{1,64}$` }),
    'holdfast',
    '1 to 64 letters, digits or any of . : _ -',
  ),
  HOLDFAST_REDIS_SHARDS: whole(1, 64, 1, ' of shards'),
  HOLDFAST_REDIS_ACK_REPLICAS: whole(0, 10, 0, ' of replicas'),
  HOLDFAST_REDIS_AFTER_FAILOVER: oneOf(['safety', 'availability'], 'safety'),
  HOLDFAST_REDIS_PERSISTENCE: oneOf(['required', 'warn'], 'required'),
  HOLDFAST_REDIS_LEASE_MS: whole(500, 60_000, 5_000, ' of milliseconds'),
  HOLDFAST_REDIS_SENTINEL_PASSWORD: setting(
    Type.String({ pattern: String.raw`^[\x21-\x7e]*$` }),
    '',
    'a password without blanks',
    true,
  ),
  HOLDFAST_REDIS_TLS_CA_FILE: setting(Type.String(), '', 'a file, or nothing'),

  HOLDFAST_PUBLIC_URL: setting(
    Type.String({ pattern: String.raw`^(https?://[^\s?#]*[^\s?#/])?$` }),
    '',
    'an address without a slash at its end, such as https://stock.shop.example',
  ),
  HOLDFAST_REQUIRE_KEYS: setting(Type.Boolean(), 'false', 'true or false'),
  HOLDFAST_METRICS_OPEN: setting(Type.Boolean(), 'false', 'true or false'),
  HOLDFAST_TRUSTED_PROXIES: setting(
    Type.Array(Type.String({ pattern: String.raw`^[\da-fA-F.:]+(/\d{1,3})?$` })),
    '',
    'addresses or ranges separated by commas, such as 10.0.0.0/8',
  ),
  HOLDFAST_CORS_ORIGINS: setting(
    Type.Array(Type.String({ pattern: ORIGIN })),
    '',
    'origins separated by commas, such as https://shop.example, or * for any',
  ),
  HOLDFAST_RATE_LIMIT_PER_SECOND: whole(0, 1_000_000, 0, ' of requests, 0 for no limit,'),
  HOLDFAST_MAX_BODY_BYTES: whole(1_024, GIBIBYTE, 262_144, ' of bytes'),
  HOLDFAST_MAX_BATCH_BYTES: whole(1_024, GIBIBYTE, 1_048_576, ' of bytes'),
  HOLDFAST_MAX_IMPORT_BYTES: whole(1_024, GIBIBYTE, 67_108_864, ' of bytes'),
  HOLDFAST_MAX_CONNECTIONS: whole(1, 1_000_000, 10_000, ' of connections'),
  HOLDFAST_MAX_IN_FLIGHT: whole(1, 1_000_000, 10_000, ' of requests'),
  HOLDFAST_MAX_EVENT_LOOP_DELAY_MS: whole(0, 60_000, 500, ' of milliseconds, 0 for no limit,'),
  HOLDFAST_MAX_EVENT_STREAMS: whole(0, 100_000, 64, ' of streams'),
  HOLDFAST_DRAIN_MS: whole(0, 10_000, 200, ' of milliseconds'),

  HOLDFAST_KEY: setting(
    Type.String({ pattern: String.raw`^[\x21-\x7e]*$` }),
    '',
    'an API key, as `holdfast keys create` printed it',
    true,
  ),
} satisfies Record<string, Setting>;

type Name = keyof typeof SETTINGS;
type Values = { readonly [N in Name]: Static<(typeof SETTINGS)[N]['schema']> };
const NAMES = Object.keys(SETTINGS) as Name[];

interface LedgerKeep {
  readonly ms: number;
  /** Of the newest, in any case. */
  readonly entries: number;
}

const DAY_MS = 86_400_000;

export interface Config extends ErpConfig {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly store: 'embedded' | 'memory' | 'redis';
  /** Of effect only where `store` is `redis`. */
  readonly redis: {
    /** May hold a password. */
    readonly address: string;
    /** Instances with the same one share their books. */
    readonly hashTag: string;
    /** Parts that SKUs are spread over, each in a slot of its own. */
    readonly shards: number;
    /** Writes are answered when this many replicas have them. */
    readonly ackReplicas: number;
    readonly afterFailover: 'safety' | 'availability';
    /** Refuse a server that keeps no append-only file? */
    readonly requirePersistence: boolean;
    /** How long an instance that says nothing keeps the work that only one may do. */
    readonly leaseMs: number;
    readonly sentinelPassword: string | null;
    readonly tlsCaFile: string | null;
  };
  readonly log: {
    readonly level: (typeof LOG_LEVELS)[number];
    /** Which reservations get a line of their own. */
    readonly reservations: 'all' | 'refusals' | 'none';
    /** `auto`: stdout, or a file in the data folder when stdout is a terminal. */
    readonly file: string;
  };
  /** Of a service without an ERP; with one, some follow from its connector. */
  readonly rules: Rules;
  readonly housekeeping: {
    readonly sweepEveryMs: number;
    readonly purgeEveryMs: number;
    readonly retentionMs: number;
    /** What is kept of the ledger when it was exported; null: all of it. */
    readonly ledgerKeep: LedgerKeep | null;
  };
  readonly queueLimit: number;
  readonly commandDeadlineMs: number;
  /** From the announcement of a stop to the closing of the door. */
  readonly drainMs: number;
  readonly http: {
    readonly ledgerKeep: LedgerKeep | null;
    /** Where callers reach the service; null where that is not known. */
    readonly publicUrl: string | null;
    /** Without a key, refuse even on loopback. */
    readonly requireKeys: boolean;
    /** May anyone read `/metrics`, without a key? */
    readonly openMetrics: boolean;
    readonly trustedProxies: readonly string[];
    readonly corsOrigins: readonly string[];
    /** Requests per second and key; null for no limit. */
    readonly ratePerSecond: number | null;
    readonly bodyLimit: number;
    readonly batchBodyLimit: number;
    readonly importBodyLimit: number;
    readonly maxConnections: number;
    readonly maxInFlight: number;
    readonly maxEventLoopDelayMs: number;
    readonly maxEventStreams: number;
  };
  /** The key that the commands which talk to a service send; the service itself does not use it. */
  readonly clientKey: string | null;
}

export type Environment = Readonly<Record<string, string | undefined>>;
export type Source = 'default' | 'environment' | '.env' | 'command line';

/** One line of `holdfast config`. */
export interface SettingReport {
  readonly name: string;
  /** As in effect; `(set)` for a secret. */
  readonly value: string;
  readonly source: Source;
  readonly expected: string;
}

export interface ConfigReading {
  readonly config: Config;
  readonly settings: readonly SettingReport[];
  /** Settings that were given and do nothing. */
  readonly warnings: readonly string[];
}

/** `problems` has one line for each setting that is wrong. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const subject =
      problems.length === 1 ? 'a setting is wrong' : `${problems.length} settings are wrong`;
    super(
      `${subject}:\n${problems.map((problem) => `  ${problem}`).join('\n')}\n` +
        'Every setting is explained in .env.example; `holdfast config` shows those in effect.',
    );
    this.problems = problems;
  }
}

/** `sources`: the names that came from elsewhere than the environment itself. */
export function readConfig(
  environment: Environment,
  sources: ReadonlyMap<string, Source> = new Map(),
): ConfigReading {
  const problems: string[] = [];
  const settings: SettingReport[] = [];
  const values: Partial<Record<Name, unknown>> = {};
  for (const name of NAMES) {
    const { schema, fallback, expected, secret } = SETTINGS[name] as Setting;
    const given = environment[name]?.trim() ?? '';
    const source = given === '' ? 'default' : (sources.get(name) ?? 'environment');
    const text = given === '' ? fallback : given;
    const value = parse(schema, text);
    if (Value.Check(schema, value)) values[name] = value;
    else problems.push(describeProblem(name, text, source, expected, secret === true));
    const shown = secret === true && text !== '' ? '(set)' : withoutPassword(text);
    settings.push({ name, value: shown, source, expected });
  }
  // Only complete values can be compared with each other.
  if (problems.length === 0) problems.push(...contradictions(values as Values));
  if (problems.length > 0) throw new ConfigError(problems);
  return { config: build(values as Values), settings, warnings: strangers(environment, NAMES) };
}

/** Text to what the schema is about; what cannot be read stays text, which the schema then refuses. */
function parse(schema: TSchema, text: string): unknown {
  if (Type.IsInteger(schema)) return /^[+-]?\d{1,15}$/.test(text) ? Number(text) : text;
  if (Type.IsBoolean(schema)) return text === 'true' ? true : text === 'false' ? false : text;
  if (Type.IsArray(schema)) {
    const parts = text.split(',').map((part) => part.trim().replace(/\/$/, ''));
    return parts.filter((part) => part !== '');
  }
  return text;
}

/** What belongs to a later version is told apart from what is merely misspelt. */
const LATER: readonly { readonly name: Name; readonly like: RegExp; readonly what: string }[] = [
  {
    name: 'HOLDFAST_STORE',
    like: /^postgres(ql)?:/i,
    what: 'the PostgreSQL store is not in this version',
  },
];

function describeProblem(
  name: Name,
  text: string,
  source: Source,
  expected: string,
  secret: boolean,
): string {
  const shown = secret ? '…' : withoutPassword(text);
  const where = source === 'environment' ? '' : ` (${source === '.env' ? 'in .env' : source})`;
  const later = LATER.find((each) => each.name === name && each.like.test(text));
  const reason = later === undefined ? '' : `${later.what}; `;
  return `${name}=${shown}${where}: ${reason}expected ${expected}`;
}

/** Of an address. */
function withoutPassword(text: string): string {
  return text.replace(/\/\/.*@/, '//…@');
}

function contradictions(values: Values): string[] {
  const problems: string[] = [];
  const ttl = values.HOLDFAST_RESERVATION_TTL_SECONDS;
  const most = values.HOLDFAST_MAX_TTL_SECONDS;
  const cap = values.HOLDFAST_EXTEND_CAP_SECONDS;
  if (ttl > most) {
    problems.push(
      `HOLDFAST_RESERVATION_TTL_SECONDS=${ttl}: expected at most HOLDFAST_MAX_TTL_SECONDS, which is ${most}`,
    );
  }
  if (ttl > cap) {
    problems.push(
      `HOLDFAST_EXTEND_CAP_SECONDS=${cap}: expected at least HOLDFAST_RESERVATION_TTL_SECONDS, which is ${ttl}`,
    );
  }
  problems.push(...erpContradictions(values));
  return problems;
}

function build(values: Values): Config {
  return deepFreeze({
    host: values.HOLDFAST_HOST,
    port: values.HOLDFAST_PORT,
    dataDir: values.HOLDFAST_DATA_DIR,
    store: storeOf(values.HOLDFAST_STORE),
    redis: {
      address: values.HOLDFAST_STORE,
      hashTag: values.HOLDFAST_REDIS_HASH_TAG,
      shards: values.HOLDFAST_REDIS_SHARDS,
      ackReplicas: values.HOLDFAST_REDIS_ACK_REPLICAS,
      afterFailover: values.HOLDFAST_REDIS_AFTER_FAILOVER,
      requirePersistence: values.HOLDFAST_REDIS_PERSISTENCE === 'required',
      leaseMs: values.HOLDFAST_REDIS_LEASE_MS,
      sentinelPassword: emptyToNull(values.HOLDFAST_REDIS_SENTINEL_PASSWORD),
      tlsCaFile: emptyToNull(values.HOLDFAST_REDIS_TLS_CA_FILE),
    },
    ...buildErp(values),
    log: {
      level: values.HOLDFAST_LOG_LEVEL,
      reservations: values.HOLDFAST_LOG_RESERVATIONS,
      file: values.HOLDFAST_LOG_FILE,
    },
    rules: {
      ttlSeconds: values.HOLDFAST_RESERVATION_TTL_SECONDS,
      maxTtlSeconds: values.HOLDFAST_MAX_TTL_SECONDS,
      extendCapSeconds: values.HOLDFAST_EXTEND_CAP_SECONDS,
      paymentTtlSeconds: {
        card: values.HOLDFAST_PAYMENT_TTL_CARD_SECONDS,
        pix: values.HOLDFAST_PAYMENT_TTL_PIX_SECONDS,
        boleto: values.HOLDFAST_PAYMENT_TTL_BOLETO_SECONDS,
      },
      acknowledgeOnConfirm: true,
      messageGrouping: 'sale',
      onShortfall: values.HOLDFAST_ON_SHORTFALL,
    },
    housekeeping: {
      sweepEveryMs: values.HOLDFAST_SWEEP_INTERVAL_MS,
      purgeEveryMs: values.HOLDFAST_PURGE_INTERVAL_SECONDS * 1000,
      retentionMs: values.HOLDFAST_RETENTION_DAYS * DAY_MS,
      ledgerKeep: ledgerKeepOf(values),
    },
    queueLimit: values.HOLDFAST_QUEUE_LIMIT,
    commandDeadlineMs: values.HOLDFAST_COMMAND_DEADLINE_MS,
    drainMs: values.HOLDFAST_DRAIN_MS,
    http: {
      ledgerKeep: ledgerKeepOf(values),
      publicUrl: emptyToNull(values.HOLDFAST_PUBLIC_URL),
      requireKeys: values.HOLDFAST_REQUIRE_KEYS,
      openMetrics: values.HOLDFAST_METRICS_OPEN,
      trustedProxies: values.HOLDFAST_TRUSTED_PROXIES,
      corsOrigins: values.HOLDFAST_CORS_ORIGINS,
      ratePerSecond: values.HOLDFAST_RATE_LIMIT_PER_SECOND || null,
      bodyLimit: values.HOLDFAST_MAX_BODY_BYTES,
      batchBodyLimit: values.HOLDFAST_MAX_BATCH_BYTES,
      importBodyLimit: values.HOLDFAST_MAX_IMPORT_BYTES,
      maxConnections: values.HOLDFAST_MAX_CONNECTIONS,
      maxInFlight: values.HOLDFAST_MAX_IN_FLIGHT,
      maxEventLoopDelayMs: values.HOLDFAST_MAX_EVENT_LOOP_DELAY_MS,
      maxEventStreams: values.HOLDFAST_MAX_EVENT_STREAMS,
    },
    clientKey: emptyToNull(values.HOLDFAST_KEY),
  });
}

function storeOf(text: string): Config['store'] {
  return text === 'embedded' || text === 'memory' ? text : 'redis';
}

function ledgerKeepOf(values: Values): LedgerKeep | null {
  const { HOLDFAST_LEDGER_KEEP_DAYS: days, HOLDFAST_LEDGER_KEEP_ENTRIES: entries } = values;
  return days === 0 ? null : { ms: days * DAY_MS, entries };
}

function emptyToNull(text: string): string | null {
  return text === '' ? null : text;
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner as object);
  }
  return Object.freeze(value);
}

/** Does this address reach this machine only? */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i.test(host);
}
