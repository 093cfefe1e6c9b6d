/** `holdfast bling`: connects Holdfast with an account of Bling, and says how the connection is. */
import { randomBytes } from 'node:crypto';
import { InvalidArgumentError } from 'commander';
import { ErpFault } from '../../engine/erp-port.ts';
import { openBrowser, openerOf } from '../browser.ts';
import { listenForCode } from '../callback.ts';
import type { ErpDesk } from '../cli-parts.ts';
import { CliFailure, EXIT, type ExitCode } from '../exit-codes.ts';
import { dataDirOption, moreHelp } from '../options.ts';
import { codeIn, readPasted } from '../pasted-code.ts';
import type { Registry } from '../registry.ts';
import { writeFacts, writeJson, writeLines } from '../terminal.ts';

interface Options {
  readonly dataDir?: string;
}

interface ConnectOptions extends Options {
  readonly port: number;
  readonly code?: string;
  /** False with --no-browser. */
  readonly browser: boolean;
}

interface StatusOptions extends Options {
  readonly offline?: true;
  readonly json?: true;
}

const DEFAULT_PORT = 8_765;
const PATIENCE_MS = 600_000;

export function addBling(registry: Registry): void {
  const bling = registry.program
    .command('bling')
    .description('connect with an account of Bling, and see how the connection is')
    .addHelpText('after', moreHelp('holdfast bling connect'));
  addConnect(registry, bling);
  addStatus(registry, bling);
}

type Parent = ReturnType<Registry['program']['command']>;

function addConnect({ parts, action }: Registry, parent: Parent): void {
  parent
    .command('connect')
    .description('let a person authorize Holdfast in Bling, and keep the tokens, sealed')
    .option(
      '--port <port>',
      'port of this machine that the browser comes back to',
      readPort,
      DEFAULT_PORT,
    )
    .option('--no-browser', 'print the address, and do not open it')
    .option(
      '--code <code>',
      'the code, or the whole address that the browser ended at; good for a minute',
    )
    .addOption(dataDirOption())
    .addHelpText(
      'after',
      moreHelp(
        'holdfast bling connect --code 3f9c2a71b0de',
        `In the app's page at Bling, set the redirect link to http://127.0.0.1:${DEFAULT_PORT}/callback. The address to open is always printed; where there is a desktop it is opened too.`,
        'On a server without one: open the printed address in the browser of any other machine, and say yes. That browser then ends at a page of 127.0.0.1 that it cannot show. Copy the address of that page, and paste it into the waiting command (or start it again with --code). Be quick: the code in it is good for a minute, and once.',
        'A service that runs takes up the new tokens by itself.',
      ),
    )
    .action(
      action((options: ConnectOptions) =>
        withDesk(parts.openBling(toOverrides(options)), async (desk) => {
          const { stderr, stdout } = parts.io;
          const code =
            options.code === undefined
              ? await askBrowser(desk, options, parts.io.env, (lines) => {
                  writeLines(stderr, lines);
                })
              : codeIn(options.code, null);
          await desk.connect(code);
          writeLines(stdout, ['Connected. `holdfast bling status` says how it stands.']);
          return EXIT.ok;
        }),
      ),
    );
}

async function askBrowser(
  desk: ErpDesk,
  { port, browser }: Pick<ConnectOptions, 'port' | 'browser'>,
  env: Readonly<Record<string, string | undefined>>,
  say: (lines: readonly string[]) => void,
): Promise<string> {
  const state = randomBytes(16).toString('hex');
  const address = desk.authorizeUrl(state);
  const callback = await listenForCode(port, state, PATIENCE_MS);
  const pasted = readPasted(process.stdin, state, (text) => {
    say([text]);
  });
  try {
    say([
      'Open this address in a browser, as a user of Bling who may authorize apps:',
      '',
      `  ${address}`,
      '',
    ]);
    const opener = browser ? openerOf(process.platform, env) : null;
    const isOpen = opener !== null && (await openBrowser(address, opener));
    say([
      `${isOpen ? 'Your browser has been asked to. ' : ''}Waiting for it to come back to ${callback.url} (Ctrl-C gives up).`,
      'Is the browser on another machine? Then it ends at a page that it cannot show: paste the address of that page here, within a minute.',
    ]);
    return await Promise.race([callback.code, pasted.code]);
  } finally {
    callback.close();
    pasted.close();
  }
}

function addStatus({ parts, action }: Registry, parent: Parent): void {
  parent
    .command('status')
    .description('say how the connection is; exit code 1 if somebody should do something')
    .option('--offline', 'do not ask Bling')
    .option('--json', 'print as JSON')
    .addOption(dataDirOption())
    .addHelpText('after', moreHelp('holdfast bling status'))
    .action(
      action((options: StatusOptions) =>
        withDesk(parts.openBling(toOverrides(options)), async (desk) => {
          const { io } = parts;
          const facts = await desk.facts(options.offline !== true);
          const isFine = facts.every(({ fine }) => fine);
          if (options.json) writeJson(io.stdout, { ok: isFine, facts });
          else writeFacts(io, facts);
          return isFine ? EXIT.ok : EXIT.found;
        }),
      ),
    );
}

async function withDesk(
  desk: ErpDesk,
  use: (desk: ErpDesk) => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    return await use(desk);
  } catch (error) {
    if (!(error instanceof ErpFault)) throw error;
    throw new CliFailure(error.message, EXIT.cannot, error);
  } finally {
    await desk.close();
  }
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(port <= 65_535)) throw new InvalidArgumentError('Expected a number from 0 to 65535.');
  return port;
}

function toOverrides({ dataDir }: Options): Record<string, string> {
  return dataDir === undefined ? {} : { HOLDFAST_DATA_DIR: dataDir };
}
