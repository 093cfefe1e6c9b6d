/**
 * A process of its own that asks Bling once, over the data folder of others. Arguments: its settings as JSON, and what
 * becomes of it: `lives`, or dies `before_keeping` or `after_keeping` a token that it has just been given. Says `ready`,
 * waits until it may, and says how it went.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { BlingConnector } from '../../src/connectors/bling/bling-connector.ts';
import { openBling } from '../../src/connectors/bling/parts.ts';
import type { BlingSettings } from '../../src/connectors/bling/settings.ts';

const [settings = '', fate = 'lives'] = process.argv.slice(2);
const parts = openBling(JSON.parse(settings) as BlingSettings, {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
});
if (fate !== 'lives') {
  const keep = parts.tokenFile.write.bind(parts.tokenFile);
  parts.tokenFile.write = async (tokens) => {
    if (fate === 'after_keeping') await keep(tokens);
    process.kill(process.pid, 'SIGKILL');
    await sleep(60_000);
  };
}
process.stdout.write('ready ');
await once(process.stdin, 'data');
process.stdin.destroy();
try {
  await new BlingConnector(parts).check({
    signal: new AbortController().signal,
    turn: () => Promise.resolve(),
  });
  process.stdout.write('ok');
} catch (error) {
  process.stdout.write((error as Error).message);
}
await parts.exchange.close();
