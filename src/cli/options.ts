/** Options that several commands share. */
import { InvalidArgumentError, Option } from 'commander';
import type { CliParts } from './cli-parts.ts';
import type { ExitCode } from './exit-codes.ts';
import { ServiceClient } from './service-client.ts';

const HELP_WIDTH = 80;

/** What stands below a command's options: more to know, in paragraphs, and one example to copy. */
export function moreHelp(example: string, ...paragraphs: string[]): string {
  const wrapped = paragraphs.map((paragraph) => `\n${wrap(paragraph)}\n`);
  return `${wrapped.join('')}\nExample\n  ${example}`;
}

function wrap(text: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + 1 + word.length > HELP_WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join('\n');
}

export const DEFAULT_URL_IS = 'default: by HOLDFAST_HOST and HOLDFAST_PORT, http://127.0.0.1:8000';

export function dataDirOption(): Option {
  return new Option(
    '--data-dir <folder>',
    'the data folder (default: HOLDFAST_DATA_DIR, or ./data)',
  );
}

export function urlOption(): Option {
  return new Option('--url <url>', `address of the service (${DEFAULT_URL_IS})`);
}

export function keyOption(): Option {
  return new Option('--key <key>', 'API key (default: HOLDFAST_KEY)');
}

/** Of an option: 1 or more. */
export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
}

export interface ServiceOptions {
  readonly url?: string;
  readonly key?: string;
}

export function connect(
  { url, key }: ServiceOptions,
  parts: CliParts,
  connections = 1,
): ServiceClient {
  if (url !== undefined && key !== undefined) return new ServiceClient({ url, key }, connections);
  const { serviceUrl, clientKey } = parts.settings();
  return new ServiceClient({ url: url ?? serviceUrl, key: key ?? clientKey }, connections);
}

/** A client for so long as it is used. */
export async function withService(
  options: ServiceOptions,
  parts: CliParts,
  use: (client: ServiceClient) => Promise<ExitCode>,
): Promise<ExitCode> {
  const client = connect(options, parts);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}
