/** The people whom orders are for. */
import { notFound, Refusal } from '../answers.ts';

export interface Contact {
  readonly id: number;
  readonly name: string;
  /** CPF or CNPJ, digits only; empty when unknown. */
  readonly document: string;
  /** F person, J company. */
  readonly type: 'F' | 'J';
}

export class Contacts {
  readonly #contacts = new Map<number, Contact>();
  readonly #nextId: () => number;
  readonly #anyone: Contact;

  constructor(nextId: () => number) {
    this.#nextId = nextId;
    this.#anyone = this.add({ name: 'Consumidor Final', document: '', type: 'F' });
  }

  add(contact: Omit<Contact, 'id'>): Contact {
    const added = { ...contact, id: this.#nextId() };
    this.#contacts.set(added.id, added);
    return added;
  }

  all(): Contact[] {
    return [...this.#contacts.values()];
  }

  find(id: number): Contact | undefined {
    return this.#contacts.get(id);
  }

  get(id: number): Contact {
    const contact = this.#contacts.get(id);
    if (contact === undefined) throw new Refusal(notFound());
    return contact;
  }

  /** Consumidor final: good for an order, not for an invoice with CPF. */
  anyone(): Contact {
    return this.#anyone;
  }
}
