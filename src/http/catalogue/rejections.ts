/** The refusals that the core decides, in words. */
import type { RejectionCode } from '../../core/rejection.ts';
import type { CatalogueEntry } from './entry.ts';

export const REJECTIONS = {
  unknown_sku: {
    status: 404,
    title: { en: 'Unknown SKU', 'pt-BR': 'SKU desconhecido' },
    detail: {
      en: 'There is no such SKU here: {skus}.',
      'pt-BR': 'Este SKU não existe aqui: {skus}.',
    },
    advice: {
      en: 'Check the spelling; an operator introduces a SKU with `PUT /stock/{sku}` or an import.',
      'pt-BR':
        'Confira a grafia; um operador cadastra um SKU com `PUT /stock/{sku}` ou com uma importação.',
    },
    members: ['skus'],
  },
  not_on_sale: {
    status: 409,
    title: { en: 'Not on sale', 'pt-BR': 'Fora do período de venda' },
    detail: { en: '{sku} is not on sale any more.', 'pt-BR': 'A venda de {sku} já terminou.' },
    variants: {
      early: {
        en: '{sku} is not on sale yet: its sale opens at {opens_at}.',
        'pt-BR': 'A venda de {sku} ainda não começou: ela abre em {opens_at}.',
      },
    },
    advice: {
      en: 'Try again after `opens_at`. When that lies in the past the sale is over.',
      'pt-BR': 'Tente de novo depois de `opens_at`. Se esse momento já passou, a venda terminou.',
    },
    members: ['sku', 'opens_at', 'closes_at'],
  },
  customer_required: {
    status: 422,
    title: { en: 'Customer required', 'pt-BR': 'Cliente obrigatório' },
    detail: {
      en: '{sku} is limited per customer: say who is buying in customer_id.',
      'pt-BR': '{sku} tem limite por cliente: informe quem compra em customer_id.',
    },
    advice: {
      en: 'Send `customer_id`: any stable name of the buyer that is not personal data.',
      'pt-BR': 'Envie `customer_id`: um nome estável do comprador que não seja dado pessoal.',
    },
    members: ['sku'],
  },
  max_per_order: {
    status: 409,
    title: { en: 'More than one order may have', 'pt-BR': 'Acima do limite por pedido' },
    detail: {
      en: 'An order may have at most {limit} of {sku}; {requested} were asked for.',
      'pt-BR': 'Um pedido pode ter no máximo {limit} de {sku}; foram pedidas {requested}.',
    },
    advice: {
      en: 'Ask for `limit` or fewer.',
      'pt-BR': 'Peça no máximo `limit`.',
    },
    members: ['sku', 'limit', 'requested'],
  },
  max_per_customer: {
    status: 409,
    title: { en: 'More than one customer may have', 'pt-BR': 'Acima do limite por cliente' },
    detail: {
      en: 'A customer may have at most {limit} of {sku} and has {held}; {requested} more were asked for.',
      'pt-BR':
        'Um cliente pode ter no máximo {limit} de {sku} e já tem {held}; foram pedidas mais {requested}.',
    },
    advice: {
      en: 'Active reservations and purchases both count. Releasing an active one frees its share.',
      'pt-BR':
        'Contam as reservas ativas e as compras. Liberar uma reserva ativa devolve a parte dela.',
    },
    members: ['sku', 'limit', 'held', 'requested'],
  },
  sold_out: {
    status: 409,
    title: { en: 'Sold out', 'pt-BR': 'Esgotado' },
    detail: { en: 'Sold out: {short_skus}.', 'pt-BR': 'Esgotado: {short_skus}.' },
    advice: {
      en: 'Nobody holds units that may come back: waiting does not help. `short` names every SKU that lacks.',
      'pt-BR':
        'Ninguém segura unidades que possam voltar: esperar não adianta. `short` lista cada SKU em falta.',
    },
    members: ['short', 'next_expiry_at'],
  },
  all_reserved: {
    status: 409,
    title: { en: 'All reserved for now', 'pt-BR': 'Tudo reservado no momento' },
    detail: {
      en: 'Others hold all that is left of {short_skus}. The next reservation may lapse at {next_expiry_at}.',
      'pt-BR':
        'Outros clientes seguram tudo o que resta de {short_skus}. A próxima reserva pode vencer em {next_expiry_at}.',
    },
    advice: {
      en: 'Try again after `Retry-After` seconds: a lapsed unit is on sale at once.',
      'pt-BR':
        'Tente de novo depois de `Retry-After` segundos: uma unidade vencida volta à venda na hora.',
    },
    members: ['short', 'next_expiry_at'],
  },
  insufficient_stock: {
    status: 409,
    title: { en: 'Not enough left', 'pt-BR': 'Estoque insuficiente' },
    detail: {
      en: 'There is less left than was asked for: {short_skus}.',
      'pt-BR': 'Resta menos do que foi pedido: {short_skus}.',
    },
    advice: {
      en: 'Ask for `available` or fewer of each SKU in `short`, or send `allow_partial`.',
      'pt-BR': 'Peça no máximo `available` de cada SKU em `short`, ou envie `allow_partial`.',
    },
    members: ['short', 'next_expiry_at'],
  },
  ttl_out_of_range: {
    status: 422,
    title: { en: 'Lifetime out of range', 'pt-BR': 'Duração fora do limite' },
    detail: {
      en: 'A reservation may live for at most {max_ttl_seconds} seconds.',
      'pt-BR': 'Uma reserva pode durar no máximo {max_ttl_seconds} segundos.',
    },
    advice: {
      en: 'Send a smaller `ttl_seconds`, or none.',
      'pt-BR': 'Envie um `ttl_seconds` menor, ou nenhum.',
    },
    members: ['max_ttl_seconds'],
  },
  quantity_out_of_range: {
    status: 422,
    title: { en: 'Quantity out of range', 'pt-BR': 'Quantidade fora do limite' },
    detail: {
      en: 'A reservation may have at most {limit} of one SKU; its lines ask for {requested} of {sku}.',
      'pt-BR':
        'Uma reserva pode ter no máximo {limit} de um SKU; suas linhas pedem {requested} de {sku}.',
    },
    advice: {
      en: 'Lines of one SKU are summed: split the order into several reservations.',
      'pt-BR': 'As linhas de um mesmo SKU são somadas: divida o pedido em várias reservas.',
    },
    members: ['sku', 'limit', 'requested'],
  },
  reservation_exists: {
    status: 409,
    title: { en: 'Reservation exists', 'pt-BR': 'Reserva já existe' },
    detail: {
      en: 'Reservation {reservation_id} is there already, and is not what was asked for now.',
      'pt-BR': 'A reserva {reservation_id} já existe e não é o que foi pedido agora.',
    },
    advice: {
      en: 'Look at it with `GET /reservations/{id}`. Ids are made here: report this if you see it.',
      'pt-BR':
        'Consulte-a com `GET /reservations/{id}`. Os ids são criados aqui: avise-nos se isto aparecer.',
    },
    members: ['reservation_id'],
  },
  reservation_not_found: {
    status: 404,
    title: { en: 'No such reservation', 'pt-BR': 'Reserva não encontrada' },
    detail: {
      en: 'There is no reservation {reservation_id}.',
      'pt-BR': 'A reserva {reservation_id} não existe.',
    },
    advice: {
      en: 'Check the id. Reservations that ended are forgotten after the retention period (7 days by default).',
      'pt-BR':
        'Confira o id. Reservas encerradas são esquecidas depois do período de retenção (7 dias por padrão).',
    },
    members: ['reservation_id'],
  },
  reservation_expired: {
    status: 410,
    title: { en: 'Reservation expired', 'pt-BR': 'Reserva vencida' },
    detail: {
      en: 'This reservation expired at {expired_at}.',
      'pt-BR': 'Esta reserva venceu em {expired_at}.',
    },
    variants: {
      refund: {
        en: 'This reservation expired at {expired_at} and its units are gone: the buyer is owed a refund.',
        'pt-BR':
          'Esta reserva venceu em {expired_at} e as unidades já se foram: é preciso devolver o valor ao comprador.',
      },
    },
    advice: {
      en: 'Reserve again. A buyer who has already paid: confirm with `on_expired: "reacquire"`; where `refund_required` is true the units are gone.',
      'pt-BR':
        'Reserve de novo. Se o comprador já pagou: confirme com `on_expired: "reacquire"`; se `refund_required` for true, as unidades já se foram.',
    },
    members: ['reservation_id', 'expired_at', 'refund_required'],
  },
  reservation_released: {
    status: 410,
    title: { en: 'Reservation released', 'pt-BR': 'Reserva liberada' },
    detail: {
      en: 'This reservation was released; its units are back on sale.',
      'pt-BR': 'Esta reserva foi liberada; as unidades voltaram à venda.',
    },
    advice: { en: 'Reserve again.', 'pt-BR': 'Reserve de novo.' },
    members: ['reservation_id'],
  },
  reservation_cancelled: {
    status: 410,
    title: { en: 'Purchase cancelled', 'pt-BR': 'Compra cancelada' },
    detail: {
      en: 'This reservation was confirmed and then cancelled.',
      'pt-BR': 'Esta reserva foi confirmada e depois cancelada.',
    },
    advice: { en: 'Reserve again.', 'pt-BR': 'Reserve de novo.' },
    members: ['reservation_id'],
  },
  already_confirmed: {
    status: 409,
    title: { en: 'Already confirmed', 'pt-BR': 'Já confirmada' },
    detail: {
      en: 'This reservation is a purchase already: it cannot be released, extended, or confirmed for another order.',
      'pt-BR':
        'Esta reserva já é uma compra: não pode ser liberada, estendida nem confirmada para outro pedido.',
    },
    advice: {
      en: 'To undo the purchase, cancel it.',
      'pt-BR': 'Para desfazer a compra, cancele-a.',
    },
    members: ['reservation_id'],
  },
  order_mismatch: {
    status: 409,
    title: { en: 'Belongs to another order', 'pt-BR': 'Pertence a outro pedido' },
    detail: {
      en: 'This reservation is latched to another order.',
      'pt-BR': 'Esta reserva está vinculada a outro pedido.',
    },
    advice: {
      en: 'Use the `order_id` that the reservation was extended or confirmed with.',
      'pt-BR': 'Use o `order_id` com que a reserva foi estendida ou confirmada.',
    },
    members: ['reservation_id'],
  },
  not_confirmed: {
    status: 409,
    title: { en: 'Not confirmed', 'pt-BR': 'Não confirmada' },
    detail: {
      en: 'Only a confirmed reservation can be cancelled; this one is {reservation_status}.',
      'pt-BR': 'Só uma reserva confirmada pode ser cancelada; esta está {reservation_status}.',
    },
    advice: {
      en: 'An active reservation is given back with release.',
      'pt-BR': 'Uma reserva ativa é devolvida com release.',
    },
    members: ['reservation_id', 'reservation_status'],
  },
  extend_limit_reached: {
    status: 409,
    title: { en: 'Cannot be extended further', 'pt-BR': 'Não pode mais ser estendida' },
    detail: {
      en: 'This reservation already has all the time it may have: it expires at {expires_at}.',
      'pt-BR': 'Esta reserva já tem todo o tempo permitido: ela vence em {expires_at}.',
    },
    advice: {
      en: 'Confirm it before it expires.',
      'pt-BR': 'Confirme antes do vencimento.',
    },
    members: ['reservation_id', 'expires_at'],
  },
  line_not_reserved: {
    status: 422,
    title: { en: 'Not part of this reservation', 'pt-BR': 'Fora desta reserva' },
    detail: {
      en: 'This reservation has no line of {sku}.',
      'pt-BR': 'Esta reserva não tem nenhuma linha de {sku}.',
    },
    advice: {
      en: 'Name only SKUs that were reserved.',
      'pt-BR': 'Cite apenas SKUs que foram reservados.',
    },
    members: ['reservation_id', 'sku'],
  },
  quantity_exceeds_reserved: {
    status: 422,
    title: { en: 'More than was reserved', 'pt-BR': 'Mais do que foi reservado' },
    detail: {
      en: '{requested} of {sku} were asked for, {reserved} were reserved.',
      'pt-BR': 'Foram pedidas {requested} de {sku}, e {reserved} estão reservadas.',
    },
    advice: {
      en: 'Confirm at most what was reserved; reserve the rest anew.',
      'pt-BR': 'Confirme no máximo o que foi reservado; reserve o resto de novo.',
    },
    members: ['reservation_id', 'sku', 'reserved', 'requested'],
  },
  quantity_exceeds_confirmed: {
    status: 422,
    title: { en: 'More than was confirmed', 'pt-BR': 'Mais do que foi confirmado' },
    detail: {
      en: '{requested} of {sku} were asked for; {confirmed} were confirmed and {cancelled} of them cancelled already.',
      'pt-BR':
        'Foram pedidas {requested} de {sku}; {confirmed} foram confirmadas e {cancelled} delas já canceladas.',
    },
    advice: {
      en: 'Cancel at most what is still confirmed.',
      'pt-BR': 'Cancele no máximo o que ainda está confirmado.',
    },
    members: ['reservation_id', 'sku', 'confirmed', 'cancelled', 'requested'],
  },
  stock_out_of_range: {
    status: 422,
    title: { en: 'Stock out of range', 'pt-BR': 'Estoque fora do limite' },
    detail: {
      en: 'This would make the stock of {sku} {on_hand}; it must stay from 0 to 2,147,483,647.',
      'pt-BR': 'Isto levaria o estoque de {sku} a {on_hand}; ele deve ficar de 0 a 2.147.483.647.',
    },
    advice: {
      en: 'Correct the delta, or set the figure with `PUT /stock/{sku}`.',
      'pt-BR': 'Corrija o delta, ou defina o valor com `PUT /stock/{sku}`.',
    },
    members: ['sku', 'on_hand'],
  },
  parcel_not_found: {
    status: 404,
    title: { en: 'Unknown parcel', 'pt-BR': 'Remessa desconhecida' },
    detail: {
      en: 'Parcel {parcel_id} is not on its way: it has been settled.',
      'pt-BR': 'A remessa {parcel_id} não está em trânsito: já foi resolvida.',
    },
    advice: {
      en: 'For the relay: leave it alone.',
      'pt-BR': 'Para o retransmissor: nada a fazer.',
    },
    members: ['parcel_id'],
  },
  message_not_found: {
    status: 404,
    title: { en: 'Unknown message', 'pt-BR': 'Mensagem desconhecida' },
    detail: {
      en: 'There is no message {message_id} in the outbox.',
      'pt-BR': 'Não há mensagem {message_id} na caixa de saída.',
    },
    advice: {
      en: 'Ask `GET /outbox` for those that wait; a delivered one is forgotten with its reservation.',
      'pt-BR':
        'Consulte em `GET /outbox` as que aguardam; uma entregue é esquecida junto com a sua reserva.',
    },
    members: ['message_id'],
  },
  message_not_dead: {
    status: 409,
    title: { en: 'Not a dead letter', 'pt-BR': 'A mensagem não está parada' },
    detail: {
      en: 'Message {message_id} is {state}: only one that was given up on can be retried or discarded.',
      'pt-BR':
        'A mensagem {message_id} está {state}: só uma da qual se desistiu pode ser reenviada ou descartada.',
    },
    advice: {
      en: 'Wait: the relay is still at it.',
      'pt-BR': 'Aguarde: o retransmissor ainda está cuidando dela.',
    },
    members: ['message_id', 'state'],
  },
  discard_units: {
    status: 422,
    title: { en: 'What becomes of the units?', 'pt-BR': 'O que acontece com as unidades?' },
    detail: {
      en: 'To discard a sale, say what becomes of its units; to discard a cancellation, do not (message {message_id} is a {kind}).',
      'pt-BR':
        'Para descartar uma venda (sale), diga o que acontece com as unidades; para um cancelamento (cancellation), não diga (a mensagem {message_id} é {kind}).',
    },
    advice: {
      en: 'Of a sale, `units` is `deduct` (it stands, they leave the shelf) or `restock` (it is cancelled); of a cancellation, leave it out.',
      'pt-BR':
        'Para uma venda, `units` é `deduct` (ela vale, as unidades saem) ou `restock` (ela é cancelada); para um cancelamento, omita.',
    },
    members: ['message_id', 'kind'],
  },
  balance_outdated: {
    status: 409,
    title: { en: 'Balance outdated', 'pt-BR': 'Saldo desatualizado' },
    detail: {
      en: 'A message about {sku} was on its way to the ERP while its balance was read.',
      'pt-BR': 'Uma mensagem sobre {sku} estava a caminho do ERP enquanto o saldo era lido.',
    },
    advice: {
      en: 'Read the balance again; the reconciler does so by itself.',
      'pt-BR': 'Leia o saldo de novo; a conciliação faz isso sozinha.',
    },
    members: ['sku'],
  },
  idempotency_key_reused: {
    status: 422,
    title: { en: 'Idempotency key used before', 'pt-BR': 'Chave de idempotência já usada' },
    detail: {
      en: 'This Idempotency-Key was used for a different request.',
      'pt-BR': 'Esta Idempotency-Key foi usada em uma requisição diferente.',
    },
    advice: {
      en: 'Use a new key for a new request; repeat a request unchanged with its own key.',
      'pt-BR':
        'Use uma chave nova para cada requisição nova; repita uma requisição sem mudanças com a chave dela.',
    },
  },
} as const satisfies Record<RejectionCode, CatalogueEntry>;
