/**
 * An example of every call, to be tried in `/docs` against a service that knows SKU-001. A test runs each one.
 * `LAST_RESERVATION` stands for the reservation made last: the page puts its id in (see `docs.ts`).
 */

export const LAST_RESERVATION = '00000000-0000-7000-8000-000000000000';

export interface Example {
  /** Values of the parameters in the address, and of headers, by name. */
  readonly parameters?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: unknown;
  /** Of a body that is not JSON. */
  readonly contentType?: string;
}

const sku = { sku: 'SKU-001' };
const reservation = { reservation_id: LAST_RESERVATION };

export const EXAMPLES: Readonly<Record<string, Example>> = {
  reserveOne: { parameters: sku, body: { quantity: 1 } },
  reserve: {
    body: {
      lines: [{ sku: 'SKU-001', quantity: 2 }],
      customer_id: 'customer-42',
      ttl_seconds: 300,
    },
  },
  getReservation: { parameters: reservation },
  confirmPurchase: { body: { reservation_id: LAST_RESERVATION } },
  confirmReservation: { parameters: reservation, body: { order_id: 'order-1001' } },
  releaseReservation: { parameters: reservation },
  extendReservation: {
    parameters: reservation,
    body: { order_id: 'order-1002', payment_method: 'pix' },
  },
  cancelReservation: {
    parameters: reservation,
    body: { cancellation_id: 'return-7', lines: [{ sku: 'SKU-001', quantity: 1, restock: true }] },
  },
  batch: {
    body: {
      commands: [
        { type: 'reserve', lines: [{ sku: 'SKU-001', quantity: 1 }] },
        { type: 'release', reservation_id: LAST_RESERVATION },
      ],
    },
  },
  getStock: { parameters: sku },
  listStock: { parameters: { prefix: 'SKU-', limit: 10 } },
  setStock: { parameters: sku, body: { on_hand: 100, safety_stock: 0, max_per_order: 5 } },
  adjustStock: { parameters: sku, body: { delta: 5, reason: 'found in the stockroom' } },
  importStock: {
    parameters: { dry_run: true },
    contentType: 'text/csv',
    body: 'sku,on_hand,max_per_customer\nSKU-001,100,2\nSKU-002,40,\n',
  },
  getLedger: { parameters: { ...sku, limit: 20 } },
  getEvents: { parameters: { after: 0, limit: 20 } },
  getLedgerBeginning: {},
  trimLedger: { body: { exported_through: 1 } },
  runAudit: {},
  receiveWebhook: {
    parameters: {
      erp: 'webhook',
      'webhook-id': 'msg_2Kk3R1',
      'webhook-timestamp': '1795780800',
      'webhook-signature': 'v1,oKoXWUkuz/wzfh0sbmIb2qVr+og8ZwksOilzC6x0Opg=',
    },
    body: { type: 'stock.changed', skus: ['SKU-001'] },
  },
  getErp: {},
  startPull: { body: { restart: true } },
  getPull: { parameters: { limit: 20 } },
  startReconcile: { body: { fix: false, skus: ['SKU-001'] } },
  getReconcile: { parameters: { limit: 20 } },
  acceptRaises: {},
  listOutbox: { parameters: { state: 'dead', limit: 20 } },
  getMessage: { parameters: { message_id: '1' } },
  retryMessage: {
    parameters: { message_id: '1' },
    body: { reason: 'the product is in the ERP now' },
  },
  discardMessage: {
    parameters: { message_id: '1' },
    body: { reason: 'entered by hand', units: 'deduct' },
  },
  getHealth: {},
  getReadiness: {},
  getMetrics: {},
};
