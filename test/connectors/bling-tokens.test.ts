import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { openBling } from '../../src/connectors/bling/parts.ts';
import { TokenFile } from '../../src/connectors/bling/tokens/token-file.ts';
import { ErpFault } from '../../src/engine/erp-port.ts';
import type { BlingSettings } from '../../src/connectors/bling/settings.ts';
import { connect, openBench, SECRET_KEY } from './bling-bench.ts';

function misconfigured(words: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof ErpFault, String(error));
    assert.equal(error.code, 'ERP_MISCONFIGURED', error.message);
    assert.match(error.message, words);
    return true;
  };
}

test('tokens on disk are sealed, for the owner only, and open with the key alone', async (t) => {
  const { tokenFile, settings } = await openBench(t);
  const tokens = await tokenFile.read();
  assert.ok(tokens !== null);
  const text = readFileSync(tokenFile.path, 'utf8');
  for (const secret of [tokens.accessToken, tokens.refreshToken]) {
    assert.ok(!text.includes(secret));
    assert.ok(!text.includes(Buffer.from(secret).toString('base64').slice(0, 40)));
  }
  assert.equal(statSync(tokenFile.path).mode & 0o777, 0o600);
  const otherKey = Buffer.alloc(32, 8).toString('base64');
  await assert.rejects(
    new TokenFile(settings.dataDir, otherKey).read(),
    misconfigured(/cannot be opened: it was sealed with another key/),
  );
  const sameKeyInHex = Buffer.from(SECRET_KEY, 'base64').toString('hex');
  assert.deepEqual(await new TokenFile(settings.dataDir, sameKeyInHex).read(), tokens);
});

test('a file with one byte changed does not open', async (t) => {
  const { tokenFile } = await openBench(t);
  const stored = JSON.parse(readFileSync(tokenFile.path, 'utf8')) as { data: string };
  const data = stored.data.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));
  writeFileSync(tokenFile.path, JSON.stringify({ ...stored, data }));
  await assert.rejects(tokenFile.read(), misconfigured(/is damaged/));
  writeFileSync(tokenFile.path, '{"version":');
  await assert.rejects(tokenFile.read(), misconfigured(/is damaged/));
  writeFileSync(tokenFile.path, '{}');
  await assert.rejects(tokenFile.read(), misconfigured(/not a file of tokens/));
});

test('before anybody has connected, every call says what to do', async (t) => {
  const { connector, call } = await openBench(t, { connected: false });
  await assert.rejects(connector.check(call), misconfigured(/holdfast bling connect/));
});

test('a token that is about to expire is renewed before it is used, and kept for the next process', async (t) => {
  const { connector, call, simulator, tokenFile, reopen } = await openBench(t);
  // The other process paces its own calls, not ours.
  simulator.control.setSwitches({ limitPerSecond: 0 });
  const before = await tokenFile.read();
  await simulator.control.advance(6 * 3_600_000 - 60_000);
  await connector.check(call);
  const after = await tokenFile.read();
  assert.notEqual(after?.refreshToken, before?.refreshToken);
  assert.equal(simulator.control.state().tokens.refreshTokens, 2);
  await reopen().check(call);
  assert.equal(simulator.control.state().tokens.refreshTokens, 2);
});

test('a token that Bling refuses is renewed once, and the call goes on', async (t) => {
  const { connector, call, simulator } = await openBench(t);
  simulator.control.expireAccessTokens();
  await connector.check(call);
  const refused = simulator.control.calls().filter(({ status }) => status === 401);
  assert.equal(refused.length, 1);
});

test('two processes and many calls at once spend each refresh token once', async (t) => {
  const { connector, call, simulator, reopen, tokenFile } = await openBench(t);
  simulator.control.setSwitches({ limitPerSecond: 0, ipBlocks: false });
  const connectors = [connector, reopen(), reopen()];
  for (let round = 1; round <= 5; round += 1) {
    simulator.control.expireAccessTokens();
    await Promise.all(
      connectors.flatMap((each) => [each.check(call), each.check(call), each.check(call)]),
    );
    // One was issued at the start, one in each round.
    assert.equal(simulator.control.state().tokens.refreshTokens, round + 1);
  }
  assert.ok((await tokenFile.read()) !== null);
});

test('revoked access says so, does not hammer, and heals when somebody connects again', async (t) => {
  const { connector, call, simulator, tokenFile } = await openBench(t);
  simulator.control.revokeAll();
  for (let again = 0; again < 20; again += 1) {
    await assert.rejects(connector.check(call), misconfigured(/holdfast bling connect/));
  }
  const tokenCalls = simulator.control.calls().filter(({ path }) => path === '/oauth/token');
  assert.equal(tokenCalls.length, 1);
  await tokenFile.locked(() => connect(simulator, tokenFile));
  await connector.check(call);
});

test('a wrong client secret and an inactive company are told in their own words', async (t) => {
  const wrong = await openBench(t, { settings: { clientSecret: 'wrong' } });
  wrong.simulator.control.expireAccessTokens();
  await assert.rejects(
    wrong.connector.check(wrong.call),
    misconfigured(/HOLDFAST_BLING_CLIENT_SECRET/),
  );
  const inactive = await openBench(t);
  inactive.simulator.control.setSwitches({ companyActive: false });
  inactive.simulator.control.expireAccessTokens();
  await assert.rejects(inactive.connector.check(inactive.call), misconfigured(/Empresa inativa/));
});

