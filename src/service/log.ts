/** Where the log goes, and what goes there when a bug ends the process. */
import { join } from 'node:path';
import { CliFailure, EXIT } from '../cli/exit-codes.ts';
import type { Config } from '../config.ts';
import { openLogOutput, type LogOutput } from '../observability/log-output.ts';
import { createLogger } from '../observability/logger.ts';
import { ReservationLog } from '../observability/reservation-log.ts';
import { version } from './version.ts';

function openOutput(target: string): LogOutput {
  const trouble = (error: unknown): string =>
    `the log (HOLDFAST_LOG_FILE) cannot be written: ${error instanceof Error ? error.message : String(error)}`;
  try {
    return openLogOutput(target, (error) => {
      process.stderr.write(`holdfast: warning: ${trouble(error)}\n`);
    });
  } catch (error) {
    throw new CliFailure(trouble(error), EXIT.config, error);
  }
}

export function openLog(config: Config, dataDir: string) {
  const { level, file } = config.log;
  const auto = process.stdout.isTTY ? join(dataDir, 'holdfast.log') : 'stdout';
  const target = file === 'auto' ? auto : file;
  const output = openOutput(target);
  const logger = createLogger({ level, version, output });
  const lines = new ReservationLog({
    output,
    version,
    which: logger.isLevelEnabled('info') ? config.log.reservations : 'none',
    now: () => Date.now(),
  });
  const flush = (): void => {
    lines.flush();
    output.flush();
  };
  return { output, logger, lines, flush, file: target === 'stdout' ? null : target };
}

export type Log = ReturnType<typeof openLog>;

/** What has no other place to go ends the process, with a last line in the log. */
export function crashLoudly(log: Log): void {
  process.on('uncaughtException', (error) => {
    log.logger.fatal({ err: error }, 'a bug stopped the service');
    log.flush();
    process.stderr.write(
      `holdfast: this is a bug in Holdfast, please report it:\n${error.stack ?? String(error)}\n`,
    );
    process.exit(EXIT.broken);
  });
  process.on('exit', log.flush);
}
