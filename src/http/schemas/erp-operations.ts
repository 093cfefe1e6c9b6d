/** The operations on the ERP's side in words. */
import { operation } from './operation.ts';
import * as answers from './erp.ts';

export const getErp = operation(
  'getErp',
  'erp',
  { 200: answers.ErpStatus },
  'How is the ERP, and when will it know of everything?',
  'The connection, the backlog with the time at which it will be drained, the calls that are left, the last reconciliation.',
);

export const startPull = operation(
  'startPull',
  'erp',
  { 202: answers.Job },
  'Pull every SKU from the ERP',
  'New SKUs get their level; known ones are corrected, never past what is on its way. It runs beside the sales, at the ERP’s pace: ask `GET /erp/pull` how far it is. One that was interrupted goes on where it ended, for a day.',
);

export const getPull = operation(
  'getPull',
  'erp',
  { 200: answers.JobReport },
  'How far is the pull?',
  'The latest since the service started. Once it is done, its findings: levels that were corrected, and SKUs that cannot be sold as the ERP has them, with the reason.',
);

export const startReconcile = operation(
  'startReconcile',
  'erp',
  { 202: answers.Job },
  'Compare our books with the ERP’s',
  'Only reports, unless `fix` says to correct ours. It runs beside the sales, at the ERP’s pace: ask `GET /erp/reconcile` how far it is.',
);

export const getReconcile = operation(
  'getReconcile',
  'erp',
  { 200: answers.JobReport },
  'What did the comparison find?',
  'The latest since the service started, on the schedule or asked for: each SKU that differs, by how much, and the likeliest cause.',
);

export const acceptRaises = operation(
  'acceptRaises',
  'erp',
  { 200: answers.Raises },
  'The ERP knows of every sale',
  'Where sales were made without an ERP, its balances are not taken over while they are higher than our books, as it still has what was sold. Once those sales are entered in the ERP, this lets them raise our books again. Without anything held back it changes nothing.',
);

export const listOutbox = operation(
  'listOutbox',
  'erp',
  { 200: answers.OutboxPage },
  'What is the ERP still to be told?',
  'By message, oldest first. Follow `next` until it is null.',
);

export const getMessage = operation(
  'getMessage',
  'erp',
  { 200: answers.Message },
  'Read a message',
  'A delivered one can be read until its reservation is purged.',
);

export const retryMessage = operation(
  'retryMessage',
  'erp',
  { 200: answers.Message },
  'Send a dead letter again',
  'Only one in state `dead`. Where `may_have_arrived`, look into the ERP first: it would hear of it twice. The reason stays in the ledger.',
);

export const discardMessage = operation(
  'discardMessage',
  'erp',
  { 200: answers.Message },
  'Give a dead letter up',
  'The ERP will not be told. Of a sale say what becomes of its units: `deduct` where the ERP has it by other means, `restock` where the purchase is undone.',
);
