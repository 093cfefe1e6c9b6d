/** Why a webhook of the ERP was not taken, in words. */
import type { CatalogueEntry } from './entry.ts';

export const WEBHOOKS = {
  webhook_unknown_erp: {
    status: 404,
    title: { en: 'No webhooks of that ERP', 'pt-BR': 'Webhooks deste ERP não são aceitos' },
    detail: {
      en: 'This service is not connected to an ERP called {erp}.',
      'pt-BR': 'Este serviço não está conectado a um ERP chamado {erp}.',
    },
    advice: {
      en: 'For the operator: the address ends in the value of `HOLDFAST_ERP`, such as `/webhooks/bling`.',
      'pt-BR':
        'Para o operador: o endereço termina com o valor de `HOLDFAST_ERP`, como `/webhooks/bling`.',
    },
    members: ['erp'],
  },
  webhook_forged: {
    status: 401,
    title: { en: 'Signature does not fit', 'pt-BR': 'Assinatura não confere' },
    detail: {
      en: 'The signature is missing or does not fit the body.',
      'pt-BR': 'A assinatura está ausente ou não confere com o corpo.',
    },
    advice: {
      en: 'For the operator: the secret here and the one that the sender signs with must be the same, and nothing on the way may change the body. See `docs/connectors.md`.',
      'pt-BR':
        'Para o operador: o segredo daqui e o usado por quem assina devem ser o mesmo, e nada no caminho pode alterar o corpo. Veja `docs/connectors.md`.',
    },
  },
  webhook_stale: {
    status: 400,
    title: { en: 'Webhook too old', 'pt-BR': 'Webhook antigo demais' },
    detail: {
      en: 'The webhook is signed, but was not sent at a time that is believable now.',
      'pt-BR': 'O webhook está assinado, mas a hora do envio não é aceitável agora.',
    },
    advice: {
      en: 'Sign each delivery anew. For the operator: compare the clocks of both sides.',
      'pt-BR': 'Assine cada envio de novo. Para o operador: compare os relógios dos dois lados.',
    },
  },
  webhook_unreadable: {
    status: 400,
    title: { en: 'Webhook not understood', 'pt-BR': 'Webhook não compreendido' },
    detail: {
      en: 'The webhook is signed, but its body is not what this ERP sends.',
      'pt-BR': 'O webhook está assinado, mas o corpo não é o que este ERP envia.',
    },
    advice: {
      en: 'For the operator: the log says what was expected.',
      'pt-BR': 'Para o operador: o log diz o que era esperado.',
    },
  },
} as const satisfies Record<string, CatalogueEntry>;
