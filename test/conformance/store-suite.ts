/**
 * What every store must do, whatever it is made of. A new store is proven, not reviewed: it runs this suite with its
 * subject, and the model tests beside it (`test/model`).
 */
import { describe } from 'node:test';
import { concurrency } from './concurrency.ts';
import { durability } from './durability.ts';
import { idempotency } from './idempotency.ts';
import { inbox } from './inbox.ts';
import { lifecycle } from './lifecycle.ts';
import { outbox } from './outbox.ts';
import { reads } from './reads.ts';
import type { StoreSubject } from './subject.ts';
import { tidying } from './tidying.ts';
import { trimming } from './trimming.ts';
import { verbs } from './verbs.ts';

export function storeSuite(subject: StoreSubject): void {
  describe(`the ${subject.name} store`, () => {
    verbs(subject);
    tidying(subject);
    reads(subject);
    concurrency(subject);
    idempotency(subject);
    lifecycle(subject);
    trimming(subject);
    if (subject.supports.durable) durability(subject);
    // What the ERP is told, and what it tells: a store has both or neither.
    if (!subject.supports.outbox) return;
    outbox(subject);
    inbox(subject);
  });
}
