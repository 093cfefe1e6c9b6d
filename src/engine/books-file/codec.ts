/** Between values of the program and JSON as it stands in a file: names in snake_case, and nothing that is not expected. */

export interface Codec<T> {
  encode(value: T): unknown;
  /** Throws `Mismatch`. */
  decode(json: unknown): T;
}

/** What stands there is not what was expected. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch';
}

/** A value that is the same in JSON. */
function plain<T>(expected: string, fits: (json: unknown) => boolean): Codec<T> {
  return {
    encode: (value) => value,
    decode: (json) => {
      if (fits(json)) return json as T;
      throw new Mismatch(`expected ${expected}, found ${describe(json)}`);
    },
  };
}

function describe(json: unknown): string {
  const text = JSON.stringify(json) as string | undefined;
  if (text === undefined) return 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

export const text = plain<string>('a text', (json) => typeof json === 'string');
export const flag = plain<boolean>('true or false', (json) => typeof json === 'boolean');
export const whole = plain<number>('a whole number', Number.isSafeInteger);
export const count = plain<number>(
  'a whole number, 0 or more',
  (json) => Number.isSafeInteger(json) && Number(json) >= 0,
);

export function object<T extends object>(): Codec<T> {
  return plain<T>('an object', (json) => typeof json === 'object' && json !== null);
}

export function oneOf<const T extends string>(words: readonly T[]): Codec<T> {
  return plain<T>(`one of ${words.join(', ')}`, (json) => words.includes(json as T));
}

export function orNull<T>(codec: Codec<T>): Codec<T | null> {
  return {
    encode: (value) => (value === null ? null : codec.encode(value)),
    decode: (json) => (json === null ? null : codec.decode(json)),
  };
}

export function listOf<T>(codec: Codec<T>): Codec<readonly T[]> {
  return {
    encode: (values) => values.map((value) => codec.encode(value)),
    decode: (json) => {
      if (!Array.isArray(json)) throw new Mismatch(`expected a list, found ${describe(json)}`);
      return json.map((each: unknown, index) => within(String(index), () => codec.decode(each)));
    },
  };
}

/** An object with exactly these fields. */
export function record<T extends object>(fields: { readonly [K in keyof T]: Codec<T[K]> }) {
  const names = Object.keys(fields).map((field) => ({
    field: field as keyof T,
    name: field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  }));
  const known = new Set(names.map(({ name }) => name));
  const codec: Codec<T> = {
    encode: (value) =>
      Object.fromEntries(
        names.map(({ field, name }) => [name, fields[field].encode(value[field])]),
      ),
    decode: (json) => {
      if (typeof json !== 'object' || json === null || Array.isArray(json)) {
        throw new Mismatch(`expected an object, found ${describe(json)}`);
      }
      const given = json as Readonly<Record<string, unknown>>;
      const stray = Object.keys(given).find((name) => !known.has(name));
      if (stray !== undefined) throw new Mismatch(`there is no field ${stray}`);
      return Object.fromEntries(
        names.map(({ field, name }) => [
          field,
          within(name, () => fields[field].decode(given[name])),
        ]),
      ) as T;
    },
  };
  return codec;
}

/** Says where, if it does not fit. */
function within<T>(name: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    const rest = error.message.startsWith('expected') ? `: ${error.message}` : `.${error.message}`;
    throw new Mismatch(`${name}${rest}`);
  }
}
