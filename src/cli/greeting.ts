/** The first words of a service: what it is, where it is, and what to try next. */
import type { CliParts, RunningService } from './cli-parts.ts';
import { painter, plural } from './terminal.ts';

export function greeting(service: RunningService, { version, io }: CliParts): string[] {
  const paint = painter(io.stderr, io.env);
  const fact = (name: string, text: string): string => `  ${paint('dim', name.padEnd(8))} ${text}`;
  const { url } = service;
  return [
    '',
    `  ${paint('bold', `Holdfast ${version}`)} listens on ${paint('bold', url)}`,
    '',
    fact('store', describeStore(service)),
    fact('access', describeAccess(service)),
    fact('ERP', describeErp(service)),
    fact('log', service.logFile ?? 'stdout, JSON lines'),
    fact('docs', `${url}/docs to try every call in the browser; numbers: ${url}/metrics`),
    '',
    ...(service.durable
      ? []
      : [
          `  ${paint('bad', 'Not for production: the memory store forgets everything when it stops.')}`,
          '',
        ]),
    ...tryNext(service).map((line) => `  ${line}`),
    '',
    `  ${paint('dim', 'A whole flash sale in ten seconds, in another terminal: npm run demo. Ctrl-C stops the service.')}`,
    '',
  ];
}

function describeStore({ store, durable, place, skus }: RunningService): string {
  const stock = skus === 0 ? 'no stock yet' : plural(skus, 'SKU');
  return durable ? `${store}, durable, in ${place}: ${stock}` : `${store}: ${stock}`;
}

function describeErp({ erp }: RunningService): string {
  return erp === null
    ? 'none: a confirmed unit leaves the stock at once'
    : `${erp.name}: a confirmed unit leaves the stock when ${erp.name} has been told`;
}

function describeAccess({ keys }: RunningService): string {
  return keys
    ? 'by API key; `npx holdfast keys list` lists them'
    : 'open, to this machine only; other machines need a key: npx holdfast keys create --help';
}

/** Commands to copy that work as they stand, but for the key. */
function tryNext({ url, keys, someSku }: RunningService): string[] {
  const key = keys ? " -H 'authorization: Bearer <your key>'" : '';
  const sku = someSku ?? 'SKU-001';
  const path = encodeURIComponent(sku).replaceAll("'", '%27');
  const reserve = ['# put one in a cart', `curl -X POST ${url}/stock/${path}/reserve${key}`];
  if (someSku !== null) return reserve;
  return [
    '# put one unit on sale',
    `curl -X PUT ${url}/stock/${path}${key} -H 'content-type: application/json' -d '{"on_hand": 1}'`,
    ...reserve,
    `# or bring your stock: npx holdfast import stock.csv --dry-run${keys ? ' --key <your key>' : ''}`,
  ];
}
