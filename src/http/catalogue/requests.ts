/** What is wrong with a request before any decision is asked for, and what this layer itself refuses, in words. */
import type { CatalogueEntry } from './entry.ts';

export const REQUESTS = {
  malformed_request: {
    status: 400,
    title: { en: 'Not HTTP', 'pt-BR': 'HTTP inválido' },
    detail: {
      en: 'The request could not be read as HTTP.',
      'pt-BR': 'Não foi possível ler a requisição como HTTP.',
    },
    advice: { en: 'Check the client or the proxy.', 'pt-BR': 'Verifique o cliente ou o proxy.' },
  },
  malformed_url: {
    status: 400,
    title: { en: 'Malformed address', 'pt-BR': 'Endereço malformado' },
    detail: {
      en: 'The address has a percent-encoding that is not valid UTF-8.',
      'pt-BR': 'O endereço tem uma codificação percentual que não é UTF-8 válido.',
    },
    advice: {
      en: 'Encode each SKU with `encodeURIComponent` or its like.',
      'pt-BR': 'Codifique cada SKU com `encodeURIComponent` ou equivalente.',
    },
  },
  malformed_json: {
    status: 400,
    title: { en: 'Malformed JSON', 'pt-BR': 'JSON malformado' },
    detail: {
      en: 'The body is not JSON in valid UTF-8.',
      'pt-BR': 'O corpo não é JSON em UTF-8 válido.',
    },
    advice: { en: 'Send valid JSON.', 'pt-BR': 'Envie JSON válido.' },
  },
  unauthorized: {
    status: 401,
    title: { en: 'API key required', 'pt-BR': 'Chave de API obrigatória' },
    detail: {
      en: 'This call needs a valid API key.',
      'pt-BR': 'Esta chamada precisa de uma chave de API válida.',
    },
    advice: {
      en: 'Send `Authorization: Bearer <key>`. An operator makes one with `holdfast keys create`.',
      'pt-BR':
        'Envie `Authorization: Bearer <chave>`. Um operador cria uma com `holdfast keys create`.',
    },
  },
  forbidden: {
    status: 403,
    title: { en: 'Not allowed with this key', 'pt-BR': 'Não permitido com esta chave' },
    detail: {
      en: 'This call needs a key with one of these scopes: {scopes}.',
      'pt-BR': 'Esta chamada precisa de uma chave com um destes escopos: {scopes}.',
    },
    advice: {
      en: 'Use a key with one of `scopes`.',
      'pt-BR': 'Use uma chave com um dos escopos em `scopes`.',
    },
    members: ['scopes'],
  },
  not_found: {
    status: 404,
    title: { en: 'No such address', 'pt-BR': 'Endereço não encontrado' },
    detail: { en: 'There is nothing at this address.', 'pt-BR': 'Não há nada neste endereço.' },
    advice: {
      en: 'See `/docs` for every address.',
      'pt-BR': 'Veja todos os endereços em `/docs`.',
    },
  },
  method_not_allowed: {
    status: 405,
    title: { en: 'Method not allowed', 'pt-BR': 'Método não permitido' },
    detail: {
      en: 'This address does not answer {method}; it answers {allow}.',
      'pt-BR': 'Este endereço não responde a {method}; ele responde a {allow}.',
    },
    advice: {
      en: 'Use a method of the `Allow` header.',
      'pt-BR': 'Use um método do cabeçalho `Allow`.',
    },
    members: ['method', 'allow'],
  },
  request_timeout: {
    status: 408,
    title: { en: 'Request too slow', 'pt-BR': 'Requisição lenta demais' },
    detail: {
      en: 'The request did not arrive whole in time.',
      'pt-BR': 'A requisição não chegou inteira a tempo.',
    },
    advice: {
      en: 'Send the whole request at once.',
      'pt-BR': 'Envie a requisição inteira de uma vez.',
    },
  },
  body_too_large: {
    status: 413,
    title: { en: 'Body too large', 'pt-BR': 'Corpo grande demais' },
    detail: {
      en: 'The body is larger than {limit_bytes} bytes.',
      'pt-BR': 'O corpo passa de {limit_bytes} bytes.',
    },
    advice: {
      en: 'Send less at once; a batch or a stock file can be split.',
      'pt-BR': 'Envie menos de cada vez; um lote ou um arquivo de estoque pode ser dividido.',
    },
    members: ['limit_bytes'],
  },
  unsupported_media_type: {
    status: 415,
    title: { en: 'Unsupported media type', 'pt-BR': 'Tipo de mídia não suportado' },
    detail: {
      en: 'This call takes a body of {accepted}.',
      'pt-BR': 'Esta chamada aceita um corpo em {accepted}.',
    },
    advice: {
      en: 'Set `Content-Type` to one of `accepted`.',
      'pt-BR': 'Defina `Content-Type` com um dos tipos em `accepted`.',
    },
    members: ['accepted'],
  },
  validation_failed: {
    status: 422,
    title: { en: 'Invalid request', 'pt-BR': 'Requisição inválida' },
    detail: {
      en: 'The request is not valid: {summary}',
      'pt-BR': 'A requisição não é válida: {summary}',
    },
    advice: {
      en: '`errors` names each field (`param`), what is wrong with it (`message`) and what is `expected`.',
      'pt-BR':
        '`errors` aponta cada campo (`param`), o que há de errado (`message`) e o que se espera (`expected`).',
    },
    members: ['errors'],
  },
  invalid_file: {
    status: 422,
    title: { en: 'The file has errors', 'pt-BR': 'O arquivo tem erros' },
    detail: {
      en: 'Nothing was imported. Errors in the file: {error_count}.',
      'pt-BR': 'Nada foi importado. Erros no arquivo: {error_count}.',
    },
    advice: {
      en: 'Mend the lines named in `problems` (the first 1,000 of them) and send the whole file again.',
      'pt-BR':
        'Corrija as linhas indicadas em `problems` (as primeiras 1.000) e envie o arquivo inteiro de novo.',
    },
    members: ['error_count', 'warning_count', 'problems'],
  },
  rate_limited: {
    status: 429,
    title: { en: 'Too many requests', 'pt-BR': 'Requisições demais' },
    detail: {
      en: 'This key may make {limit} requests a second.',
      'pt-BR': 'Esta chave pode fazer {limit} requisições por segundo.',
    },
    advice: {
      en: 'Slow down, and try again after `Retry-After` seconds. `POST /reservations/batch` carries many commands in one request.',
      'pt-BR':
        'Vá mais devagar e tente de novo depois de `Retry-After` segundos. `POST /reservations/batch` leva muitos comandos em uma requisição.',
    },
    members: ['limit'],
  },
  headers_too_large: {
    status: 431,
    title: { en: 'Headers too large', 'pt-BR': 'Cabeçalhos grandes demais' },
    detail: {
      en: 'The headers of the request are too large.',
      'pt-BR': 'Os cabeçalhos da requisição são grandes demais.',
    },
    advice: {
      en: 'Send fewer or shorter headers.',
      'pt-BR': 'Envie menos cabeçalhos, ou mais curtos.',
    },
  },
  ledger_trimmed: {
    status: 410,
    title: { en: 'Entries were trimmed', 'pt-BR': 'Lançamentos foram cortados' },
    detail: {
      en: 'Entries up to {trimmed_through} were cut off the ledger after an export; the first there is has seq {first_seq}.',
      'pt-BR':
        'Os lançamentos até {trimmed_through} foram cortados do livro depois de uma exportação; o primeiro que existe tem seq {first_seq}.',
    },
    advice: {
      en: 'Read what you missed from the exported files, then go on with `after` = `trimmed_through`.',
      'pt-BR': 'Leia o que faltou nos arquivos exportados e siga com `after` = `trimmed_through`.',
    },
    members: ['trimmed_through', 'first_seq'],
  },
  no_erp: {
    status: 409,
    title: { en: 'No ERP', 'pt-BR': 'Sem ERP' },
    detail: {
      en: 'This service runs without an ERP.',
      'pt-BR': 'Este serviço funciona sem ERP.',
    },
    advice: {
      en: 'For the operator: set `HOLDFAST_ERP`.',
      'pt-BR': 'Para o operador: defina `HOLDFAST_ERP`.',
    },
  },
  erp_busy: {
    status: 409,
    title: { en: 'Another job is running', 'pt-BR': 'Já há um trabalho em andamento' },
    detail: {
      en: 'A {job} with the ERP has been running since {started_at}; one runs at a time.',
      'pt-BR': 'Um {job} com o ERP está em andamento desde {started_at}; só um de cada vez.',
    },
    advice: {
      en: 'Follow it with `GET /erp/{job}`, and ask again when it has ended.',
      'pt-BR': 'Acompanhe em `GET /erp/{job}` e peça de novo quando terminar.',
    },
    members: ['job', 'started_at'],
  },
  erp_elsewhere: {
    status: 409,
    title: { en: 'Another instance does this', 'pt-BR': 'Outra instância faz isto' },
    detail: {
      en: 'Of several instances one does the work with the ERP, and it is not this one: {holder}.',
      'pt-BR': 'De várias instâncias, uma faz o trabalho com o ERP, e não é esta: {holder}.',
    },
    advice: {
      en: 'Ask the instance that has the lease `erp` (`GET /erp` names it) at its own address.',
      'pt-BR':
        'Peça à instância que tem a concessão `erp` (`GET /erp` diz qual é) no endereço dela.',
    },
    members: ['holder'],
  },
  no_such_job: {
    status: 404,
    title: { en: 'Nothing to report', 'pt-BR': 'Nada a relatar' },
    detail: {
      en: 'There has been no {job} since the service started.',
      'pt-BR': 'Não houve nenhum {job} desde o início do serviço.',
    },
    advice: {
      en: 'Start one with `POST` to the same address.',
      'pt-BR': 'Inicie um com `POST` no mesmo endereço.',
    },
    members: ['job'],
  },
  internal_error: {
    status: 500,
    title: { en: 'A fault of ours', 'pt-BR': 'Falha nossa' },
    detail: {
      en: 'Something went wrong on our side.',
      'pt-BR': 'Algo deu errado do nosso lado.',
    },
    advice: {
      en: 'Report it with the `request_id`. It is unknown whether a change was made: repeat with the same Idempotency-Key.',
      'pt-BR':
        'Informe o `request_id`. Não se sabe se algo foi alterado: repita com a mesma Idempotency-Key.',
    },
    members: ['outcome'],
  },
  overloaded: {
    status: 503,
    title: { en: 'Too busy', 'pt-BR': 'Sobrecarregado' },
    detail: {
      en: 'The service is too busy to take this on: nothing was done.',
      'pt-BR': 'O serviço está ocupado demais para atender: nada foi feito.',
    },
    advice: {
      en: 'Try again after `Retry-After` seconds.',
      'pt-BR': 'Tente de novo depois de `Retry-After` segundos.',
    },
    members: ['outcome'],
  },
  not_ready: {
    status: 503,
    title: { en: 'Not ready', 'pt-BR': 'Não está pronto' },
    detail: { en: 'Not ready: {reason}.', 'pt-BR': 'Não está pronto: {reason}.' },
    advice: {
      en: 'For load balancers: send requests elsewhere until `/readyz` answers 200.',
      'pt-BR':
        'Para balanceadores: envie as requisições a outro lugar até `/readyz` responder 200.',
    },
    members: ['reason'],
  },
  too_many_streams: {
    status: 503,
    title: { en: 'Too many event streams', 'pt-BR': 'Fluxos de eventos demais' },
    detail: {
      en: 'At most {limit} event streams can be open at once.',
      'pt-BR': 'No máximo {limit} fluxos de eventos podem ficar abertos ao mesmo tempo.',
    },
    advice: {
      en: 'Close one, or read pages of `/events` instead.',
      'pt-BR': 'Feche um deles, ou leia as páginas de `/events`.',
    },
    members: ['limit'],
  },
} as const satisfies Record<string, CatalogueEntry>;
