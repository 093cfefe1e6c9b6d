/** `holdfast`: the commands, their help, and how each ends. */
import { Command, CommanderError } from 'commander';
import { Fault, type FaultCode } from '../engine/faults.ts';
import type { CliParts } from './cli-parts.ts';
import { addAudit } from './commands/audit.ts';
import { addBackup, addRestore } from './commands/backup.ts';
import { addBling } from './commands/bling.ts';
import { addConfig } from './commands/config.ts';
import { addDemo } from './commands/demo.ts';
import { addErp, addReconcile } from './commands/erp.ts';
import { addExport } from './commands/export.ts';
import { addImport } from './commands/import.ts';
import { addKeys } from './commands/keys.ts';
import { addOutbox } from './commands/outbox.ts';
import { addReplay } from './commands/replay.ts';
import { addRush } from './commands/rush.ts';
import { addServe } from './commands/serve.ts';
import { CliFailure, EXIT, EXIT_CODE_HELP } from './exit-codes.ts';
import type { Registry } from './registry.ts';

const DESCRIPTION = `Stock reservations for flash sales: the buyer who puts the last unit in a cart gets it, and nobody else does.

First steps
  holdfast serve            the service, on http://127.0.0.1:8000
  holdfast demo             a flash sale in ten seconds, with its verdict`;

const FOOTER = `
Settings come from the environment and .env: .env.example, \`holdfast config\`.
Each command explains itself with --help; how it ends: \`holdfast help exit-codes\`.`;

export async function runCli(args: readonly string[], parts: CliParts): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = new Command('holdfast')
    .description(DESCRIPTION)
    .version(parts.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain the command')
    .addHelpText('after', FOOTER)
    .showHelpAfterError('(--help explains)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => parts.io.stdout.write(text),
      writeErr: (text) => parts.io.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'holdfast: ')),
    });
  const registry: Registry = {
    program,
    parts,
    action:
      (run) =>
      async (...args) => {
        exitCode = await run(...args);
      },
  };
  addServe(registry);
  addDemo(registry);
  addImport(registry);
  addExport(registry);
  addReplay(registry);
  addRush(registry);
  addAudit(registry);
  addKeys(registry);
  addBackup(registry);
  addRestore(registry);
  addBling(registry);
  addErp(registry);
  addReconcile(registry);
  addOutbox(registry);
  addConfig(registry);
  addExitCodes(registry);
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return failed(error, parts);
  }
}

/** `holdfast help exit-codes`, and the same as a command. */
function addExitCodes({ program, parts, action }: Registry): void {
  program
    .command('exit-codes', { hidden: true })
    .description(EXIT_CODE_HELP.trimEnd())
    .action(
      action(() => {
        parts.io.stdout.write(EXIT_CODE_HELP);
        return Promise.resolve(EXIT.ok);
      }),
    );
}

/** The others say that something is in the way: another service, a file that is there or is not. */
const STORE_BROKEN = new Set<FaultCode>(['STORE_DAMAGED', 'STORE_TIMEOUT', 'STORE_OVERLOADED']);

function failed(error: unknown, { io }: CliParts): number {
  // Commander has said what was wrong with the options; help and version end this way too, with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.cannot;
  if (error instanceof CliFailure) {
    io.stderr.write(`holdfast: ${error.message}\n`);
    return error.exitCode;
  }
  if (error instanceof Fault) {
    io.stderr.write(`holdfast: ${error.message}\n`);
    return STORE_BROKEN.has(error.code) ? EXIT.broken : EXIT.cannot;
  }
  // A folder that is not there, a disk that is full: told by the operating system, and clear enough.
  if (error instanceof Error && 'syscall' in error) {
    io.stderr.write(`holdfast: ${error.message}\n`);
    return EXIT.cannot;
  }
  const bug = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.stderr.write(`holdfast: this is a bug in Holdfast, please report it:\n${bug}\n`);
  return EXIT.broken;
}
