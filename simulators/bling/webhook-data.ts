/** The `data` of a webhook. */
import type { Account } from './account/account.ts';
import type { AccountEvent } from './account/events.ts';
import type { Movement, Order } from './account/records.ts';
import { MOST_LINKS, type Product } from './account/products.ts';
import { situationValue } from './account/orders.ts';

export function dataOf(account: Account, event: AccountEvent): Record<string, unknown> {
  switch (event.kind) {
    case 'stock':
      return stockData(account, event.movement, event.action === 'deleted');
    case 'virtual_stock':
      return virtualStockData(account, event.productId);
    case 'order':
      return event.action === 'deleted' ? { id: event.order.id } : orderData(event.order);
    case 'product':
      return event.action === 'deleted' ? { id: event.product.id } : productData(event.product);
  }
}

function stockData(
  { stock, products }: Account,
  { productId, depositId, operation, quantity }: Movement,
  deleted: boolean,
): Record<string, unknown> {
  const product = products.get(productId);
  const here = stock.balance(product, depositId);
  const total = stock.total(product);
  return {
    produto: { id: productId },
    deposito: { id: depositId, saldoFisico: here.physical, saldoVirtual: here.virtual },
    ...(deleted ? {} : { operacao: operation, quantidade: quantity }),
    saldoFisicoTotal: total.physical,
    saldoVirtualTotal: total.virtual,
  };
}

function virtualStockData({ stock, products }: Account, id: number): Record<string, unknown> {
  const product = products.get(id);
  const total = stock.total(product);
  return {
    produto: { id },
    saldoFisicoTotal: total.physical,
    saldoVirtualTotal: total.virtual,
    vinculoComplexo: products.kitsWith(id).length > MOST_LINKS,
    depositos: stock.deposits().map((deposit) => {
      const { physical, virtual } = stock.balance(product, deposit.id);
      return { id: deposit.id, saldoFisico: physical, saldoVirtual: virtual };
    }),
  };
}

function orderData(order: Order): Record<string, unknown> {
  return {
    id: order.id,
    data: order.date,
    numero: order.number,
    numeroLoja: order.shopNumber,
    total: order.total,
    contato: { id: order.contactId },
    vendedor: { id: 0 },
    loja: { id: order.shopId },
    situacao: { id: order.situationId, valor: situationValue(order.situationId) },
  };
}

function productData(product: Product): Record<string, unknown> {
  return {
    id: product.id,
    nome: product.name,
    codigo: product.sku,
    tipo: 'P',
    situacao: product.situation,
    preco: product.price,
    unidade: 'UN',
    formato: product.format,
    idProdutoPai: product.parentId ?? 0,
    categoria: { id: 0 },
    descricaoCurta: '',
    descricaoComplementar: '',
  };
}
