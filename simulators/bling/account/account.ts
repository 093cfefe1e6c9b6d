/** One Bling account: its catalogue, its stock, its orders, its contacts. */
import type { SimulatedClock } from '../clock.ts';
import type { Switches } from '../switches.ts';
import { Contacts } from './contacts.ts';
import type { Emit } from './events.ts';
import { Orders } from './orders.ts';
import { Products } from './products.ts';
import type { Deposit } from './records.ts';
import { Stock } from './stock.ts';

export interface Account {
  readonly products: Products;
  readonly stock: Stock;
  readonly orders: Orders;
  readonly contacts: Contacts;
  readonly deposit: Deposit;
}

/** Ids as long as Bling's, one series per kind, the same in every run. */
function series(first: number): () => number {
  let next = first;
  return () => next++;
}

export function openAccount(clock: SimulatedClock, switches: Switches, emit: Emit): Account {
  const products = new Products(clock, series(16_000_000_001));
  const stock = new Stock(clock, switches, products, series(19_000_000_001), emit);
  const deposit = stock.addDeposit(
    { name: 'Geral', active: true, standard: true, ignored: false },
    14_888_000_001,
  );
  const orders = new Orders({ clock, switches, products, stock }, series(23_000_000_001), emit);
  const contacts = new Contacts(series(17_000_000_001));
  return { products, stock, orders, contacts, deposit };
}
