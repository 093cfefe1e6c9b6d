/** `POST /stock/import`: a stock file, read as it arrives. All rows or none. */
import { createHash, type Hash } from 'node:crypto';
import { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ImportStockCommand } from '../../core/command.ts';
import {
  parseStockFile,
  toStockSetting,
  type StockFile,
} from '../../engine/stock-file/stock-file.ts';
import { ADMIN } from '../access.ts';
import { idempotencyKeyOf, identify } from '../idempotency.ts';
import { problem, ProblemError } from '../problem.ts';
import * as operations from '../schemas/operations.ts';
import { ImportQuery } from '../schemas/requests.ts';
import { ask, type Http, type Server } from '../server.ts';

/** A file is held in memory while it is read: a few at once are enough. */
const MAX_AT_ONCE = 2;

/** `text/plain` and `application/octet-stream` say nothing: the first line does. */
export const FILE_TYPES = [
  'text/csv',
  'application/csv',
  'text/tab-separated-values',
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'text/plain',
  'application/octet-stream',
];

export function importRoutes(app: Server, http: Http): void {
  let running = 0;

  app.register((scope: Server, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(FILE_TYPES, (_request, _payload, parsed) => parsed(null));
    scope.addContentTypeParser('*', (_request, _payload, parsed) => {
      parsed(new ProblemError(problem('unsupported_media_type', { accepted: FILE_TYPES })));
    });
    scope.post(
      '/stock/import',
      {
        config: { access: ADMIN },
        schema: { ...operations.importStock, querystring: ImportQuery },
      },
      async (request, reply) => {
        if (running >= MAX_AT_ONCE) {
          const outcome = { outcome: 'not_done' };
          throw new ProblemError(problem('overloaded', outcome, { retryAfterSeconds: 5 }));
        }
        running += 1;
        waitWhileItComes(http, request);
        try {
          await importFile(http, request, reply, request.query);
        } finally {
          running -= 1;
        }
      },
    );
    done();
  });
}

/**
 * A file may take longer to arrive than any other request, as long as it keeps coming. The connection is not kept
 * afterwards, so its patience need not be taken back.
 */
function waitWhileItComes({ patientSockets, settings }: Http, { raw }: FastifyRequest): void {
  const { socket } = raw;
  // A request that a test injects came through none.
  if (!(socket instanceof Socket)) return;
  patientSockets.add(socket);
  socket.setTimeout(settings.requestTimeoutMs, () => socket.destroy());
}

/** It has a deadline of its own, which grows with the file. */
function waitForTheStore({ raw }: FastifyRequest): void {
  if (raw.socket instanceof Socket) raw.socket.setTimeout(0);
}

const CLOSE = ['connection', 'close'];

async function importFile(
  http: Http,
  request: FastifyRequest,
  reply: FastifyReply,
  query: { dry_run?: boolean; sku_from?: 'sku' | 'handle' },
): Promise<void> {
  const dryRun = query.dry_run ?? false;
  const key = idempotencyKeyOf(request);
  const digest = createHash('sha256');
  const bytes = bounded(request, http.settings.importBodyLimit, digest);
  const file = await parseStockFile(bytes, {
    skuFrom: query.sku_from ?? 'sku',
    contentType: request.headers['content-type'] ?? '',
  });
  waitForTheStore(request);
  if (file.errors > 0) {
    http.respond.problem(request, reply, fileProblem(file));
    return;
  }
  const rows = file.rows.map(toStockSetting);
  const command: ImportStockCommand = { type: 'import_stock', rows, dryRun };
  const asked = { dryRun, skuFrom: query.sku_from, sha256: digest.digest('hex') };
  const idempotency = key === null ? null : identify(request, key, JSON.stringify(asked));
  const answer = await ask(http, request, reply, command, idempotency);
  if (answer === null) return;
  const report = {
    dry_run: dryRun,
    format: file.format,
    rows: rows.length,
    created: answer.created,
    updated: answer.updated,
    unchanged: answer.unchanged,
    changes: answer.changes.map(({ sku, effect, onHandBefore, onHandAfter }) => ({
      sku,
      effect,
      on_hand_before: onHandBefore,
      on_hand_after: onHandAfter,
    })),
    warning_count: file.warnings,
    warnings: file.problems,
  };
  http.respond.json(request, reply, 200, JSON.stringify(report), CLOSE);
}

function fileProblem({ errors, warnings, problems }: StockFile) {
  return problem('invalid_file', { error_count: errors, warning_count: warnings, problems });
}

/** The body as it arrives, given up at the limit, and hashed to tell it from another. */
async function* bounded(
  request: FastifyRequest,
  limit: number,
  digest: Hash,
): AsyncGenerator<Uint8Array> {
  const tooLarge = (): ProblemError =>
    new ProblemError(problem('body_too_large', { limit_bytes: limit }));
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge();
  let received = 0;
  // The answer still has to go out where the reading ends early.
  for await (const chunk of request.raw.iterator({ destroyOnReturn: false })) {
    const bytes = chunk as Buffer;
    received += bytes.length;
    if (received > limit) throw tooLarge();
    digest.update(bytes);
    yield bytes;
  }
}
