/** The operations in words: what `/docs` and `/openapi.json` say of each route beside its schemas. */
import { operation } from './operation.ts';
import * as answers from './responses.ts';

export const reserveOne = operation(
  'reserveOne',
  'reservations',
  { 200: answers.ReservedOne },
  'Reserve units of one SKU',
  'An empty body reserves one unit. 409 says honestly why not: `sold_out` is final, `all_reserved` may change at `next_expiry_at`.',
);

export const reserve = operation(
  'reserve',
  'reservations',
  { 201: answers.Reserved },
  'Reserve a cart',
  'All lines or none; with `allow_partial` what there is. A 409 names every SKU that lacks.',
);

export const getReservation = operation(
  'getReservation',
  'reservations',
  { 200: answers.ReservationNow },
  'Read a reservation',
  'One past its deadline reads as `expired`, whether or not anything has recorded that yet.',
);

export const confirmById = operation(
  'confirmPurchase',
  'reservations',
  { 200: answers.Purchased },
  'Confirm a purchase',
  'The prototype’s call; the same as `POST /reservations/{reservation_id}/confirm`.',
);

export const confirm = operation(
  'confirmReservation',
  'reservations',
  { 200: answers.Reservation },
  'Confirm a reservation',
  'The purchase is made. Repeating it gives the first answer again; another `order_id` is refused. `lines` confirms less than was reserved and gives the rest back.',
);

export const release = operation(
  'releaseReservation',
  'reservations',
  { 200: answers.Reservation },
  'Release a reservation',
  'Its units are on sale again at once.',
);

export const extend = operation(
  'extendReservation',
  'reservations',
  { 200: answers.Reservation },
  'Extend a reservation',
  'More time, within a cap counted from its creation. With `order_id` it is latched to that order and lives as long as the `payment_method` may take.',
);

export const cancel = operation(
  'cancelReservation',
  'reservations',
  { 200: answers.Reservation },
  'Cancel a purchase',
  'Undoes a confirmed reservation, whole or by `lines`. A partial cancellation needs a `cancellation_id` or an Idempotency-Key, so that repeating it changes nothing.',
);

export const batch = operation(
  'batch',
  'reservations',
  { 200: answers.BatchResults },
  'Many independent commands',
  'For gateways. Each command is decided on its own, in order, and gets its own answer with its own status.',
);

export const getStock = operation(
  'getStock',
  'stock',
  { 200: answers.Level },
  'Read a SKU',
  'Lapsed reservations count as available at once.',
);

export const listStock = operation(
  'listStock',
  'stock',
  { 200: answers.StockPage },
  'List SKUs',
  'In order of SKU. Follow `next` until it is null.',
);

export const setStock = operation(
  'setStock',
  'stock',
  { 200: answers.ChangedStock, 201: answers.ChangedStock },
  'Set a SKU’s stock and policy',
  'Fields left out keep their value; a policy set to null is cleared. 201 where the SKU was unknown. A figure below what is promised is accepted and recorded as a shortfall.',
);

export const adjustStock = operation(
  'adjustStock',
  'stock',
  { 200: answers.ChangedStock },
  'Add or take away units',
  'For counts and corrections; the reason stays in the ledger.',
);

export const importStock = operation(
  'importStock',
  'stock',
  { 200: answers.Imported },
  'Import a stock file',
  'CSV (ours or Shopify’s) or NDJSON. All rows or none: one wrong row and nothing is imported, and 422 lists every problem by line.',
);

export const getLedger = operation(
  'getLedger',
  'ledger',
  { 200: answers.LedgerPage },
  'Why is this number so?',
  'The equation of the SKU’s figures, and every change that led to them, with running balances; of a trimmed ledger those after the cut, and what the others summed to.',
);

export const getEvents = operation(
  'getEvents',
  'ledger',
  { 200: answers.EventsPage },
  'Follow every change',
  'Pages of the ledger; with `Accept: text/event-stream` a live stream whose `id` is the `seq`, resumed by `Last-Event-ID` or `after`. 410 `ledger_trimmed` where entries after that have been cut off.',
);

export const getLedgerBeginning = operation(
  'getLedgerBeginning',
  'ledger',
  { 200: answers.LedgerBeginning },
  'Where does the ledger begin?',
  'Entries can be cut off once they were exported; what they summed to stays.',
);

export const trimLedger = operation(
  'trimLedger',
  'ledger',
  { 200: answers.Trimmed },
  'Trim what was exported',
  'Notes that entries up to `exported_through` stand in an export that is kept, and cuts off those of them that `HOLDFAST_LEDGER_KEEP_DAYS` and `HOLDFAST_LEDGER_KEEP_ENTRIES` do not keep; without these, none. `more`: ask again. `holdfast export --what ledger --trim` does it.',
);

export const runAudit = operation(
  'runAudit',
  'ledger',
  { 200: answers.AuditReport },
  'Prove the books',
  'Sums the ledger and compares it with every level and reservation, without stopping sales.',
);

export const getHealth = operation(
  'getHealth',
  'service',
  { 200: answers.Health },
  'Is the process alive?',
  'For restarts: it says nothing of the store.',
);

export const getReadiness = operation(
  'getReadiness',
  'service',
  { 200: answers.Readiness },
  'Can it take requests?',
  'For load balancers: 503 with the reason while the store is not ready or the service is closing.',
);

export const getMetrics = {
  operationId: 'getMetrics',
  tags: ['service'],
  summary: 'Metrics',
  description: 'For Prometheus, in its text format.',
};
