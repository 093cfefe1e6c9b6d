/** What a schema asks for, in a few words of the caller's language. */
import type { Texts } from './languages.ts';

/** The parts of JSON Schema that our schemas use. */
interface Node {
  readonly type?: string;
  readonly format?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Node[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
}

/** The schema of the value at `path`; null where none describes it. */
export function schemaAt(schema: object, path: readonly string[]): Node | null {
  let node: Node | null = schema;
  for (const step of path) {
    const holder: Node =
      alternatives(node).find(({ properties, items }) => properties ?? items) ?? node;
    node = holder.items ?? ownProperty(holder.properties, step);
    if (node === null) return null;
  }
  return node;
}

function ownProperty(properties: Node['properties'], name: string): Node | null {
  if (properties === undefined || !Object.hasOwn(properties, name)) return null;
  return properties[name] ?? null;
}

function alternatives(node: Node): readonly Node[] {
  return node.anyOf ?? [node];
}

const NOTHING: Texts = { en: 'nothing', 'pt-BR': 'nada' };
/** Schemas are few and do not change; formatting numbers for people is slow. */
const known = new WeakMap<Node, Texts>();

export function expectationOf(node: Node | null): Texts {
  if (node === null) return NOTHING;
  const texts = known.get(node) ?? describe(node);
  known.set(node, texts);
  return texts;
}

function describe(node: Node): Texts {
  if (node.anyOf !== undefined) return oneOf(node.anyOf);
  switch (node.type) {
    case 'integer':
      return integer(node);
    case 'boolean':
      return { en: 'true or false', 'pt-BR': 'true ou false' };
    case 'null':
      return { en: 'null', 'pt-BR': 'null' };
    case 'array':
      return list(node);
    case 'object':
      return object(node);
    case undefined:
    default:
      return text(node);
  }
}

function oneOf(options: readonly Node[]): Texts {
  const texts = options.map(expectationOf);
  return {
    en: texts.map(({ en }) => en).join(' or '),
    'pt-BR': texts.map((option) => option['pt-BR']).join(' ou '),
  };
}

function integer({ minimum, maximum }: Node): Texts {
  const range = (language: string): [string, string] => [
    (minimum ?? 0).toLocaleString(language),
    (maximum ?? 0).toLocaleString(language),
  ];
  if (minimum === undefined || maximum === undefined) {
    return { en: 'a whole number', 'pt-BR': 'um número inteiro' };
  }
  return {
    en: `a whole number from ${range('en').join(' to ')}`,
    'pt-BR': `um número inteiro de ${range('pt-BR').join(' a ')}`,
  };
}

function list({ minItems = 0, maxItems }: Node): Texts {
  if (maxItems === undefined) return { en: 'a list', 'pt-BR': 'uma lista' };
  return {
    en: `a list of ${minItems} to ${maxItems.toLocaleString('en')}`,
    'pt-BR': `uma lista de ${minItems} a ${maxItems.toLocaleString('pt-BR')}`,
  };
}

function object({ properties = {} }: Node): Texts {
  const names = Object.keys(properties).join(', ');
  if (names === '') return { en: 'an object', 'pt-BR': 'um objeto' };
  return { en: `an object with ${names}`, 'pt-BR': `um objeto com ${names}` };
}

function text({ format, const: only, enum: values, maxLength }: Node): Texts {
  if (values !== undefined) {
    const names = values.map((value) => JSON.stringify(value)).join(', ');
    return { en: `one of ${names}`, 'pt-BR': `um destes: ${names}` };
  }
  if (only !== undefined) {
    const value = JSON.stringify(only);
    return { en: value, 'pt-BR': value };
  }
  const length = maxLength ?? 0;
  switch (format) {
    case 'sku':
      return {
        en: 'a SKU: 1 to 128 characters, no control characters, no spaces around it',
        'pt-BR': 'um SKU: 1 a 128 caracteres, sem caracteres de controle nem espaços em volta',
      };
    case 'date-time':
      return {
        en: 'a time with its offset, such as 2026-11-27T09:00:00-03:00',
        'pt-BR': 'um momento com fuso, como 2026-11-27T09:00:00-03:00',
      };
    case 'idempotency-key':
      return {
        en: '1 to 255 printable ASCII characters',
        'pt-BR': '1 a 255 caracteres ASCII imprimíveis',
      };
    case undefined:
    default:
      return {
        en: `1 to ${length} characters, no control characters`,
        'pt-BR': `1 a ${length} caracteres, sem caracteres de controle`,
      };
  }
}
