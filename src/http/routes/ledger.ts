/** The ledger: of one SKU, of all as events, and the proof that the books agree with it. */
import type { LedgerEntry } from '../../core/ledger.ts';
import type { LedgerCut } from '../../core/ledger-cut.ts';
import type { LevelView } from '../../core/stock-level.ts';
import type { LedgerBeginning } from '../../engine/ports.ts';
import { ADMIN } from '../access.ts';
import { balanceJson, entryJson, ledgerEntryJson, type Balance } from '../mapping.ts';
import { problem } from '../problem.ts';
import { STATIC_HEADERS } from '../respond.ts';
import { SkuParams } from '../schemas/common.ts';
import * as operations from '../schemas/operations.ts';
import { EventsQuery, LedgerQuery } from '../schemas/requests.ts';
import type { Http, Server } from '../server.ts';
import { isoTimeJson } from '../time.ts';
import { traceIdOf } from '../trace-context.ts';
import { ValidationError } from '../validation.ts';
import { refuseGap } from './ledger-cut.ts';
import { nextPage } from './stock.ts';

const USUAL_PAGE = 100;

export function ledgerRoutes(app: Server, http: Http): void {
  const { engine, respond } = http;
  const { store } = engine;

  app.get(
    '/stock/:sku/ledger',
    {
      config: { access: ADMIN },
      schema: { ...operations.getLedger, params: SkuParams, querystring: LedgerQuery },
    },
    async (request, reply) => {
      const { sku } = request.params;
      const { after = 0, limit = USUAL_PAGE, carry } = request.query;
      const carried = readCarry(carry);
      const level = await store.level(sku);
      if (level === null) {
        respond.problem(request, reply, problem('unknown_sku', { skus: [sku] }));
        return;
      }
      const found = await store.ledger({ sku, after, limit: limit + 1 });
      const page = found.slice(0, limit);
      const { cut, opening } = await store.ledgerBeginning(sku);
      const trimmed = after < cut.seq;
      const start = trimmed ? (opening ?? ZERO) : after === 0 ? ZERO : carried;
      const { entries, balance } = withBalances(page, start);
      const last = found.length > limit ? page.at(-1) : undefined;
      const more =
        last === undefined
          ? null
          : { after: last.seq, limit, carry: balance === null ? null : writeCarry(balance) };
      const next = JSON.stringify(nextPage(`/stock/${encodeURIComponent(sku)}/ledger`, more));
      const body =
        `{"sku":${JSON.stringify(sku)},"equation":${equationJson(level)},` +
        `"as_of":${isoTimeJson(store.clock.now())},` +
        `"opening":${trimmed ? openingJson(cut, opening) : 'null'},"entries":[${entries}],"next":${next}}`;
      respond.json(request, reply, 200, body);
    },
  );

  app.get(
    '/audit',
    { config: { access: ADMIN }, schema: operations.runAudit },
    async (request, reply) => {
      const { problemCount, problems, ...counts } = await store.audit();
      const listed = problems.map(({ reservationId, ...found }) => ({
        ...found,
        reservation_id: reservationId,
      }));
      const report = { ...counts, problem_count: problemCount, problems: listed };
      respond.json(request, reply, 200, JSON.stringify(report));
    },
  );
}

function equationJson(level: LevelView): string {
  const { onHand, reserved, allocated, safetyStock, available, shortfall } = level;
  const missing = shortfall > 0 ? ` (${shortfall} short)` : '';
  return JSON.stringify({
    on_hand: onHand,
    reserved,
    allocated,
    safety_stock: safetyStock,
    available,
    shortfall,
    text: `${onHand} on hand - ${reserved} reserved - ${allocated} allocated - ${safetyStock} safety stock = ${available} available${missing}`,
  });
}

const ZERO: Balance = { onHand: 0, reserved: 0, allocated: 0, safetyStock: 0 };

