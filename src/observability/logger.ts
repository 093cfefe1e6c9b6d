/** The service's log: JSON lines in the Elastic Common Schema, one event each, without personal data. */
import { ecsFormat } from '@elastic/ecs-pino-format';
import { pino, type Logger } from 'pino';
import { ErpFault } from '../engine/erp-port.ts';
import { Fault } from '../engine/faults.ts';
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
          const known = inEcs(fields);
          return formatLog?.(known) ?? known;
        },
      },
    },
    { write: (line) => output.write(line) },
  );
}

/** Fields that have a name in ECS under that name, and nothing about the caller. */
function inEcs(fields: Record<string, unknown>): Record<string, unknown> {
  // A framework's request object carries the caller's address, which has no place in a log.
  const { req: _req, res: _res, request_id, trace_id, route, code, err, ...rest } = fields;
  if (request_id !== undefined) rest['http.request.id'] = request_id;
  if (typeof trace_id === 'string') rest['trace.id'] = trace_id;
  if (route !== undefined) rest['http.route'] = route;
  if (err instanceof Fault || err instanceof ErpFault) {
    // Trouble outside is told by its code: under overload a stack trace each would be the next trouble.
    rest['error.type'] = err.name;
    rest['error.code'] = err.code;
    rest['error.message'] = err.message;
  } else {
    if (err !== undefined) rest['err'] = err;
    if (code !== undefined) rest['error.code'] = code;
  }
  return rest;
}
