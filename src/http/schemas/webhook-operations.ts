/** The operation of the ERP's webhooks in words. */
import Type from 'typebox';

export const WebhookStored = Type.Object({
  status: Type.Enum(['stored', 'seen'], {
    description: '`seen`: this event was stored before; nothing more is done about it.',
  }),
});

export const receiveWebhook = {
  operationId: 'receiveWebhook',
  tags: ['erp'],
  summary: 'A webhook of the ERP',
  description:
    'For the ERP that `HOLDFAST_ERP` names. Signed as that ERP signs, on the bytes of the body. 200 once the event is stored; what it is about is then read from the ERP. The example is a signed one of the `webhook` connector, whose secret is not yours: yours refuses it with 401.',
  response: { 200: WebhookStored },
};

/** What the `webhook` connector is sent; other ERPs have their own. */
export const STOCK_CHANGED = {
  type: 'object',
  properties: {
    type: { type: 'string', description: 'What happened, for people.' },
    skus: { type: 'array', items: { type: 'string' }, description: 'Whose levels to read.' },
  },
};

/** As in Standard Webhooks; other ERPs have their own. */
export const SIGNATURE_HEADERS = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
