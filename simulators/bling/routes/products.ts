/** GET /produtos, /produtos/{id}, /produtos/variacoes/{id} */
import type { Product } from '../account/products.ts';
import type { Answer } from '../answers.ts';
import type { Call, Route } from '../call.ts';
import type { World } from '../world.ts';

const RECENT_MS = 30 * 86_400_000;
const access = { scope: 'produtos' } as const;

/** `criterio`: 1 (also without one) last included, 2 active, 3 inactive, 4 deleted, 5 all. */
function byCriterion(criterion: string | null, now: number): (product: Product) => boolean {
  switch (criterion ?? '1') {
    case '2':
      return ({ situation }) => situation === 'A';
    case '3':
      return ({ situation }) => situation === 'I';
    case '4':
      return ({ situation }) => situation === 'E';
    case '5':
      return () => true;
    default:
      return ({ situation, includedAt }) => situation === 'A' && includedAt > now - RECENT_MS;
  }
}

/** `tipo`: T and P all (there are no services here), E kits, PS simple, C parents, V variations. */
function byType(type: string | null): (product: Product) => boolean {
  switch (type ?? 'T') {
    case 'S':
      return () => false;
    case 'E':
      return ({ format }) => format === 'E';
    case 'PS':
      return ({ format, parentId }) => format === 'S' && parentId === null;
    case 'C':
      return ({ format }) => format === 'V';
    case 'V':
      return ({ parentId }) => parentId !== null;
    default:
      return () => true;
  }
}

function list({ account, clock }: World, { query }: Call): Answer {
  const ids = query.ids('idsProdutos');
  const skus = query.list('codigos');
  const name = query.text('nome')?.toLowerCase() ?? '';
  const changed = query.period('dataAlteracao', clock.now());
  const included = query.period('dataInclusao', clock.now());
  const criterion = byCriterion(query.text('criterio'), clock.now());
  const type = byType(query.text('tipo'));
  const found = account.products
    .all()
    .filter(
      (product) =>
        criterion(product) &&
        type(product) &&
        (ids.length === 0 || ids.includes(product.id)) &&
        (skus.length === 0 || skus.includes(product.sku)) &&
        product.name.toLowerCase().includes(name) &&
        changed(product.changedAt) &&
        included(product.includedAt),
    );
  const { data } = query.page(found);
  return { status: 200, body: { data: data.map((product) => summary(account, product)) } };
}

function summary({ stock }: World['account'], product: Product): Record<string, unknown> {
  return {
    id: product.id,
    ...(product.parentId === null ? {} : { idProdutoPai: product.parentId }),
    nome: product.name,
    codigo: product.sku,
    preco: product.price,
    precoCusto: product.price / 2,
    estoque: { saldoVirtualTotal: stock.total(product).virtual },
    tipo: 'P',
    situacao: product.situation,
    formato: product.format,
    descricaoCurta: '',
    imagemURL: '',
  };
}

function detail(account: World['account'], product: Product): Record<string, unknown> {
  const { structure } = product;
  return {
    ...summary(account, product),
    ...(product.variation === null
      ? {}
      : {
          variacao: {
            nome: product.variation,
            ordem: 1,
            produtoPai: { id: product.parentId, cloneInfo: true },
          },
        }),
    variacoes: account.products.variationsOf(product.id).map((child) => detail(account, child)),
    ...(structure === null
      ? {}
      : {
          estrutura: {
            tipoEstoque: structure.stock,
            lancamentoEstoque: structure.launches,
            componentes: structure.components.map(({ productId, quantity }) => ({
              produto: { id: productId },
              quantidade: quantity,
            })),
          },
        }),
  };
}

function one({ account }: World, call: Call): Answer {
  const product = account.products.get(call.id('id'));
  return { status: 200, body: { data: detail(account, product) } };
}

export const PRODUCT_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/produtos', access, handle: list },
  { method: 'GET', path: '/produtos/:id', access, handle: one },
  { method: 'GET', path: '/produtos/variacoes/:id', access, handle: one },
];