test('no answer from the token endpoint is no verdict: it is asked again later', async (t) => {
  const { connector, call, simulator } = await openBench(t);
  simulator.control.addFault({ kind: 'reset_before', path: '/oauth/token', times: 1 });
  simulator.control.expireAccessTokens();
  const unavailable = (error: unknown): boolean =>
    error instanceof ErpFault && error.code === 'ERP_UNAVAILABLE';
  await assert.rejects(connector.check(call), unavailable);
  await assert.rejects(connector.check(call), unavailable);
  await simulator.control.advance(5_000);
  await connector.check(call);
});

const FIXTURE = join(import.meta.dirname, 'bling-renew.fixture.ts');
/** Processes have the machine's clock, and so has their Bling. */
const REAL_CLOCK = {
  simulator: { speed: 1, startAt: Date.now(), switches: { limitPerSecond: 0, ipBlocks: false } },
};

interface Other {
  readonly ready: Promise<unknown>;
  /** Lets it ask Bling; what it says then, or the signal that ended it. */
  go(): Promise<string>;
}

function otherProcess(settings: BlingSettings, fate = 'lives'): Other {
  const child = spawn(process.execPath, [FIXTURE, JSON.stringify(settings), fate]);
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = once(child, 'close');
  return {
    ready: once(child.stdout, 'data'),
    go: async () => {
      child.stdin.end('go');
      const [, signal] = (await ended) as [number | null, string | null];
      return signal ?? said.replace('ready ', '');
    },
  };
}

async function inProcess(settings: BlingSettings, fate?: 'before_keeping' | 'after_keeping') {
  return otherProcess(settings, fate).go();
}

test('four processes that find the token expired at once renew it once, and all go on', async (t) => {
  const { settings, simulator, tokenFile } = await openBench(t, REAL_CLOCK);
  simulator.control.expireAccessTokens();
  simulator.control.addFault({ kind: 'delay_after', path: '/oauth/token', delayMs: 300 });
  const others = [1, 2, 3, 4].map(() => otherProcess(settings));
  await Promise.all(others.map(({ ready }) => ready));
  const said = await Promise.all(others.map((other) => other.go()));
  assert.deepEqual(said, ['ok', 'ok', 'ok', 'ok']);
  assert.equal(simulator.control.state().tokens.refreshTokens, 2);
  assert.ok((await tokenFile.read()) !== null);
  const files = readdirSync(settings.dataDir).filter((name) => name.startsWith('bling-tokens'));
  for (const name of files) {
    assert.equal(statSync(join(settings.dataDir, name)).mode & 0o777, 0o600, name);
  }
});

test('a process killed after it kept the new token, and before it used it: the next one has it', async (t) => {
  const { settings, simulator } = await openBench(t, REAL_CLOCK);
  simulator.control.expireAccessTokens();
  assert.equal(await inProcess(settings, 'after_keeping'), 'SIGKILL');
  assert.equal(await inProcess(settings), 'ok');
  assert.equal(simulator.control.state().tokens.refreshTokens, 2);
});

test('a process killed between Bling giving a token and keeping it: said so, healed by connecting', async (t) => {
  const { settings, simulator, tokenFile } = await openBench(t, REAL_CLOCK);
  const before = await tokenFile.read();
  simulator.control.expireAccessTokens();
  assert.equal(await inProcess(settings, 'before_keeping'), 'SIGKILL');
  assert.deepEqual(await tokenFile.read(), before, 'the file is whole, and the lock is free');
  assert.match(
    await inProcess(settings),
    /^Bling refuses the authorization \(.*invalid_grant.*\): authorize Holdfast again: holdfast bling connect$/,
  );
  await tokenFile.locked(() => connect(simulator, tokenFile));
  assert.equal(await inProcess(settings), 'ok');
});

test('tokens that the disk does not take are not lost: they are kept once it does, and used only then', async (t) => {
  const { connector, call, simulator, parts, tokenFile, time } = await openBench(t);
  const before = await tokenFile.read();
  simulator.control.expireAccessTokens();
  const write = parts.tokenFile.write.bind(parts.tokenFile);
  parts.tokenFile.write = () => Promise.reject(new ErpFault('ERP_UNAVAILABLE', 'the disk is full'));
  await assert.rejects(connector.check(call), /the disk is full/);
  assert.equal(simulator.control.state().tokens.refreshTokens, 2);
  assert.deepEqual(await tokenFile.read(), before);
  parts.tokenFile.write = write;
  await time.sleep(6_000, call.signal);
  await connector.check(call);
  assert.equal(
    simulator.control.state().tokens.refreshTokens,
    2,
    'the dead one was not sent again',
  );
  assert.notEqual((await tokenFile.read())?.refreshToken, before?.refreshToken);
});

test('a file that cannot be read or written is trouble of the ERP, not a bug of ours', async (t) => {
  const { settings, tokenFile, connector, call } = await openBench(t);
  const tokens = await tokenFile.read();
  assert.ok(tokens !== null);
  rmSync(tokenFile.path);
  mkdirSync(tokenFile.path);
  const names = new RegExp(
    `ErpFault: ${tokenFile.path} cannot be read or written .*: see to the disk`,
  );
  await assert.rejects(tokenFile.read(), names);
  await assert.rejects(tokenFile.write(tokens), names);
  await assert.rejects(connector.check(call), names);
  rmSync(`${tokenFile.path}.lock`, { force: true });
  mkdirSync(`${tokenFile.path}.lock`);
  await assert.rejects(
    tokenFile.locked(() => Promise.resolve()),
    names,
  );
  mkdirSync(join(settings.dataDir, 'bling-calls.json'));
  const { budget } = openBling(settings, { now: Date.now, sleep: () => Promise.resolve() });
  await assert.rejects(
    budget.take('read', call.signal),
    /bling-calls.json cannot be read or written/,
  );
});
