/** What Bling says when it says no, read without trusting its form: some printed examples are not even JSON. */

export interface Refusal {
  /** `VALIDATION_ERROR`, `invalid_token`, …; null where the answer does not say. */
  readonly type: string | null;
  /** One line for people: what Bling said, without what looks like a secret. */
  readonly text: string;
  /** Which limit was reached, of a 429. */
  readonly period: 'second' | 'day' | null;
}

const MOST_TEXT = 300;

export function readRefusal(status: number, body: string | null): Refusal {
  const error = errorOf(body ?? '');
  const type = asText(error['type']);
  const said = [asText(error['message']), asText(error['description']), ...fieldsOf(error)];
  const unique = [...new Set(said.filter((part) => part !== null && part !== type))];
  const parts = [`Bling answered ${status}${type === null ? '' : ` ${type}`}`, unique.join('; ')];
  const period = error['period'];
  return {
    type,
    text: withoutSecrets(parts.filter((part) => part !== '').join(': ')).slice(0, MOST_TEXT),
    period: period === 'day' || period === 'second' ? period : null,
  };
}

function errorOf(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    const error = isObject(value) ? value['error'] : null;
    return isObject(error) ? error : {};
  } catch {
    // Not JSON: the words may be there all the same.
    return Object.fromEntries(
      ['type', 'message', 'description', 'period'].flatMap((name) => {
        const found = new RegExp(`"${name}"\\s*:\\s*"([^"]*)"`).exec(body)?.[1];
        return found === undefined ? [] : [[name, found]];
      }),
    );
  }
}

function fieldsOf(error: Record<string, unknown>): string[] {
  const { fields } = error;
  // In PHP's JSON a list may come as an object with numbers for names.
  const list = isObject(fields) ? Object.values(fields) : Array.isArray(fields) ? fields : [];
  return list.filter(isObject).flatMap((field) => {
    const { collection } = field;
    const inner = Array.isArray(collection) ? collection.filter(isObject) : [];
    return [field, ...inner].flatMap((each) => {
      const msg = asText(each['msg']);
      const element = asText(each['element']);
      return msg === null ? [] : [element === null ? msg : `${element}: ${msg}`];
    });
  });
}

/** Tokens and keys are long runs of such characters; words are not. */
function withoutSecrets(text: string): string {
  return text.replaceAll(/[\w.~+/=-]{32,}/g, '…');
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
