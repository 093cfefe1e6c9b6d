/** `holdfast rush`: thousands of buyers against a running service, and a verdict. */
import { Option } from 'commander';
import type { CliParts } from '../cli-parts.ts';
import { CliFailure, type ExitCode } from '../exit-codes.ts';
import { DEFAULT_URL_IS, moreHelp } from '../options.ts';
import type { Registry } from '../registry.ts';
import { RUSH_ARGUMENT, RUSH_OPTIONS, type RushOptions } from '../rush/rush-options.ts';
import { ServiceClient } from '../service-client.ts';

type Options = Omit<RushOptions, 'url'> & { readonly url?: string };

export function addRush({ program, parts, action }: Registry): void {
  const command = program
    .command('rush')
    .description('let thousands of buyers race for the stock of a running service, and judge it')
    .argument('[url]', `${RUSH_ARGUMENT.description} (${DEFAULT_URL_IS})`)
    .addOption(new Option('--url <url>', 'the same').hideHelp());
  for (const { flags, description, defaultValue } of RUSH_OPTIONS) {
    const usual = defaultValue === undefined ? '' : ` (default: ${defaultValue})`;
    const fromEnv = flags.startsWith('--key') ? ' (default: HOLDFAST_KEY)' : '';
    command.option(flags, description + usual + fromEnv);
  }
  command
    .addHelpText('after', HELP)
    .action(
      action((url: string | undefined, options: Options) =>
        rush({ ...options, url: url ?? options.url ?? parts.settings().serviceUrl }, parts),
      ),
    );
}

const HELP = moreHelp(
  'holdfast rush --buyers 5000 --stock 100 --abandon 0.2 --ttl-seconds 3',
  'Exit code 0: no unit was sold that was not there, none refused that was, and every threshold holds. 1: not so, or not proven. 2: the rush could not be run. Ctrl-C ends it early, with a verdict on what was answered by then.',
);

async function rush(options: RushOptions, parts: CliParts): Promise<ExitCode> {
  const { stdout, stderr, env } = parts.io;
  // Loaded only where there is a rush.
  const { runRush, rushOptionsFault } = await import('../rush/index.ts');
  const fault = rushOptionsFault(options);
  if (fault !== null) throw new CliFailure(fault);
  const key = options.key ?? parts.settings().clientKey ?? undefined;
  // The rush itself waits for a service that is starting; one that is not there is told of at once.
  const client = new ServiceClient({ url: options.url, key: key ?? null });
  await client.reach().finally(() => client.close());
  const stop = new AbortController();
  const asked = (): void => {
    process.off('SIGINT', asked);
    stop.abort();
  };
  process.on('SIGINT', asked);
  try {
    const end = await runRush({ ...options, key }, { stdout, stderr, env, signal: stop.signal });
    return end.exitCode;
  } finally {
    process.off('SIGINT', asked);
  }
}
