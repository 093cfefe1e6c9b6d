/** What goes wrong in the store, in words. Always 503: we never guess, and never say "sold out" instead. */
import type { FaultCode } from '../../engine/faults.ts';
import type { CatalogueEntry } from './entry.ts';

const members = ['outcome'] as const;

export const FAULTS = {
  store_overloaded: {
    status: 503,
    title: { en: 'Too busy', 'pt-BR': 'Sobrecarregado' },
    detail: {
      en: 'The store is too busy to take this on: nothing was done.',
      'pt-BR': 'O armazenamento está ocupado demais para atender: nada foi feito.',
    },
    advice: {
      en: 'Try again after `Retry-After` seconds, with the same Idempotency-Key.',
      'pt-BR': 'Tente de novo depois de `Retry-After` segundos, com a mesma Idempotency-Key.',
    },
    members,
  },
  store_timeout: {
    status: 503,
    title: { en: 'No answer in time', 'pt-BR': 'Sem resposta a tempo' },
    detail: {
      en: 'The store did not answer in time: this may or may not have been done.',
      'pt-BR': 'O armazenamento não respondeu a tempo: isto pode ter sido feito ou não.',
    },
    advice: {
      en: 'Repeat the request with the same Idempotency-Key: it has one effect and one answer.',
      'pt-BR':
        'Repita a requisição com a mesma Idempotency-Key: ela tem um só efeito e uma só resposta.',
    },
    members,
  },
  store_unavailable: {
    status: 503,
    title: { en: 'Store unavailable', 'pt-BR': 'Armazenamento indisponível' },
    detail: {
      en: 'The store has stopped; no reservation is granted or refused until it is back.',
      'pt-BR': 'O armazenamento parou; nenhuma reserva é concedida nem recusada até ele voltar.',
    },
    advice: {
      en: 'Try again after `Retry-After` seconds. Where `outcome` is `unknown`, with the same Idempotency-Key.',
      'pt-BR':
        'Tente de novo depois de `Retry-After` segundos. Se `outcome` for `unknown`, com a mesma Idempotency-Key.',
    },
    members,
  },
  store_damaged: {
    status: 503,
    title: { en: 'Store damaged', 'pt-BR': 'Armazenamento danificado' },
    detail: {
      en: 'What the store holds contradicts itself; it refuses to go on until an operator has looked.',
      'pt-BR':
        'Os dados do armazenamento se contradizem; ele se recusa a continuar até um operador verificar.',
    },
    advice: {
      en: 'For the operator: run `holdfast audit` and see the runbook.',
      'pt-BR': 'Para o operador: execute `holdfast audit` e consulte o runbook.',
    },
    members,
  },
  lease_lost: {
    status: 503,
    title: { en: 'Another instance does this now', 'pt-BR': 'Outra instância faz isto agora' },
    detail: {
      en: 'Another instance of the service has taken this work over: nothing was done.',
      'pt-BR': 'Outra instância do serviço assumiu este trabalho: nada foi feito.',
    },
    advice: {
      en: 'Try again after `Retry-After` seconds: the request will reach whoever does it now.',
      'pt-BR':
        'Tente de novo depois de `Retry-After` segundos: a requisição chegará a quem faz isto agora.',
    },
    members,
  },
  store_locked: {
    status: 503,
    title: { en: 'Store in use elsewhere', 'pt-BR': 'Armazenamento em uso por outro processo' },
    detail: {
      en: 'Another process has this data open.',
      'pt-BR': 'Outro processo está com estes dados abertos.',
    },
    advice: {
      en: 'For the operator: stop the other process.',
      'pt-BR': 'Para o operador: encerre o outro processo.',
    },
    members,
  },
  store_version: {
    status: 503,
    title: { en: 'Data of another version', 'pt-BR': 'Dados de outra versão' },
    detail: {
      en: 'The data is of a version that this program cannot read.',
      'pt-BR': 'Os dados são de uma versão que este programa não consegue ler.',
    },
    advice: {
      en: 'For the operator: see the upgrade notes.',
      'pt-BR': 'Para o operador: consulte as notas de atualização.',
    },
    members,
  },
} as const satisfies Record<Lowercase<FaultCode>, CatalogueEntry>;
