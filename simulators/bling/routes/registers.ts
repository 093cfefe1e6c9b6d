/** The small registers that orders refer to: contacts, situations, forms of payment. */
import type { Contact } from '../account/contacts.ts';
import { SALES_MODULE, SITUATIONS } from '../account/orders.ts';
import { notFound, Refusal, type Answer } from '../answers.ts';
import type { Call, Route } from '../call.ts';
import { Fields } from '../fields.ts';
import type { World } from '../world.ts';

const contacts = { scope: 'contatos' } as const;
const situations = { scope: 'situacoes' } as const;

const PAYMENT_FORMS = [
  { id: 3_100_001, descricao: 'Conta a receber/pagar', tipoPagamento: 1, situacao: 1, padrao: 1 },
  { id: 3_100_002, descricao: 'Cartão de Crédito', tipoPagamento: 3, situacao: 1, padrao: 0 },
  { id: 3_100_003, descricao: 'Pix', tipoPagamento: 17, situacao: 1, padrao: 0 },
];

function contactJson({ id, name, document, type }: Contact): Record<string, unknown> {
  return { id, nome: name, codigo: '', situacao: 'A', numeroDocumento: document, tipo: type };
}

function listContacts({ account }: World, { query }: Call): Answer {
  const document = digits(query.text('numeroDocumento') ?? '');
  const text = (query.text('pesquisa') ?? '').toLowerCase();
  const found = account.contacts
    .all()
    .filter(
      (contact) =>
        (document === '' || contact.document === document) &&
        contact.name.toLowerCase().includes(text),
    );
  return { status: 200, body: { data: query.page(found).data.map(contactJson) } };
}

function addContact({ account }: World, call: Call): Answer {
  const body = call.json();
  const fields = new Fields(body, 'CONTATOS');
  const name = fields.text('nome') ?? '';
  const type = body['tipo'];
  if (type !== 'F' && type !== 'J') fields.complain('tipo', 'O tipo deve ser F ou J', 2);
  const document = typeof body['numeroDocumento'] === 'string' ? body['numeroDocumento'] : '';
  fields.check();
  const kind = type === 'J' ? 'J' : 'F';
  const { id } = account.contacts.add({ name, document: digits(document), type: kind });
  return { status: 201, body: { data: { id } } };
}

function digits(text: string): string {
  return text.replaceAll(/\D/g, '');
}

function situationsOf(_world: World, call: Call): Answer {
  if (call.id('id') !== SALES_MODULE) throw new Refusal(notFound());
  const data = SITUATIONS.map(({ id, name, color }) => ({
    id,
    nome: name,
    idHerdado: 0,
    cor: color,
  }));
  return { status: 200, body: { data } };
}

function modules(): Answer {
  const sales = {
    id: SALES_MODULE,
    nome: 'Vendas',
    descricao: 'Pedidos de Venda',
    criarSituacoes: true,
  };
  return { status: 200, body: { data: [sales] } };
}

export const REGISTER_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/contatos', access: contacts, handle: listContacts },
  { method: 'POST', path: '/contatos', access: contacts, handle: addContact },
  {
    method: 'GET',
    path: '/contatos/consumidor-final',
    access: contacts,
    handle: ({ account }) => ({
      status: 200,
      body: { data: contactJson(account.contacts.anyone()) },
    }),
  },
  {
    method: 'GET',
    path: '/contatos/:id',
    access: contacts,
    handle: ({ account }, call) => ({
      status: 200,
      body: { data: contactJson(account.contacts.get(call.id('id'))) },
    }),
  },
  { method: 'GET', path: '/situacoes/modulos', access: situations, handle: modules },
  { method: 'GET', path: '/situacoes/modulos/:id', access: situations, handle: situationsOf },
  {
    method: 'GET',
    path: '/formas-pagamentos',
    access: { scope: 'pedidos' },
    handle: (_world, { query }) => ({
      status: 200,
      body: { data: query.page(PAYMENT_FORMS).data },
    }),
  },
];
