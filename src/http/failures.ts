/** Everything that can be thrown on the way to an answer, as the problem that the caller is told. */
import type { FastifyBaseLogger } from 'fastify';
import { Fault } from '../engine/faults.ts';
import type { Asking } from './exchange.ts';
import { languageOf } from './languages.ts';
import { problem, ProblemError, problemOfFault, type Problem } from './problem.ts';
import { traceIdOf } from './trace-context.ts';
import { ValidationError, validationProblem } from './validation.ts';

type Logger = FastifyBaseLogger | undefined;
/** The framework also knows how large a body may be. */
type Failed = Asking & { readonly routeOptions?: { readonly bodyLimit: number } };

export function problemOfFailure(error: unknown, request: Failed, logger: Logger): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof ValidationError) {
    return validationProblem(error.issues, languageOf(request.headers['accept-language']));
  }
  if (error instanceof Fault) {
    logger?.warn(
      { err: error, code: error.code, request_id: request.id, trace_id: traceIdOf(request) },
      'the store gave no answer',
    );
    return problemOfFault(error);
  }
  return ofFramework(error, request) ?? ofBug(error, request, logger);
}

/** What Fastify itself finds wrong with a request. */
function ofFramework(error: unknown, request: Failed): Problem | null {
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return problem('body_too_large', { limit_bytes: request.routeOptions?.bodyLimit ?? 0 });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return problem('unsupported_media_type', { accepted: ['application/json'] });
    case 'FST_ERR_BAD_URL':
      return problem('malformed_url');
    case 'FST_ERR_NOT_FOUND':
      return problem('not_found');
    default:
      // A body that ended early or not at all: the caller is at fault, and most likely gone.
      return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500
        ? problem('malformed_request')
        : null;
  }
}

function ofBug(error: unknown, request: Failed, logger: Logger): Problem {
  logger?.error(
    { err: error, route: request.route, request_id: request.id, trace_id: traceIdOf(request) },
    'a request failed',
  );
  const outcome = request.method === 'GET' || request.method === 'HEAD' ? 'not_done' : 'unknown';
  return problem('internal_error', { outcome });
}
