/** camelCase in the code, snake_case on the wire of the control API. */

/** What is passed on as it is, whoever wrote it. */
const OPAQUE: ReadonlySet<string> = new Set(['body', 'data', 'sent']);

export function toWire(value: unknown): unknown {
  return renamed(value, (name) =>
    name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  );
}

export function fromWire(value: unknown): unknown {
  return renamed(value, (name) =>
    name.replaceAll(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase()),
  );
}

function renamed(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => renamed(each, rename));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]: [string, unknown]) => [
      rename(name),
      OPAQUE.has(name) ? inner : renamed(inner, rename),
    ]),
  );
}
