/** What every connector must do, whatever it speaks to. Its other side is a real HTTP server that a test can trouble. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { MessageLine, OutboxMessage, Parcel } from '../../src/core/outbox/message.ts';
import {
  ErpFault,
  type ErpConnector,
  type PushCall,
  type PushOutcome,
  type SettleOutcome,
} from '../../src/engine/erp-port.ts';

/** What befalls the next request that changes something at the ERP. */
export type Mishap =
  | 'lost_request'
  | 'lost_answer'
  | 'error_before'
  | 'error_after'
  | 'garbage_before'
  | 'garbage_after'
  | 'late'
  | 'outage'
  | 'busy'
  | 'refused';

export interface SignedWebhook {
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

export interface ConnectorSubject {
  readonly connector: ErpConnector;
  now(): number;
  elapse(ms: number): Promise<void>;
  /** Stock at the ERP: SKU to units. */
  seed(stock: ReadonlyMap<string, number>): Promise<void>;
  level(sku: string): number;
  befall(mishap: Mishap): void;
  /** Nothing answers any more. */
  down(): void;
  /** Requests that have changed something. */
  changes(): number;
  /** About a change of this SKU, signed now. */
  webhook(sku: string): SignedWebhook;
  /** Another process. */
  reopen(): ErpConnector;
}

let lastId = 0;

function saleOf(connector: ErpConnector, sku: string, quantity: number): Parcel {
  return parcelOf(connector, 'sale', [{ sku, quantity, restock: false }]);
}

function parcelOf(
  connector: ErpConnector,
  kind: OutboxMessage['kind'],
  lines: readonly MessageLine[],
  of?: Parcel,
  reference: string | null = null,
): Parcel {
  lastId += 1;
  const id = lastId;
  const reservationId =
    of?.messages[0]?.reservationId ?? `0199f0aa-0000-7000-8000-${String(id).padStart(12, '0')}`;
  const sku = lines[0]?.sku ?? '';
  const message: OutboxMessage = {
    id,
    key: connector.grouping === 'sku' ? sku : reservationId,
    kind,
    reservationId,
    orderId: `order-${reservationId.slice(-6)}`,
    lines,
    createdAt: 0,
    state: 'in_flight',
    parcelId: id,
    attempts: 1,
    nextAttemptAt: 0,
    unknownAt: null,
    looks: 0,
    memo: null,
    reference,
    lastError: null,
  };
  return { id, key: message.key, messages: [message] };
}

function withState(parcel: Parcel, state: Partial<OutboxMessage>): Parcel {
  return { ...parcel, messages: parcel.messages.map((message) => ({ ...message, ...state })) };
}

interface Told {
  readonly pushes: readonly PushOutcome[];
  readonly looks: readonly SettleOutcome[];
}

/** As the relay does it: an unknown outcome is looked for until it is known, and only then sent again. */
async function deliver(subject: ConnectorSubject, parcel: Parcel): Promise<Told> {
  const { connector } = subject;
  const pushes: PushOutcome[] = [];
  const looks: SettleOutcome[] = [];
  let state: Partial<OutboxMessage> = {};
  const call: PushCall = {
    signal: new AbortController().signal,
    turn: () => Promise.resolve(),
    journal: (memo) => {
      state = { ...state, memo };
      return Promise.resolve();
    },
  };
  for (let round = 0; round < 20; round += 1) {
    const pushed = await connector.push(withState(parcel, state), call);
    pushes.push(pushed);
    if (pushed.outcome === 'applied') return { pushes, looks };
    if (pushed.outcome === 'rejected') {
      if (!pushed.retry) return { pushes, looks };
      await subject.elapse(pushed.waitMs ?? 1_000);
      continue;
    }
    state = { ...state, unknownAt: subject.now(), looks: 0 };
    let pause = connector.limits.settleAfterMs;
    for (let look = 0; ; look += 1) {
      assert.ok(look < 20, 'never settled');
      await subject.elapse(pause);
      const settled = await connector.settle(withState(parcel, { ...state, looks: look }), call);
      looks.push(settled);
      if (settled.outcome === 'applied' || settled.outcome === 'undecidable') {
        return { pushes, looks };
      }
      if (settled.outcome === 'not_applied') break;
      pause = Math.max(connector.limits.settleAfterMs, settled.waitMs ?? 0);
    }
  }
  return assert.fail('never delivered');
}

function callOf(signal = new AbortController().signal): PushCall {
  return { signal, turn: () => Promise.resolve(), journal: () => Promise.resolve() };
}

export function connectorSuite(
  name: string,
  open: (t: TestContext) => Promise<ConnectorSubject>,
): void {
  describe(`connector ${name}`, () => {
    describeReading(open);
    describeTelling(open);
    describeWebhooks(open);
  });
}

type Open = (t: TestContext) => Promise<ConnectorSubject>;

function describeReading(open: Open): void {
  it('finds its settings right, and says its limits', async (t) => {
    const { connector } = await open(t);
    await connector.check(callOf());
    const { limits, grouping } = connector;
    assert.ok(limits.callsPerSecond > 0 && limits.callsPerPush > 0 && limits.skusPerRead > 0);
    assert.ok(limits.settleAfterMs > 0);
    assert.ok(grouping === 'sku' || limits.messagesPerParcel === 1);
  });

  it('reads every level once, in pages that another process can go on with', async (t) => {
    const subject = await open(t);
    const stock = new Map(
      Array.from({ length: 230 }, (_, index) => [`SKU-${index}`, index % 7] as const),
    );
    await subject.seed(stock);
    const read: [string, number][] = [];
    let cursor: string | null = null;
    let pages = 0;
    do {
      const page = await subject.reopen().readPage(cursor, callOf());
      assert.deepEqual(page.problems, []);
      read.push(...page.levels.map(({ sku, onHand }) => [sku, onHand] as [string, number]));
      cursor = page.next;
      pages += 1;
      assert.ok(pages < 20);
      await subject.elapse(1_000);
    } while (cursor !== null);
    assert.deepEqual([...read].sort(), [...stock].sort());
    assert.ok(pages > 1);
  });

  it('reads the SKUs it is asked for; one that is not there is a problem, below zero is a level', async (t) => {
    const subject = await open(t);
    await subject.seed(
      new Map([
        ['A', 5],
        ['B', 0],
        ['C', -3],
      ]),
    );
    const { levels, problems } = await subject.connector.readLevels(['C', 'A', 'X'], callOf());
    const found = levels.map(({ sku, onHand }) => [sku, onHand]).sort();
    assert.deepEqual(found, [
      ['A', 5],
      ['C', -3],
    ]);
    assert.deepEqual(
      problems.map(({ sku }) => sku),
      ['X'],
    );
    assert.ok((problems[0]?.reason.length ?? 0) > 10);
  });

  it('while the ERP is down, readings fail as faults and a push changes nothing', async (t) => {
    const subject = await open(t);
    await subject.seed(new Map([['A', 5]]));
    subject.down();
    await assert.rejects(subject.connector.readLevels(['A'], callOf()), ErpFault);
    await assert.rejects(subject.connector.readPage(null, callOf()), ErpFault);
    const pushed = await subject.connector.push(saleOf(subject.connector, 'A', 1), callOf());
    assert.notEqual(pushed.outcome, 'applied');
    assert.ok(pushed.outcome !== 'rejected' || pushed.retry, JSON.stringify(pushed));
    assert.equal(subject.changes(), 0);
  });
}

function describeTelling(open: Open): void {
  it('a sale lowers the level by its units, a cancellation that restocks raises it again', async (t) => {
    const subject = await open(t);
    await subject.seed(new Map([['A', 10]]));
    const { connector } = subject;
    const sale = saleOf(connector, 'A', 3);
    const { pushes } = await deliver(subject, sale);
    const [pushed] = pushes;
    assert.equal(pushed?.outcome, 'applied', JSON.stringify(pushed));
    assert.equal(subject.level('A'), 7);
    const reference = pushed.reference;
    const lost = [{ sku: 'A', quantity: 3, restock: false }];
    await deliver(subject, parcelOf(connector, 'cancellation', lost, sale, reference));
    assert.equal(subject.level('A'), 7, 'what does not come back was never put back');
    const back = [{ sku: 'A', quantity: 3, restock: true }];
    const told = await deliver(subject, parcelOf(connector, 'cancellation', back, sale, reference));
    assert.equal(told.pushes.at(-1)?.outcome, 'applied');
    assert.equal(subject.level('A'), 10);
  });

  for (const mishap of [
    'lost_request',
    'lost_answer',
    'error_before',
    'error_after',
    'garbage_before',
    'garbage_after',
    'late',
    'outage',
    'busy',
  ] as const) {
    it(`${mishap}: the sale is applied exactly once in the end`, async (t) => {
      const subject = await open(t);
      await subject.seed(new Map([['A', 10]]));
      subject.befall(mishap);
      const { pushes, looks } = await deliver(subject, saleOf(subject.connector, 'A', 4));
      const told = JSON.stringify({ pushes, looks });
      const expected = mishap === 'busy' ? 'rejected' : 'unknown';
      assert.equal(pushes[0]?.outcome, expected, told);
      const last = looks.at(-1)?.outcome === 'applied' ? looks.at(-1) : pushes.at(-1);
      assert.equal(last?.outcome, 'applied', told);
      await subject.elapse(120_000);
      assert.equal(subject.level('A'), 6, told);
      assert.equal(subject.changes(), 1, told);
    });
  }

  it('what the ERP refuses is rejected for good, with its reason, and changes nothing', async (t) => {
    const subject = await open(t);
    await subject.seed(new Map([['A', 10]]));
    subject.befall('refused');
    const { pushes } = await deliver(subject, saleOf(subject.connector, 'A', 1));
    const [pushed] = pushes;
    assert.ok(pushed?.outcome === 'rejected' && !pushed.retry, JSON.stringify(pushed));
    assert.ok(pushed.reason.length > 10);
    assert.equal(subject.level('A'), 10);
  });

  it('what was never sent is known not to be applied, without asking', async (t) => {
    const subject = await open(t);
    subject.down();
    const parcel = withState(saleOf(subject.connector, 'A', 1), { unknownAt: subject.now() });
    const { outcome } = await subject.connector.settle(parcel, callOf());
    assert.equal(outcome, 'not_applied');
  });

  it('a reading that fails settles nothing', async (t) => {
    const subject = await open(t);
    await subject.seed(new Map([['A', 10]]));
    const parcel = saleOf(subject.connector, 'A', 1);
    const memos: string[] = [];
    const call = {
      ...callOf(),
      journal: (text: string) => {
        memos.push(text);
        return Promise.resolve();
      },
    };
    subject.befall('lost_answer');
    assert.equal((await subject.connector.push(parcel, call)).outcome, 'unknown');
    assert.equal(memos.length, 1);
    subject.down();
    const state = { memo: memos[0] ?? null, unknownAt: subject.now(), looks: 5 };
    await subject.elapse(60_000);
    // A fault, or unknown: to be asked again in both cases; a fault says also that nobody has looked.
    const settled = await subject.connector
      .settle(withState(parcel, state), callOf())
      .catch((error: unknown) => {
        assert.ok(error instanceof ErpFault, String(error));
        return { outcome: 'unknown' };
      });
    assert.equal(settled.outcome, 'unknown');
  });

  it('once stopped, it sends nothing', async (t) => {
    const subject = await open(t);
    await subject.seed(new Map([['A', 10]]));
    const stopped = AbortSignal.abort();
    await subject.connector
      .push(saleOf(subject.connector, 'A', 1), callOf(stopped))
      .catch(() => null);
    assert.equal(subject.changes(), 0);
  });
}

function describeWebhooks(open: Open): void {
  it('takes a webhook as a hint about a SKU', async (t) => {
    const subject = await open(t);
    await subject.seed(new Map([['A', 10]]));
    const { connector } = subject;
    const request = { ...subject.webhook('A'), receivedAt: subject.now() };
    const reading = connector.readWebhook(request);
    assert.ok(reading.ok, JSON.stringify(reading));
    const again = connector.readWebhook(request);
    assert.ok(again.ok && again.event.eventId === reading.event.eventId);
    const skus = await Promise.all(
      reading.event.hints.map((hint) => connector.resolveHint(hint, callOf())),
    );
    assert.deepEqual(skus.flat(), ['A']);
    assert.deepEqual(await connector.resolveHint('what is this?', callOf()), []);
  });

  it('refuses what is forged, changed, unsigned or stale', async (t) => {
    const subject = await open(t);
    await subject.seed(new Map([['A', 10]]));
    const { headers, body } = subject.webhook('A');
    const now = subject.now();
    const faultOf = (changed: Partial<SignedWebhook>, receivedAt = now): string => {
      const reading = subject.connector.readWebhook({ headers, body, receivedAt, ...changed });
      return reading.ok ? 'ok' : reading.fault;
    };
    assert.equal(faultOf({}), 'ok');
    assert.equal(faultOf({ headers: {} }), 'forged');
    const longer = new Uint8Array([...body, 32]);
    assert.equal(faultOf({ body: longer }), 'forged');
    const flipped = body.map((byte, index) => (index === 10 ? byte ^ 1 : byte));
    assert.equal(faultOf({ body: flipped }), 'forged');
    for (const name of Object.keys(headers)) {
      const wrong = { ...headers, [name]: `${headers[name] ?? ''}0` };
      assert.notEqual(faultOf({ headers: wrong }), 'ok', name);
    }
    assert.equal(faultOf({}, now + 30 * 86_400_000), 'stale');
  });
}
