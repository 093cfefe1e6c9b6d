/** `holdfast serve`: starts the service, greets, and stops it well. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CliParts, Overrides, RunningService } from '../cli-parts.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { greeting } from '../greeting.ts';
import { dataDirOption, moreHelp } from '../options.ts';
import type { Registry } from '../registry.ts';
import { writeLines } from '../terminal.ts';

interface Options {
  readonly host?: string;
  readonly port?: string;
  readonly dataDir?: string;
  readonly store?: string;
  readonly quiet?: true;
}

/** After the store has failed: long enough for callers and load balancers to hear 503 rather than nothing. */
const FAILING_MS = 2_000;
/** What is in flight when we are asked to stop gets this long; requests have shorter limits of their own. */
const STOPPING_MS = 20_000;
const FORCED_EXIT = 130;

export function addServe({ program, parts, action }: Registry): void {
  program
    .command('serve')
    .description('run the service until it is stopped (Ctrl-C or SIGTERM)')
    .option('--host <host>', 'address to listen on (default: HOLDFAST_HOST, or 127.0.0.1)')
    .option('--port <port>', 'port to listen on (default: HOLDFAST_PORT, or 8000)')
    .addOption(dataDirOption())
    .option(
      '--store <store>',
      'embedded, memory or the address of Redis (default: HOLDFAST_STORE, or embedded)',
    )
    .option('--quiet', 'do not greet; warnings and failures are still told')
    .addHelpText(
      'after',
      moreHelp(
        'HOLDFAST_DATA_DIR=/var/lib/holdfast holdfast serve --port 9000',
        'The greeting goes to stderr; the log to stdout as JSON lines, or to a file in the data folder when stdout is a terminal.',
      ),
    )
    .action(action((options: Options) => serve(options, parts)));
}

async function serve(options: Options, parts: CliParts): Promise<ExitCode> {
  const { io } = parts;
  const overrides = toOverrides(options);
  const { warnings } = parts.settings(overrides);
  writeLines(
    io.stderr,
    warnings.map((warning) => `holdfast: warning: ${warning}`),
  );
  // Whoever asks while it still starts is answered by a service that stops well, not by one cut short.
  const asked = askedToStop();
  const service = await parts.startService(overrides);
  if (options.quiet !== true) writeLines(io.stderr, greeting(service, parts));
  writeLines(
    io.stderr,
    service.notes.map((note) => `holdfast: warning: ${note}`),
  );
  void service.erp?.trouble.then((trouble) => {
    if (trouble !== null) io.stderr.write(`holdfast: warning: ${trouble}\n`);
  });
  const end = await Promise.race([asked, service.failed]);
  if (end instanceof Error) {
    io.stderr.write(
      `holdfast: the store failed: ${end.message}\nWhat was acknowledged is safe. Every call is answered 503, and the service stops.\n`,
    );
    await sleep(FAILING_MS);
  } else if (options.quiet !== true) {
    io.stderr.write(`\nholdfast: ${end}: answering what is in flight, then stopping\n`);
  }
  return stop(service, io, end instanceof Error ? EXIT.broken : EXIT.ok);
}

async function stop(
  service: RunningService,
  io: CliParts['io'],
  exitCode: ExitCode,
): Promise<ExitCode> {
  const force = (): void => process.exit(FORCED_EXIT);
  for (const signal of SIGNALS) process.on(signal, force);
  const late = sleep(STOPPING_MS, 'late' as const, { ref: false });
  if ((await Promise.race([service.stop(), late])) === 'late') {
    io.stderr.write(
      `holdfast: some requests did not end within ${STOPPING_MS / 1000} s; stopping without them\n`,
    );
    process.exit(EXIT.broken);
  }
  for (const signal of SIGNALS) process.off(signal, force);
  return exitCode;
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

function askedToStop(): Promise<string> {
  return new Promise((resolve) => {
    const asked = (signal: NodeJS.Signals): void => {
      for (const each of SIGNALS) process.off(each, asked);
      resolve(signal);
    };
    for (const signal of SIGNALS) process.on(signal, asked);
  });
}

function toOverrides({ host, port, dataDir, store }: Options): Overrides {
  return {
    ...(host === undefined ? {} : { HOLDFAST_HOST: host }),
    ...(port === undefined ? {} : { HOLDFAST_PORT: port }),
    ...(dataDir === undefined ? {} : { HOLDFAST_DATA_DIR: dataDir }),
    ...(store === undefined ? {} : { HOLDFAST_STORE: store }),
  };
}
