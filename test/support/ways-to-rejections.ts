/** One short scenario for each rejection, ending in it: for the core and for every store. */
import { MAX_STOCK } from '../../src/core/quantities.ts';
import type { RejectionCode } from '../../src/core/rejection.ts';
import {
  acknowledge,
  adjust,
  cancel,
  confirm,
  claimMessages,
  discardMessage,
  extend,
  reconcile,
  retryMessage,
  settleParcel,
  release,
  reserve,
  setStock,
  uuid,
} from './commands.ts';
import { START } from './fake-clock.ts';
import type { Row } from './scenario.ts';

const R1 = uuid(1);
const R2 = uuid(2);

type ErpRejectionCode =
  | 'parcel_not_found'
  | 'message_not_found'
  | 'message_not_dead'
  | 'discard_units'
  | 'balance_outdated';

/** The same for what the relay, its operator and the reconciler ask, under rules with an ERP. */
export const WAYS_TO_ERP_REJECTIONS: Record<ErpRejectionCode, readonly Row[]> = {
  parcel_not_found: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
    [1, confirm(R1), 'confirmed A:1'],
    [2, claimMessages(), 'in_flight sale 1 A:1'],
    [3, settleParcel(2, 'applied'), `delivered sale 1 A:1, acknowledged ${R1}`],
    [4, settleParcel(2, 'applied'), 'parcel_not_found'],
  ],
  message_not_found: [[0, retryMessage(1), 'message_not_found']],
  message_not_dead: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
    [1, confirm(R1), 'confirmed A:1'],
    [2, retryMessage(1), 'message_not_dead but pending'],
  ],
  discard_units: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
    [1, confirm(R1), 'confirmed A:1'],
    [2, claimMessages(), 'in_flight sale 1 A:1'],
    [3, settleParcel(2, 'given_up'), 'dead sale 1 A:1'],
    [4, discardMessage(1, null), 'discard_units of a sale'],
  ],
  balance_outdated: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
    [1, confirm(R1), 'confirmed A:1'],
    [2, claimMessages(), 'in_flight sale 1 A:1'],
    [3, settleParcel(2, 'applied'), `delivered sale 1 A:1, acknowledged ${R1}`],
    [4, reconcile('A', 4, 3), 'A 4/4 agrees'],
    [4, reconcile('A', 4, 2), 'balance_outdated A'],
  ],
};

/** For each code one way to it, with its neighbour that is still accepted where there is one. The compiler misses none. */
export const WAYS_TO_REJECTIONS: Record<
  Exclude<RejectionCode, 'idempotency_key_reused' | ErpRejectionCode>,
  readonly Row[]
