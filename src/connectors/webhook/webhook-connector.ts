/**
 * Any ERP, or a service before one, that takes signed requests. The protocol is ours and small: docs/connectors.md.
 * A message bears the same id however often it is sent, and what became of it can be asked for by that id.
 */
import type { OutboxMessage, Parcel } from '../../core/outbox/message.ts';
import {
  ErpFault,
  type ErpCall,
  type ErpConnector,
  type ErpLevel,
  type ErpLevelPage,
  type ErpLevelProblem,
  type ErpLimits,
  type PushCall,
  type PushOutcome,
  type SettleOutcome,
  type WebhookReading,
  type WebhookRequest,
} from '../../engine/erp-port.ts';
import { WebhookClient, type ClientParts, type Reply } from './client.ts';
import { readIncoming } from './incoming.ts';

const SKUS_PER_READ = 100;
const SETTLE_AFTER_MS = 5_000;
/** Whoever answers 410 wants to hear no more: asked again after an hour, or when the service starts. */
const GONE_MS = 3_600_000;
const PERSON_MS = 60_000;
/** The other end refuses what was signed more than five minutes ago: after that, what has not arrived never will. */
const GONE_AFTER_MS = 310_000;
/** One reading is not believed alone, however late it comes. */
const LOOKS_BEFORE_GONE = 1;
const MOST_REASON = 300;

export class WebhookConnector implements ErpConnector {
  readonly name = 'webhook';
  readonly grouping = 'sale';
  readonly toldByOthers = false;
  readonly limits: ErpLimits;
  readonly #client: WebhookClient;
  readonly #parts: ClientParts;
  #goneUntil = 0;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#client = new WebhookClient(parts);
    this.limits = {
      callsPerSecond: parts.settings.callsPerSecond,
      callsPerDay: null,
      dayStartsMs: 0,
      callsPerPush: 1,
      skusPerRead: SKUS_PER_READ,
      messagesPerParcel: 1,
      settleAfterMs: SETTLE_AFTER_MS,
    };
  }

  async check(call: ErpCall): Promise<void> {
    await this.#levels('limit=1', call);
  }

  async readPage(cursor: string | null, call: ErpCall): Promise<ErpLevelPage> {
    const query = new URLSearchParams({ limit: String(SKUS_PER_READ) });
    if (cursor !== null) query.set('cursor', cursor);
    return this.#levels(query.toString(), call);
  }

  async readLevels(
    skus: readonly string[],
    call: ErpCall,
  ): Promise<Pick<ErpLevelPage, 'levels' | 'problems'>> {
    const query = new URLSearchParams();
    for (const sku of skus) query.append('sku', sku);
    const page = await this.#levels(query.toString(), call);
    const levels = page.levels.filter(({ sku }) => skus.includes(sku));
    const problems = page.problems.filter(({ sku }) => skus.includes(sku));
    const told = new Set([...levels, ...problems].map(({ sku }) => sku));
    const missing = skus.filter((sku) => !told.has(sku));
    return {
      levels,
      problems: [
        ...problems,
        ...missing.map((sku) => ({ sku, reason: `the ERP does not know ${sku}` })),
      ],
    };
  }

  async push(parcel: Parcel, call: PushCall): Promise<PushOutcome> {
    const message = onlyMessage(parcel);
    const waitMs = this.#goneUntil - this.#parts.now();
    if (waitMs > 0) return rejected('the ERP has switched deliveries off (410)', waitMs);
    const id = nameOf(message);
    await call.journal(id);
    return this.#outcomeOf(await this.#client.post('/messages', id, bodyOf(message, id), call));
  }

  #outcomeOf(reply: Reply): PushOutcome {
    if (reply.kind === 'lost') return { outcome: 'unknown', reason: reply.reason };
    if (reply.kind === 'not_sent') return rejected(reply.reason, null);
    const { status, json, retryAfterMs } = reply;
    const reason = reasonIn(json, status);
    if (status >= 200 && status < 300) {
      // The body may be empty; one that is there and broken says that something is.
      return json === undefined && status !== 204 && status !== 202
        ? { outcome: 'unknown', reason: `answered ${status} with something unreadable` }
        : { outcome: 'applied', reference: referenceIn(json) };
    }
    if (status === 410) {
      this.#goneUntil = this.#parts.now() + GONE_MS;
      return rejected(reason, GONE_MS);
    }
    if (status === 429 || status === 425) return rejected(reason, retryAfterMs ?? 1_000);
    if (status === 401 || status === 403) return rejected(reason, retryAfterMs ?? PERSON_MS);
    if (status >= 400 && status < 500 && status !== 408) {
      return { outcome: 'rejected', reason, retry: false, waitMs: null };
    }
    return { outcome: 'unknown', reason };
  }

  async settle(parcel: Parcel, call: ErpCall): Promise<SettleOutcome> {
    const message = onlyMessage(parcel);
    if (message.memo === null) return { outcome: 'not_applied', reason: 'it was never sent' };
    const reply = await this.#client.get(`/messages/${encodeURIComponent(message.memo)}`, call);
    if (reply.kind !== 'answer') throw new ErpFault('ERP_UNAVAILABLE', reply.reason);
    const { status, json, retryAfterMs } = reply;
    if (status === 404) return this.#notSeen(message);
    if (status !== 200) {
      throw new ErpFault('ERP_UNAVAILABLE', reasonIn(json, status), { waitMs: retryAfterMs });
    }
    switch (field(json, 'status')) {
      case 'applied':
        return { outcome: 'applied', reference: referenceIn(json) };
      case 'not_applied':
        return { outcome: 'not_applied', reason: reasonIn(json, status) };
      default:
        return { outcome: 'unknown', reason: reasonIn(json, status) };
    }
  }

  /** It may still be on its way: said too early, a cancellation would take its place, and it would arrive all the same. */
  #notSeen({ unknownAt, looks }: OutboxMessage): SettleOutcome {
    const now = this.#parts.now();
    const since = now - (unknownAt ?? now);
    if (since >= GONE_AFTER_MS && looks >= LOOKS_BEFORE_GONE) {
      return { outcome: 'not_applied', reason: 'the ERP has never seen it' };
    }
    const waitMs = Math.max(SETTLE_AFTER_MS, Math.min(since, GONE_AFTER_MS - since));
    return { outcome: 'unknown', reason: 'the ERP has not seen it yet', waitMs };
  }

  readWebhook(request: WebhookRequest): WebhookReading {
    return readIncoming(request, this.#parts.settings.secrets);
  }

  resolveHint(hint: string): Promise<readonly string[]> {
    return Promise.resolve(hint.startsWith('sku:') ? [hint.slice(4)] : []);
  }

  usedToday(): Promise<null> {
    return Promise.resolve(null);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #levels(query: string, call: ErpCall): Promise<ErpLevelPage> {
    const reply = await this.#client.get(`/levels?${query}`, call);
    if (reply.kind !== 'answer') throw new ErpFault('ERP_UNAVAILABLE', `the ERP: ${reply.reason}`);
    const { status, json, retryAfterMs } = reply;
    if (status !== 200) {
      const isOurs = status >= 400 && status < 500 && status !== 429;
      throw new ErpFault(
        isOurs ? 'ERP_MISCONFIGURED' : 'ERP_UNAVAILABLE',
        `the ERP gave no levels: ${reasonIn(json, status)}`,
        { waitMs: retryAfterMs },
      );
    }
    const items = field(json, 'levels');
    const next = field(json, 'next') ?? null;
    if (!Array.isArray(items) || !(next === null || typeof next === 'string')) {
      throw new ErpFault('ERP_UNAVAILABLE', "the ERP's answer with levels cannot be read");
    }
    return { ...readItems(items), next };
  }
}

