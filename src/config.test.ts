import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ConfigError, isLoopback, readConfig, type Source } from './config.ts';

function problemsOf(environment: Record<string, string>, sources?: Map<string, Source>): string[] {
  try {
    readConfig(environment, sources);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return [...error.problems];
  }
  return [];
}

test('without any setting the documented defaults are in effect, frozen', () => {
  const { config, settings, warnings } = readConfig({});
  assert.equal(config.host, '127.0.0.1');
  assert.equal(config.port, 8000);
  assert.equal(config.store, 'embedded');
  assert.equal(config.rules.ttlSeconds, 600);
  assert.equal(config.housekeeping.retentionMs, 7 * 86_400_000);
  assert.deepEqual([config.housekeeping.ledgerKeep, config.http.ledgerKeep], [null, null]);
  const kept = readConfig({ HOLDFAST_LEDGER_KEEP_DAYS: '30' }).config.housekeeping.ledgerKeep;
  assert.deepEqual(kept, { ms: 30 * 86_400_000, entries: 1 });
  assert.deepEqual(config.http.corsOrigins, []);
  assert.equal(config.clientKey, null);
  assert.deepEqual(warnings, []);
  assert.ok(settings.every(({ source }) => source === 'default'));
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.rules.paymentTtlSeconds));
});

test('given settings are read, trimmed, and known by their source; empty means not given', () => {
  const { config, settings } = readConfig(
    {
      HOLDFAST_PORT: ' 9000 ',
      HOLDFAST_CORS_ORIGINS: 'https://a.example/, https://b.example',
      HOLDFAST_METRICS_OPEN: 'true',
      HOLDFAST_HOST: '',
    },
    new Map([['HOLDFAST_METRICS_OPEN', '.env']]),
  );
  assert.equal(config.port, 9000);
  assert.deepEqual(config.http.corsOrigins, ['https://a.example', 'https://b.example']);
  assert.equal(config.http.openMetrics, true);
  const sourceOf = (name: string) => settings.find((each) => each.name === name)?.source;
  assert.equal(sourceOf('HOLDFAST_PORT'), 'environment');
  assert.equal(sourceOf('HOLDFAST_METRICS_OPEN'), '.env');
  assert.equal(sourceOf('HOLDFAST_HOST'), 'default');
});