> = {
  unknown_sku: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
    [0, reserve(R2, 'A:1 B:1 C:1'), 'unknown_sku B C'],
  ],
  not_on_sale: [
    [0, setStock('A', 5, { policy: { opensAt: START + 9_000 } }), 'created A 5 = 5 available'],
    [8.999, reserve(R1, 'A:1'), 'not_on_sale A from 9'],
  ],
  customer_required: [
    [0, setStock('A', 5, { policy: { maxPerCustomer: 2 } }), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:1', { customer: 'ana' }), 'active A:1 until 600'],
    [0, reserve(R2, 'A:1'), 'customer_required A'],
  ],
  max_per_order: [
    [0, setStock('A', 5, { policy: { maxPerOrder: 2 } }), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:2'), 'active A:2 until 600'],
    [0, reserve(R2, 'A:3'), 'max_per_order A:3 limit 2'],
  ],
  max_per_customer: [
    [0, setStock('A', 5, { policy: { maxPerCustomer: 2 } }), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:1', { customer: 'ana' }), 'active A:1 until 600'],
    [0, reserve(R2, 'A:2', { customer: 'ana' }), 'max_per_customer A:2 limit 2 has 1'],
  ],
  sold_out: [
    [0, setStock('A', 1), 'created A 1 = 1 available'],
    [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
    [0, confirm(R1), 'acknowledged A:1'],
    [0, reserve(R2, 'A:1'), 'sold_out A:0/1'],
  ],
  all_reserved: [
    [0, setStock('A', 1), 'created A 1 = 1 available'],
    [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
    [0, reserve(R2, 'A:1'), 'all_reserved A:0/1 until 600'],
  ],
  insufficient_stock: [
    [0, setStock('A', 2), 'created A 2 = 2 available'],
    [0, reserve(R1, 'A:3'), 'insufficient_stock A:2/3'],
  ],
  ttl_out_of_range: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:1', { ttl: 86_400 }), 'active A:1 until 86400'],
    [0, reserve(R2, 'A:1', { ttl: 86_401 }), 'ttl_out_of_range limit 86400'],
  ],
  quantity_out_of_range: [
    [0, setStock('A', 3_000_000), 'created A 3000000 = 3000000 available'],
    [0, reserve(R1, 'A:500000 A:500000'), 'active A:1000000 until 600'],
    [0, reserve(R2, 'A:500000 A:500001'), 'quantity_out_of_range A:1000001 limit 1000000'],
  ],
  reservation_exists: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:1 A:1', { customer: 'ana' }), 'active A:2 until 600'],
    [1, reserve(R1, 'A:2', { customer: 'ana' }), 'active A:2 until 600'],
    [1, reserve(R1, 'A:2'), 'reservation_exists'],
  ],
  reservation_not_found: [[0, confirm(R1), 'reservation_not_found']],
  reservation_expired: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
    [600, confirm(R1), 'reservation_expired at 600'],
  ],
  reservation_released: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
    [1, release(R1), 'released A:1'],
    [2, confirm(R1), 'reservation_released'],
  ],
  reservation_cancelled: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
    [1, confirm(R1), 'acknowledged A:1'],
    [2, cancel(R1), 'cancelled A:0'],
    [3, confirm(R1), 'reservation_cancelled'],
  ],
  already_confirmed: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
    [1, confirm(R1, { order: 'o1' }), 'acknowledged A:1 for o1'],
    [2, confirm(R1, { order: 'o1' }), 'again acknowledged A:1 for o1'],
    [3, confirm(R1, { order: 'o2' }), 'already_confirmed'],
  ],
  order_mismatch: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
    [0, extend(R1, { order: 'o1' }), 'active A:1 until 900 for o1'],
    [1, confirm(R1, { order: 'o2' }), 'order_mismatch'],
  ],
  not_confirmed: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
    [1, acknowledge(R1), 'not_confirmed but active'],
  ],
  extend_limit_reached: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
    [1, extend(R1, { ttl: 86_400 }), 'active A:1 until 7200'],
    [2, extend(R1, { ttl: 86_400 }), 'extend_limit_reached until 7200'],
  ],
  line_not_reserved: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, setStock('B', 5), 'created B 5 = 5 available'],
    [0, reserve(R1, 'A:1'), 'active A:1 until 600'],
    [1, confirm(R1, { lines: 'A:1 B:1' }), 'line_not_reserved B'],
  ],
  quantity_exceeds_reserved: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:2'), 'active A:2 until 600'],
    [1, confirm(R1, { lines: 'A:3' }), 'quantity_exceeds_reserved A:3 of 2'],
  ],
  quantity_exceeds_confirmed: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [0, reserve(R1, 'A:3'), 'active A:3 until 600'],
    [1, confirm(R1, { lines: 'A:2' }), 'acknowledged A:2'],
    [2, cancel(R1, { lines: 'A:1' }), 'acknowledged A:1'],
    [3, cancel(R1, { lines: 'A:2' }), 'quantity_exceeds_confirmed A:2 of 2 less 1'],
  ],
  stock_out_of_range: [
    [0, setStock('A', 5), 'created A 5 = 5 available'],
    [1, adjust('A', -5), 'A 0 = 0 available'],
    [2, adjust('A', -1), 'stock_out_of_range A -1'],
    [3, adjust('A', MAX_STOCK), 'A 2147483647 = 2147483647 available'],
    [4, adjust('A', 1), 'stock_out_of_range A 2147483648'],
  ],
};
