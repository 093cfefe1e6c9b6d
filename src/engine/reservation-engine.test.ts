import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { confirm, reserve, setStock, uuid } from '../../test/support/commands.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { outcome } from '../../test/support/outcome.ts';
import { DEFAULT_RULES } from '../core/rules.ts';
import { MemoryStore } from '../stores/memory/memory-store.ts';
import { Fault } from './faults.ts';
import { ReservationEngine } from './reservation-engine.ts';

const ASKED = { requestId: 'request-1', traceId: null };

function engineOf(): { engine: ReservationEngine; told: string[] } {
  const told: string[] = [];
  let ids = 0;
  const engine = new ReservationEngine({
    store: new MemoryStore(new FakeClock(), DEFAULT_RULES),
    newId: () => uuid((ids += 1)),
    observer: {
      answered: (command, answer, { requestId }) =>
        void told.push(`${requestId} ${command.type}: ${outcome(answer)}`),
    },
  });
  return { engine, told };
}

describe('the reservation engine', () => {
  it('gives each new reservation an id of its own, and tells the observer of every answer', async () => {
    const { engine, told } = engineOf();
    await engine.submit(setStock('A', 2), ASKED);
    const { type: _type, reservationId: _id, ...request } = reserve('', 'A:1');
    const first = await engine.reserve(request, ASKED);
    const second = await engine.reserve(request, ASKED);
    const third = await engine.reserve(request, ASKED);
    assert.ok(first.ok && second.ok && !third.ok);
    assert.deepEqual([first.reservation.id, second.reservation.id], [uuid(1), uuid(2)]);
    assert.deepEqual(told, [
      'request-1 set_stock: created A 2 = 2 available',
      'request-1 reserve: active A:1 until 600',
      'request-1 reserve: active A:1 until 600',
      'request-1 reserve: all_reserved A:0/1 until 600',
    ]);
  });

  it('hands the idempotency key on: a repeated reserve keeps the id that it got first', async () => {
    const { engine } = engineOf();
    await engine.submit(setStock('A', 2), ASKED);
    const { type: _type, reservationId: _id, ...request } = reserve('', 'A:1');
    const key = { key: 'k1', fingerprint: 'f1' };
    const first = await engine.reserve(request, ASKED, key);
    assert.deepEqual(await engine.reserve(request, ASKED, key), first);
    assert.equal((await engine.store.level('A'))?.available, 1);
  });

  it('answers many in their order, one by one, each on its own', async () => {
    const { engine, told } = engineOf();
    const answers = await engine.submitAll(
      [setStock('A', 1), reserve(uuid(1), 'A:1'), reserve(uuid(2), 'A:1'), confirm(uuid(1))].map(
        (command) => ({ command, idempotency: null }),
      ),
      ASKED,
    );
    assert.deepEqual(answers.map(outcome), [
      'created A 1 = 1 available',
      'active A:1 until 600',
      'all_reserved A:0/1 until 600',
      'acknowledged A:1',
    ]);
    assert.equal(told.length, 4);
  });

  it('lets a fault through and tells the observer nothing that was not answered', async () => {
    const { engine, told } = engineOf();
    await engine.store.close();
    await assert.rejects(engine.submit(setStock('A', 1), ASKED), Fault);
    await assert.rejects(engine.submitAll([], ASKED), { code: 'STORE_UNAVAILABLE' });
    assert.deepEqual(told, []);
  });
});
