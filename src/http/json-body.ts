/**
 * Reads a JSON body exactly: valid UTF-8, an object, no name twice, no deep nesting. `JSON.parse` alone would
 * replace broken bytes and keep the last of two equal names, and two readers of one body must not differ.
 */
import { isUtf8 } from 'node:buffer';
import { problem, ProblemError } from './problem.ts';
import { ValidationError } from './validation.ts';

/** Deeper than any body of ours; a parser further down the line may be less patient than V8's. */
const MAX_DEPTH = 16;

/** Undefined for an empty body. */
export function readJsonBody(bytes: Buffer): Record<string, unknown> | undefined {
  if (bytes.length === 0) return undefined;
  if (!isUtf8(bytes)) throw new ProblemError(problem('malformed_json'));
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProblemError(problem('malformed_json'));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ValidationError([{ param: '', reason: 'invalid', expected: AN_OBJECT }]);
  }
  const { depth, members } = survey(text);
  if (depth > MAX_DEPTH) {
    throw new ValidationError([{ param: '', reason: 'invalid', expected: SHALLOW }]);
  }
  if (members !== countMembers(value)) {
    throw new ValidationError([{ param: '', reason: 'repeated', expected: ONCE }]);
  }
  return value as Record<string, unknown>;
}

const AN_OBJECT = { en: 'a JSON object', 'pt-BR': 'um objeto JSON' };
const ONCE = { en: 'each field once', 'pt-BR': 'cada campo uma só vez' };
const SHALLOW = {
  en: `nesting of at most ${MAX_DEPTH} levels`,
  'pt-BR': `no máximo ${MAX_DEPTH} níveis de aninhamento`,
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** How deep a valid JSON text nests, and how many `name: value` pairs stand in it. */
function survey(text: string): { depth: number; members: number } {
  let depth = 0;
  let deepest = 0;
  let members = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      index = endOfString(text, index);
    } else if (code === COLON) {
      members += 1;
    } else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (code === 0x7d || code === 0x5d) {
      depth -= 1;
    }
  }
  return { depth: deepest, members };
}

/** The index of the quote that closes the string opened at `start`. */
function endOfString(text: string, start: number): number {
  let index = start + 1;
  for (; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === BACKSLASH) index += 1;
    else if (code === QUOTE) break;
  }
  return index;
}

/** The same of the parsed value, where of two equal names one is left. At most `MAX_DEPTH` deep. */
function countMembers(value: object): number {
  let members = 0;
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) {
      if (typeof item === 'object' && item !== null) members += countMembers(item);
    }
    return members;
  }
  for (const name in value) {
    members += 1;
    const item = (value as Record<string, unknown>)[name];
    if (typeof item === 'object' && item !== null) members += countMembers(item);
  }
  return members;
}
