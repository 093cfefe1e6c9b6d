/** The service's log: JSON lines in the Elastic Common Schema, one event each, without personal data. */
import { ecsFormat } from '@elastic/ecs-pino-format';
import { pino, type Logger } from 'pino';
import type { LogOutput } from './log-output.ts';

export const SERVICE_NAME = 'holdfast';

export interface LoggerOptions {
  /** A level of pino's: `info`, `warn`, `silent`, …. */
  readonly level: string;
  readonly version: string;
  readonly output: LogOutput;
}

export function createLogger({ level, version, output }: LoggerOptions): Logger {
  const format = ecsFormat({
    serviceName: SERVICE_NAME,
    serviceVersion: version,
    eventDataset: SERVICE_NAME,
    apmIntegration: false,
  });
  const formatLog = format.formatters?.log;
  return pino(
    {
      ...format,
      level,
      formatters: {
        ...format.formatters,
        log: (fields) => {
          // A framework's request object carries the caller's address, which has no place in a log.
          const { req: _req, res: _res, ...rest } = fields;
          return formatLog?.(rest) ?? rest;
        },
      },
    },
    { write: (line) => output.write(line) },
  );
}
