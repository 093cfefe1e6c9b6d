/** Options that several commands share. */
import { Option } from 'commander';
import type { CliParts } from './cli-parts.ts';
import { ServiceClient } from './service-client.ts';

export const DEFAULT_URL = 'http://127.0.0.1:8000';

export function dataDirOption(): Option {
  return new Option(
    '--data-dir <folder>',
    'the data folder (default: HOLDFAST_DATA_DIR, or ./data)',
  );
}

export function urlOption(): Option {
  return new Option('--url <url>', 'address of the service').default(DEFAULT_URL);
}

export function keyOption(): Option {
  return new Option('--key <key>', 'API key (default: HOLDFAST_KEY)');
}

export interface ServiceOptions {
  readonly url: string;
  readonly key?: string;
}

export function connect(
  { url, key }: ServiceOptions,
  parts: CliParts,
  connections = 1,
): ServiceClient {
  return new ServiceClient({ url, key: key ?? parts.settings().clientKey }, connections);
}
