/** A query as PHP reads it: `a[]=1&a[]=2` and `a[0]=1&a[1]=2` are lists, `a=1` is not. */
import { periodTooLong, Refusal, validationError } from './answers.ts';

const YEAR_MS = 366 * 86_400_000;

export interface Page<T> {
  readonly data: readonly T[];
}

export class Query {
  readonly #values = new URLSearchParams();

  constructor(raw: string) {
    for (const [name, value] of new URLSearchParams(raw)) {
      this.#values.append(name.replace(/\[\d+\]$/, '[]'), value);
    }
  }

  text(name: string): string | null {
    return this.#values.get(name);
  }

  list(name: string): string[] {
    return this.#values.getAll(`${name}[]`).filter((value) => value !== '');
  }

  /** What cannot be an id is dropped, as it is there. */
  ids(name: string): number[] {
    return this.list(name).map(Number).filter(Number.isSafeInteger);
  }

  integer(name: string, otherwise: number): number {
    const value = Number(this.#values.get(name) ?? '');
    return Number.isSafeInteger(value) && value > 0 ? value : otherwise;
  }

  /** The asked-for page: 100 at most, no total, the last one short or empty. */
  page<T>(all: readonly T[]): Page<T> {
    const size = Math.min(this.integer('limite', 100), 100);
    const start = (this.integer('pagina', 1) - 1) * size;
    return { data: all.slice(start, start + size) };
  }

  /**
   * A test for times within `${name}Inicial` and `${name}Final`; more than a year is refused.
   * A day that ends a period is in it to its end.
   */
  period(name: string, now: number): (time: number) => boolean {
    const from = this.#time(`${name}Inicial`, 0);
    const to = this.#time(`${name}Final`, 86_400_000 - 1);
    if (from === null && to === null) return () => true;
    if (from !== null && (to ?? now) - from > YEAR_MS) throw new Refusal(periodTooLong());
    return (time) => time >= (from ?? -Infinity) && time <= (to ?? Infinity);
  }

  #time(name: string, endOfDay: number): number | null {
    const text = this.text(name);
    if (text === null || text === '') return null;
    // Times without a zone are Brasília's.
    const day = /^\d{4}-\d{2}-\d{2}$/.test(text);
    const time = Date.parse(`${text.replace(' ', 'T')}${day ? 'T00:00:00' : ''}-03:00`);
    if (Number.isNaN(time)) {
      throw new Refusal(
        validationError([
          { code: 2, msg: 'A data é inválida', element: name, namespace: 'FILTROS' },
        ]),
      );
    }
    return time + (day ? endOfDay : 0);
  }
}
