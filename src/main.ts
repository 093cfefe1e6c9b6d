/** The program: the command line, with everything it needs from the rest. */
import { CliFailure, EXIT } from './cli/exit-codes.ts';
import { runCli } from './cli/program.ts';
import { openBlingDesk } from './service/erp.ts';
import { openKeyFile } from './service/keys.ts';
import { loadDotEnv, readSettings, viewSettings, type Sources } from './service/settings.ts';
import { startService } from './service/start.ts';
import { openBooks, openDataFolder } from './service/stores.ts';
import { version } from './service/version.ts';

/** Whoever reads our output may stop reading: `holdfast export | head` is no failure. */
function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    throw error;
  });
  process.stderr.on('error', () => undefined);
}

async function main(): Promise<void> {
  endWithReader();
  const io = { stdout: process.stdout, stderr: process.stderr, env: process.env };
  let fromFile: Sources;
  try {
    fromFile = loadDotEnv();
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    process.stderr.write(`holdfast: ${error.message}\n`);
    process.exitCode = error.exitCode;
    return;
  }
  process.exitCode = await runCli(process.argv.slice(2), {
    io,
    version,
    settings: (overrides) => viewSettings(readSettings(fromFile, overrides)),
    startService: (overrides) => startService(readSettings(fromFile, overrides).config),
    openBooks: (folder) => openBooks(() => readSettings(fromFile).config, folder),
    openDataFolder,
    openKeyFile,
    openBling: (overrides) => openBlingDesk(readSettings(fromFile, overrides).config),
  });
}

await main();
