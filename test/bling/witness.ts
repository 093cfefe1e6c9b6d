/**
 * Sees each balance that a reconciliation takes over, and knows from the simulator and from what was planted what it
 * has to make of it: the difference to the unit, or none.
 */
import assert from 'node:assert/strict';
import diagnostics from 'node:diagnostics_channel';
import type { Answer } from '../../src/core/command.ts';
import { owedUnits, type OutboxMessage } from '../../src/core/outbox/message.ts';
import type { ErpConnector } from '../../src/engine/erp-port.ts';
import type { OutboxStore, Submission } from '../../src/engine/ports.ts';
import type { BlingSimulator } from '../../simulators/bling/server.ts';
import type { Wrapping } from './life.ts';
import { changed } from './planted.ts';

const CANCELLED = 12;
const BALANCES = '/estoques/saldos';

/** What of Bling's balance our books do not know of, in units. */
interface Moment {
  /** All that was planted so far. */
  readonly planted: number;
  /** In mode `observe`: of orders that Bling has and we have not seen, less cancellations of the same kind. */
  readonly unseen: number;
}

export class Witness {
  /** Balances that were compared with the books. */
  compared = 0;
  /** Those that came too late: anything of the SKU had overtaken them. */
  overtaken = 0;
  /** Planted drifts that were found. */
  found = 0;
  /** Corrections for what was unseen, and of those back. */
  passing = 0;
  readonly #skus: readonly string[];
  readonly #planted = new Map<string, number>();
  readonly #foundUpTo = new Map<string, number>();
  readonly #corrected = new Map<string, number>();
  /** Units that the ERP has been told of, as the books have it. */
  readonly #told = new Map<string, number>();
  /** Each at which the ERP may have answered the reading that is going on, by SKU. */
  #moments: ReadonlyMap<string, Moment>[] = [];
  #reading = false;
  #simulator: BlingSimulator | null = null;
  #ordersOf: ReadonlySet<string> | null = null;

  constructor(skus: readonly string[]) {
    this.#skus = skus;
  }

  /** `shopNumbers`: orders that somebody else makes for our sales; null: nobody does. */
  watch(simulator: BlingSimulator, shopNumbers: ReadonlySet<string> | null): () => void {
    this.#simulator = simulator;
    this.#ordersOf = shopNumbers;
    const channels = ['undici:request:create', 'undici:request:headers'];
    for (const channel of channels) diagnostics.subscribe(channel, this.#look);
    return () => {
      for (const channel of channels) diagnostics.unsubscribe(channel, this.#look);
    };
  }

  /** Somebody has moved stock in the ERP by so many units. */
  plant(sku: string, units: number): void {
    this.#planted.set(sku, (this.#planted.get(sku) ?? 0) + units);
  }

  /** Has the SKU's latest drift not been found so far? */
  isHidden(sku: string): boolean {
    return (this.#planted.get(sku) ?? 0) !== (this.#foundUpTo.get(sku) ?? 0);
  }

  /** Once nothing is unseen, the corrections are what was planted, to the unit. */
  assertAllFound(): void {
    for (const sku of this.#skus) {
      assert.equal(this.#corrected.get(sku) ?? 0, this.#planted.get(sku) ?? 0, `${sku}: all found`);
    }
  }

  /** `inner`: a planted fault, which we look at from outside. */
  wrapping(inner: Wrapping): Wrapping {
    return {
      erp: (erp, time) => this.#aroundErp(inner.erp?.(erp, time) ?? erp),
      store: (store) => this.#aroundStore(inner.store?.(store) ?? store),
    };
  }

  readonly #look = (message: unknown): void => {
    const { origin, path } = (message as { request: { origin: unknown; path: string } }).request;
    if (!this.#reading || String(origin) !== this.#simulator?.url) return;
    if (path.includes(BALANCES)) this.#moments.push(this.#moment());
  };

  #moment(): Map<string, Moment> {
    const ordered = this.#ordersOf === null ? null : this.#orderedUnits(this.#ordersOf);
    return new Map(
      this.#skus.map((sku) => {
        const unseen = ordered === null ? 0 : (ordered.get(sku) ?? 0) - (this.#told.get(sku) ?? 0);
        return [sku, { planted: this.#planted.get(sku) ?? 0, unseen }];
      }),
    );
  }

  #orderedUnits(shopNumbers: ReadonlySet<string>): Map<string, number> {
    const control = this.#simulator?.control;
    const skuOf = new Map<number | null, string>(
      control?.products().map(({ id, sku }) => [id, sku]),
    );
    const units = new Map<string, number>();
    for (const { shopNumber, situationId, items } of control?.orders() ?? []) {
      if (situationId === CANCELLED || !shopNumbers.has(shopNumber)) continue;
      for (const { productId, quantity } of items) {
        const sku = skuOf.get(productId) ?? '';
        units.set(sku, (units.get(sku) ?? 0) + quantity);
      }
    }
    return units;
  }

  #aroundErp(erp: ErpConnector): ErpConnector {
    return changed(erp, {
      readLevels: async (skus, call) => {
        this.#moments = [];
        this.#reading = true;
        try {
          return await erp.readLevels(skus, call);
        } finally {
          this.#reading = false;
        }
      },
    });
  }

  #aroundStore(store: OutboxStore): OutboxStore {
    return changed(store, {
      submit: async (command, options) => {
        const answer = await store.submit(command, options);
        if (answer.ok && answer.type === 'settle_parcel') this.#tell(answer.messages);
        return answer;
      },
      submitAll: async (submissions) => {
        const answers = await store.submitAll(submissions);
        answers.forEach((answer, at) => {
          this.#check(submissions[at], answer);
        });
        return answers;
      },
    });
  }

  #tell(messages: readonly OutboxMessage[]): void {
    for (const message of messages) {
      if (message.state !== 'delivered') continue;
      for (const sku of new Set(message.lines.map((line) => line.sku))) {
        this.#told.set(sku, (this.#told.get(sku) ?? 0) + owedUnits(message, sku));
      }
    }
  }

  #check(submission: Submission | undefined, answer: Answer): void {
    if (submission?.command.type !== 'reconcile') return;
    if (!answer.ok || answer.type !== 'reconcile') {
      this.overtaken += 1;
      return;
    }
    const { drift, corrected } = answer;
    // The first stock.
    if (!drift.known) return;
    const { sku, units } = drift;
    const before = this.#corrected.get(sku) ?? 0;
    const moments = this.#moments.flatMap((moment) => moment.get(sku) ?? []);
    const moment = moments.find(({ planted, unseen }) => planted - unseen - before === units);
    assert.ok(
      moment !== undefined,
      `${sku}: differs by ${units}, planted ${this.#planted.get(sku) ?? 0}, corrected ${before}: ${JSON.stringify({ moments, drift })}`,
    );
    // A look before it is decided whether to correct; where there is nothing to correct it is all there is.
    if (!submission.command.fix && units !== 0) return;
    this.compared += 1;
    assert.equal(corrected, units !== 0, `${sku}: corrected where it differs`);
    this.#corrected.set(sku, before + units);
    const newlyFound = moment.planted - (this.#foundUpTo.get(sku) ?? 0);
    if (newlyFound !== 0) this.found += 1;
    if (units !== newlyFound) this.passing += 1;
    this.#foundUpTo.set(sku, moment.planted);
  }
}