test('every wrong setting is refused, saying what was given and what is expected', () => {
  const wrong: [string, string, RegExp][] = [
    ['HOLDFAST_HOST', 'http://here', /an address or name/],
    ['HOLDFAST_PORT', 'eighty', /=eighty: expected a whole number from 0 to 65535/],
    ['HOLDFAST_PORT', '65536', /0 to 65535/],
    ['HOLDFAST_PORT', '80.5', /0 to 65535/],
    ['HOLDFAST_STORE', 'sqlite', /embedded, memory, or the address of Redis/],
    ['HOLDFAST_STORE', 'redis+ring://h', /the address of Redis/],
    ['HOLDFAST_REDIS_HASH_TAG', 'a{b', /letters, digits/],
    ['HOLDFAST_REDIS_ACK_REPLICAS', '-1', /of replicas from 0 to 10/],
    ['HOLDFAST_REDIS_AFTER_FAILOVER', 'luck', /one of safety, availability/],
    ['HOLDFAST_REDIS_PERSISTENCE', 'no', /one of required, warn/],
    ['HOLDFAST_REDIS_SHARDS', '0', /from 1 to 64/],
    ['HOLDFAST_REDIS_LEASE_MS', '100', /from 500 to 60000/],
    ['HOLDFAST_REDIS_SENTINEL_PASSWORD', 'two words', /a password/],
    ['HOLDFAST_STORE', 'postgres://h', /the PostgreSQL store is not in this version/],
    ['HOLDFAST_ERP', 'sap', /=sap: expected one of none, bling, webhook/],
    ['HOLDFAST_RECONCILE_INTERVAL_SECONDS', '-1', /0 for never/],
    ['HOLDFAST_RECONCILE_FIX', 'yes', /true or false/],
    ['HOLDFAST_BLING_PATIENCE_SECONDS', '1', /from 20 to 86400/],
    ['HOLDFAST_RELAY_IDLE_MS', '1', /of milliseconds from 10/],
    ['HOLDFAST_ERP_WEBHOOK_SILENCE_MINUTES', '-1', /of minutes, 0 for never/],
    ['HOLDFAST_LOG_LEVEL', 'loud', /one of trace, debug/],
    ['HOLDFAST_LOG_RESERVATIONS', 'some', /one of all, refusals, none/],
    ['HOLDFAST_RESERVATION_TTL_SECONDS', '0', /whole number of seconds from 1/],
    ['HOLDFAST_MAX_TTL_SECONDS', '-1', /whole number of seconds/],
    ['HOLDFAST_EXTEND_CAP_SECONDS', '1e3', /whole number of seconds/],
    ['HOLDFAST_PAYMENT_TTL_CARD_SECONDS', 'x', /whole number of seconds/],
    ['HOLDFAST_PAYMENT_TTL_PIX_SECONDS', 'x', /whole number of seconds/],
    ['HOLDFAST_PAYMENT_TTL_BOLETO_SECONDS', 'x', /whole number of seconds/],
    ['HOLDFAST_ON_SHORTFALL', 'panic', /one of keep, release_newest/],
    ['HOLDFAST_SWEEP_INTERVAL_MS', '1', /from 10 to 60000/],
    ['HOLDFAST_PURGE_INTERVAL_SECONDS', '0', /from 1 to 86400/],
    ['HOLDFAST_RETENTION_DAYS', '0', /from 1 to 3650/],
    ['HOLDFAST_LEDGER_KEEP_DAYS', '-1', /of days, 0 for ever, from 0 to 36500/],
    ['HOLDFAST_LEDGER_KEEP_ENTRIES', '0', /of entries from 1/],
    ['HOLDFAST_QUEUE_LIMIT', '0', /of commands from 1/],
    ['HOLDFAST_COMMAND_DEADLINE_MS', '5', /from 10 to 60000/],
    ['HOLDFAST_CORS_ORIGINS', 'shop.example', /origins separated by commas/],
    ['HOLDFAST_CORS_ORIGINS', 'https://a.example/path', /origins separated by commas/],
    ['HOLDFAST_PUBLIC_URL', 'https://a.example/', /without a slash at its end/],
    ['HOLDFAST_REQUIRE_KEYS', '1', /true or false/],
    ['HOLDFAST_TRUSTED_PROXIES', 'my-proxy', /addresses or ranges/],
    ['HOLDFAST_RATE_LIMIT_PER_SECOND', '-5', /0 for no limit/],
    ['HOLDFAST_MAX_BATCH_BYTES', '10', /from 1024/],
    ['HOLDFAST_MAX_CONNECTIONS', '0', /of connections from 1/],
    ['HOLDFAST_MAX_IN_FLIGHT', '0', /of requests from 1/],
    ['HOLDFAST_MAX_EVENT_LOOP_DELAY_MS', '-1', /0 for no limit/],
    ['HOLDFAST_MAX_EVENT_STREAMS', '-1', /of streams from 0/],
    ['HOLDFAST_DRAIN_MS', '10001', /of milliseconds from 0 to 10000/],
    ['HOLDFAST_MAX_BODY_BYTES', '10', /from 1024/],
    ['HOLDFAST_MAX_IMPORT_BYTES', '10', /from 1024/],
    ['HOLDFAST_METRICS_OPEN', 'yes', /true or false/],
    ['HOLDFAST_KEY', 'two words', /an API key/],
    ['HOLDFAST_SECRET_KEY', 'short', /32 bytes in base64 or hexadecimal/],
    ['HOLDFAST_BLING_API_URL', 'api.bling.com.br', /an address without a slash/],
    ['HOLDFAST_BLING_OAUTH_URL', 'https://b.example/', /an address without a slash/],
    ['HOLDFAST_BLING_CLIENT_ID', 'a b', /as Bling shows it/],
    ['HOLDFAST_BLING_CLIENT_SECRET', 'a b', /as Bling shows it/],
    ['HOLDFAST_BLING_DEPOSIT_ID', 'Geral', /of Bling's, 0 for none/],
    ['HOLDFAST_BLING_ORDER_MODE', 'both', /one of observe, order, movement/],
    ['HOLDFAST_BLING_BALANCE', 'total', /one of virtual, fisico/],
    ['HOLDFAST_BLING_SITUATIONS', 'open', /numbers of situations/],
    ['HOLDFAST_BLING_CANCELLED_SITUATION', '0', /from 1/],
    ['HOLDFAST_BLING_STORE_ID', 'x', /0 for none/],
    ['HOLDFAST_BLING_CONTACT_ID', 'x', /0 for none/],
    ['HOLDFAST_BLING_PAYMENT_METHOD_ID', 'x', /0 for none/],
    ['HOLDFAST_BLING_SOLE_WRITER', 'x', /true or false/],
    ['HOLDFAST_BLING_CALLS_PER_SECOND', '0', /from 1 to 100/],
    ['HOLDFAST_BLING_CALLS_PER_DAY', '10', /from 100/],
    ['HOLDFAST_BLING_TIMEOUT_MS', '1', /from 100 to 60000/],
    ['HOLDFAST_WEBHOOK_URL', 'erp.example', /an address without a slash/],
    ['HOLDFAST_WEBHOOK_SECRETS', 'whsec_short', /at most two, of the form whsec_/],
    ['HOLDFAST_WEBHOOK_ALLOW_PRIVATE', 'x', /true or false/],
    ['HOLDFAST_WEBHOOK_CALLS_PER_SECOND', '0', /from 1/],
    ['HOLDFAST_WEBHOOK_TIMEOUT_MS', '1', /from 100/],
  ];
  const { settings } = readConfig({});
  const anything = ['HOLDFAST_DATA_DIR', 'HOLDFAST_LOG_FILE', 'HOLDFAST_REDIS_TLS_CA_FILE'];
  const refusable = settings.map(({ name }) => name).filter((name) => !anything.includes(name));
  assert.deepEqual(new Set(wrong.map(([name]) => name)), new Set(refusable), 'every setting');
  for (const [name, value, reason] of wrong) {
    const [problem, ...others] = problemsOf({ [name]: value });
    assert.match(problem ?? '', reason, name);
    assert.ok(problem?.startsWith(`${name}=`), problem);
    assert.deepEqual(others, []);
  }
});

test('all that is wrong is told at once', () => {
  const environment = { HOLDFAST_PORT: 'x', HOLDFAST_STORE: 'y', HOLDFAST_ERP: 'z' };
  assert.equal(problemsOf(environment).length, 3);
  assert.throws(() => readConfig(environment), /3 settings are wrong:\n {2}HOLDFAST_PORT=x/);
});

test('passwords and keys are not repeated', () => {
  const [store] = problemsOf({ HOLDFAST_STORE: 'postgres://:hunter@2@host' });
  assert.doesNotMatch(store ?? '', /hunter|2@/);
  const redis = readConfig({ HOLDFAST_STORE: 'redis://ana:hunter2@host/0' });
  assert.equal(redis.config.redis.address, 'redis://ana:hunter2@host/0');
  assert.doesNotMatch(JSON.stringify(redis.settings), /hunter2|ana/);
  const [key] = problemsOf({ HOLDFAST_KEY: 'my secret' });
  assert.doesNotMatch(key ?? '', /my secret/);
  const { settings, config } = readConfig({ HOLDFAST_KEY: 'hf_secret' });
  assert.equal(config.clientKey, 'hf_secret');
  assert.doesNotMatch(JSON.stringify(settings), /hf_secret/);
});

test('a wrong setting says where it came from', () => {
  const [problem] = problemsOf({ HOLDFAST_PORT: 'x' }, new Map([['HOLDFAST_PORT', '.env']]));
  assert.match(problem ?? '', /^HOLDFAST_PORT=x \(in \.env\): expected/);
  const [option] = problemsOf({ HOLDFAST_PORT: 'x' }, new Map([['HOLDFAST_PORT', 'command line']]));
  assert.match(option ?? '', /^HOLDFAST_PORT=x \(command line\): expected/);
});

test('settings that contradict each other are refused', () => {
  const [longer] = problemsOf({ HOLDFAST_MAX_TTL_SECONDS: '60' });
  assert.match(longer ?? '', /RESERVATION_TTL_SECONDS=600: expected at most HOLDFAST_MAX_TTL_/);
  const [cap] = problemsOf({ HOLDFAST_EXTEND_CAP_SECONDS: '60' });
  assert.match(cap ?? '', /EXTEND_CAP_SECONDS=60: expected at least/);
});

test('unknown settings are warned of, with the nearest name', () => {
  const { warnings } = readConfig({
    HOLDFAST_PROT: '1',
    HOLDFAST_RESERVATION_TTL: '10',
    HOLDFAST_SHOPIFY_SHOP: 'shop',
    HOLDFAST_ZZZZZZZZ: '1',
    OTHER_PORT: '1',
  });
  assert.deepEqual(warnings, [
    'HOLDFAST_PROT is not a setting of Holdfast and has no effect; did you mean HOLDFAST_PORT?',
    'HOLDFAST_RESERVATION_TTL is not a setting of Holdfast and has no effect; did you mean HOLDFAST_RESERVATION_TTL_SECONDS?',
    'HOLDFAST_SHOPIFY_SHOP has no effect: that connector is not in this version',
    'HOLDFAST_ZZZZZZZZ is not a setting of Holdfast and has no effect',
  ]);
});

test('.env.example shows the defaults that are in effect', () => {
  const text = readFileSync(join(import.meta.dirname, '..', '.env.example'), 'utf8');
  const shown = [...text.matchAll(/^#(HOLDFAST_\w+)=(.*)$/gm)].map(([, name, value]) => [
    name,
    value,
  ]);
  const { settings } = readConfig({});
  const inEffect = settings.map(({ name, value }) => [name, value]);
  assert.deepEqual(shown.sort(), inEffect.sort());
});

test('loopback addresses are told from the others', () => {
  for (const host of ['127.0.0.1', '127.9.9.9', 'localhost', '::1']) assert.ok(isLoopback(host));
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'localhost.example', '1127.0.0.1']) {
    assert.ok(!isLoopback(host), host);
  }
});