function readItems(items: readonly unknown[]): Pick<ErpLevelPage, 'levels' | 'problems'> {
  const levels: ErpLevel[] = [];
  const problems: ErpLevelProblem[] = [];
  for (const item of items) {
    const sku = field(item, 'sku');
    const onHand = field(item, 'on_hand');
    if (typeof sku !== 'string' || sku === '') continue;
    const problem = field(item, 'problem');
    if (typeof problem === 'string') problems.push({ sku, reason: problem.slice(0, MOST_REASON) });
    else if (typeof onHand === 'number' && Number.isSafeInteger(onHand))
      levels.push({ sku, onHand });
    else
      problems.push({
        sku,
        reason: `the ERP has ${String(onHand)} of ${sku}: only whole units can be sold`,
      });
  }
  return { levels, problems };
}

function bodyOf(message: OutboxMessage, id: string) {
  return {
    type: message.kind,
    message_id: id,
    reservation_id: message.reservationId,
    order_id: message.orderId,
    /** Of a cancellation: what the sale's answer named. */
    reference: message.reference,
    lines: message.lines.map(({ sku, quantity, restock }) => ({
      sku,
      quantity,
      ...(message.kind === 'cancellation' ? { restock } : {}),
    })),
    created_at: new Date(message.createdAt).toISOString(),
  };
}

/** The same for every sending, and for no other message. */
function nameOf({ reservationId, id }: OutboxMessage): string {
  return `hf_${reservationId}_${id}`;
}

function onlyMessage({ messages, id }: Parcel): OutboxMessage {
  const [message, ...others] = messages;
  if (message === undefined || others.length > 0) {
    throw new Error(`parcel ${id} has ${messages.length} messages where one is told at a time`);
  }
  return message;
}

function rejected(reason: string, waitMs: number | null): PushOutcome {
  return { outcome: 'rejected', reason, retry: true, waitMs };
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function referenceIn(json: unknown): string | null {
  const reference = field(json, 'reference');
  return typeof reference === 'string' && reference !== '' ? reference.slice(0, 200) : null;
}

function reasonIn(json: unknown, status: number): string {
  const said = field(json, 'reason') ?? field(json, 'detail');
  return typeof said === 'string' ? said.slice(0, MOST_REASON) : `it answered ${status}`;
}
