/** Looks through a body and collects what Bling would complain about. */
import { Refusal, validationError, type FieldProblem } from './answers.ts';
import { isObject, type JsonObject } from './call.ts';

export class Fields {
  readonly #body: JsonObject;
  readonly #namespace: string;
  readonly problems: FieldProblem[] = [];

  constructor(body: JsonObject, namespace: string) {
    this.#body = body;
    this.#namespace = namespace;
  }

  complain(element: string, msg: string, code = 3): void {
    this.problems.push({ code, msg, element, namespace: this.#namespace });
  }

  number(element: string): number | null {
    const value = this.#body[element];
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    this.#missing(element, value);
    return null;
  }

  /** YYYY-MM-DD, and a day that exists. */
  date(element: string): string | null {
    const value = this.#body[element];
    if (typeof value === 'string' && isDay(value)) return value;
    this.#missing(element, value);
    return null;
  }

  text(element: string): string | null {
    const value = this.#body[element];
    if (typeof value === 'string' && value !== '') return value;
    this.#missing(element, value);
    return null;
  }

  /** The `id` of an object such as `contato`. */
  id(element: string): number | null {
    const value = this.#body[element];
    const id = isObject(value) ? value['id'] : undefined;
    if (typeof id === 'number' && Number.isSafeInteger(id)) return id;
    this.#missing(element, value);
    return null;
  }

  /**
   * A list with at least one element; what `read` complains about in each becomes one problem
   * with a `collection` that says where.
   */
  list<T>(element: string, read: (fields: Fields) => T): T[] {
    const value = this.#body[element];
    if (!Array.isArray(value) || value.length === 0) {
      this.#missing(element, value);
      return [];
    }
    const readers = value.map((each: unknown) => new Fields(isObject(each) ? each : {}, element));
    const read_ = readers.map(read);
    const collection = readers.flatMap(({ problems }, index) =>
      problems.map((problem) => ({ index, ...problem })),
    );
    if (collection.length > 0) {
      const msg = `Há problemas em ${element}`;
      this.problems.push({ code: 3, msg, element, namespace: this.#namespace, collection });
    }
    return read_;
  }

  /** The raw value, for what is optional. */
  raw(element: string): unknown {
    return this.#body[element];
  }

  /** Refuses the call if there was anything to complain about. */
  check(): void {
    if (this.problems.length > 0) throw new Refusal(validationError(this.problems));
  }

  #missing(element: string, value: unknown): void {
    this.complain(
      element,
      value === undefined || value === null || value === ''
        ? `O campo ${element} é obrigatório`
        : `O valor do campo ${element} é inválido`,
      value === undefined || value === null || value === '' ? 1 : 2,
    );
  }
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
