/** `npm run simulate:bling`: a Bling to try Holdfast with, without an account. */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { startBlingSimulator } from './server.ts';

/** Where Holdfast listens if nobody says otherwise. */
const WEBHOOK_URL = 'http://127.0.0.1:8000/webhooks/bling';
const REDIRECT_URI = 'http://127.0.0.1:8765/callback';

const HELP = `Usage: npm run simulate:bling -- [options]

  --port <n>           port to listen on (8700; 0 for any free one)
  --host <address>     address to listen on (127.0.0.1)
  --seed <n>           same seed, same ids and tokens (1)
  --products <n>       products in the catalogue (200)
  --stock <n>          units of each (100)
  --speed <n>          simulated seconds per second; 0 stands still (1)
  --redirect-uri <u>   where the authorize page sends the code (${REDIRECT_URI}, where
                       \`holdfast bling connect\` waits for it); '': the page shows the code
  --webhook-url <u>    where webhooks go (${WEBHOOK_URL}); '': nowhere
  --help               this text
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8700' },
      host: { type: 'string', default: '127.0.0.1' },
      seed: { type: 'string', default: '1' },
      products: { type: 'string', default: '200' },
      stock: { type: 'string', default: '100' },
      speed: { type: 'string', default: '1' },
      'redirect-uri': { type: 'string', default: REDIRECT_URI },
      'webhook-url': { type: 'string', default: WEBHOOK_URL },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const simulator = await startBlingSimulator({
    host: values.host,
    port: natural('port', values.port),
    seed: natural('seed', values.seed),
    speed: speedOf(values.speed),
    switches: { redirectUri: values['redirect-uri'], webhookUrl: values['webhook-url'] },
  });
  const count = natural('products', values.products);
  if (count > 0) simulator.control.seed({ count, stock: natural('stock', values.stock) });
  greet(simulator, count);
  const stop = (): void => {
    void simulator.stop();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
}

function greet(
  { url, apiUrl, client, depositId }: Awaited<ReturnType<typeof startBlingSimulator>>,
  products: number,
): void {
  process.stdout.write(`
  Bling simulator listens on ${url}
  ${products} products, one deposit, the real limits (3 calls per second, 120,000 per day)

  Settings for Holdfast, to copy into its .env:

HOLDFAST_ERP=bling
HOLDFAST_BLING_API_URL=${apiUrl}
HOLDFAST_BLING_OAUTH_URL=${apiUrl}
HOLDFAST_BLING_CLIENT_ID=${client.id}
HOLDFAST_BLING_CLIENT_SECRET=${client.secret}
HOLDFAST_BLING_DEPOSIT_ID=${depositId}
HOLDFAST_BLING_ORDER_MODE=order
HOLDFAST_BLING_SITUATIONS=6
HOLDFAST_SECRET_KEY=${randomBytes(32).toString('base64')}

  Then: npx holdfast bling connect, npm start

  What it can be made to do: curl ${url}/__control
  For example, lose the answer to the next order:
    curl ${url}/__control/faults -d '{"kind":"reset_after","method":"POST","path":"/pedidos/vendas","times":1}'

  Ctrl-C stops it; nothing is kept.
`);
}

function speedOf(text: string): number {
  const value = Number(text);
  if (text === '' || !(value >= 0 && value <= 100_000)) {
    throw new RangeError(`--speed is a number from 0 to 100000, not ${text}`);
  }
  return value;
}

function natural(name: string, text: string): number {
  const value = Number(text);
  if (text === '' || !Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`--${name} is a number from 0 up, not ${text}`);
  }
  return value;
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  }
}