function openingJson({ seq, at }: LedgerCut, opening: LedgerBeginning['opening']): string {
  const figures = balanceJson(opening ?? ZERO).slice(1);
  const entries = opening?.entries ?? 0;
  return `{"through_seq":${seq},"at":${isoTimeJson(at)},"entries":${entries},${figures}`;
}

/** Each entry with what the SKU's entries sum to up to it, where the sum before the first is known. */
function withBalances(
  page: readonly LedgerEntry[],
  before: Balance | null,
): { entries: string; balance: Balance | null } {
  let balance = before;
  const texts = page.map((entry) => {
    if (balance !== null) {
      balance = {
        onHand: balance.onHand + entry.onHand,
        reserved: balance.reserved + entry.reserved,
        allocated: balance.allocated + entry.allocated,
        safetyStock: balance.safetyStock + entry.safetyStock,
      };
    }
    return ledgerEntryJson(entry, balance);
  });
  return { entries: texts.join(','), balance };
}

/** A `next` link carries the balances on, so that no page needs the ones before it. */
function writeCarry({ onHand, reserved, allocated, safetyStock }: Balance): string {
  return [onHand, reserved, allocated, safetyStock].join('.');
}

function readCarry(carry: string | undefined): Balance | null {
  if (carry === undefined) return null;
  const found = /^(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})$/.exec(carry);
  if (found === null) {
    const expected = { en: 'what a next link says', 'pt-BR': 'o que diz um link next' };
    throw new ValidationError([{ param: 'carry', reason: 'invalid', expected }]);
  }
  const [onHand = 0, reserved = 0, allocated = 0, safetyStock = 0] = found.slice(1).map(Number);
  return { onHand, reserved, allocated, safetyStock };
}

export function eventRoutes(app: Server, http: Http): void {
  const { engine, respond, streams } = http;
  const { store } = engine;

  app.get(
    '/events',
    {
      config: { access: ADMIN },
      // A HEAD would open a stream that nobody reads.
      exposeHeadRoute: false,
      schema: { ...operations.getEvents, querystring: EventsQuery },
    },
    async (request, reply) => {
      const { after = 0, limit = USUAL_PAGE } = request.query;
      if (wantsStream(request.headers.accept)) {
        const from = resumePoint(request.headers['last-event-id']) ?? after;
        await refuseGap(store, from, null);
        streams.reserveRoom();
        reply.hijack();
        const traceId = traceIdOf(request);
        reply.raw.writeHead(200, [
          'content-type',
          'text/event-stream',
          'x-request-id',
          request.id,
          ...(traceId === null ? [] : ['x-trace-id', traceId]),
          'x-accel-buffering',
          'no',
          'connection',
          'close',
          ...STATIC_HEADERS,
        ]);
        respond.finished(request, 200);
        streams.open(reply.raw, from);
        return;
      }
      const found = await store.ledger({ sku: null, after, limit: limit + 1 });
      const { headSeq } = await store.stats();
      await refuseGap(store, after, found[0]?.seq ?? null);
      const page = found.slice(0, limit);
      const last = found.length > limit ? page.at(-1) : undefined;
      const more = last === undefined ? null : { after: last.seq, limit };
      const next = JSON.stringify(nextPage('/events', more));
      const events = page.map(entryJson).join(',');
      const body = `{"events":[${events}],"head_seq":${headSeq},"next":${next}}`;
      respond.json(request, reply, 200, body);
    },
  );
}

function wantsStream(accept: string | undefined): boolean {
  return accept !== undefined && /(?:^|,)\s*text\/event-stream\b/i.test(accept);
}

/** Where a client that lost its connection wants to go on. */
function resumePoint(lastEventId: string | string[] | undefined): number | null {
  if (lastEventId === undefined || lastEventId === '') return null;
  if (typeof lastEventId === 'string' && /^\d{1,15}$/.test(lastEventId)) return Number(lastEventId);
  const expected = { en: 'the id of an event', 'pt-BR': 'o id de um evento' };
  throw new ValidationError([{ param: 'Last-Event-ID', reason: 'invalid', expected }]);
}
