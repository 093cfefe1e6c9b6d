/**
 * Problems as answers (RFC 9457): the only place, with the catalogue it reads, that knows status codes.
 *
 * A `Problem` says what happened; `ProblemRenderer` turns it into the text of an answer in the caller's language.
 * What does not vary between two answers of one kind is put together once, when the renderer is made.
 */
import type { Rejection, Short } from '../core/rejection.ts';
import type { Fault } from '../engine/faults.ts';
import { CATALOGUE, PROBLEM_CODES, type ProblemCode } from './catalogue/catalogue.ts';
import { LANGUAGES, type Language } from './languages.ts';
import { isoTime, isoTimeJson, isoTimeOrNull } from './time.ts';

export interface Problem {
  readonly code: ProblemCode;
  /** The members of this kind of problem, as JSON text without the braces; '' when there are none. */
  readonly membersJson: string;
  /** What stands in the blanks of `detail`. */
  readonly words: Readonly<Record<string, unknown>>;
  /** Which other wording of `detail`, if any. */
  readonly variant?: string;
  readonly retryAfterSeconds?: number;
  /** The `Allow` header. */
  readonly allow?: string;
}

type Members = Readonly<Record<string, unknown>>;
type Extras = Pick<Problem, 'variant' | 'retryAfterSeconds' | 'allow'> & { words?: Members };

export function problem(code: ProblemCode, members: Members = {}, extras: Extras = {}): Problem {
  const { words, ...rest } = extras;
  const membersJson = JSON.stringify(members).slice(1, -1);
  return {
    code,
    membersJson,
    words: words === undefined ? members : { ...members, ...words },
    ...rest,
  };
}

/** Thrown where a request cannot go on; the error handler answers it. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;

  constructor(of: Problem) {
    super(of.code);
    this.problem = of;
  }
}

export function statusOf({ code }: Problem): number {
  return CATALOGUE[code].status;
}

/** `now`: the store's clock, for `Retry-After`. */
export function problemOfRejection(rejection: Rejection, now: number): Problem {
  if ('short' in rejection) return shortProblem(rejection, now);
  const variant = variantOf(rejection, now);
  return problem(rejection.code, wireMembers(rejection), variant === null ? {} : { variant });
}

function variantOf(rejection: Rejection, now: number): string | null {
  if (rejection.code === 'not_on_sale') {
    return rejection.opensAt !== null && now < rejection.opensAt ? 'early' : null;
  }
  return rejection.code === 'reservation_expired' && rejection.refundRequired ? 'refund' : null;
}

/** A rejection's fields as the wire names them; a reservation's `status` makes way for the problem's own. */
function wireMembers({ code: _code, ...fields }: Rejection): Members {
  const members: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(fields)) {
    const name = field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const time = name.endsWith('_at') && typeof value === 'number';
    members[name === 'status' ? 'reservation_status' : name] = time ? isoTime(value) : value;
  }
  return members;
}

/** By far the most frequent refusal of a sale: its members are written, not serialised. */
function shortProblem(
  { code, short, nextExpiryAt }: Extract<Rejection, { short: readonly Short[] }>,
  now: number,
): Problem {
  let list = '';
  let skus = '';
  for (const { sku, requested, available, reason, nextExpiryAt: next } of short) {
    const comma = list === '' ? '' : ',';
    list += `${comma}{"sku":${JSON.stringify(sku)},"requested":${requested},"available":${available},"reason":"${reason}","next_expiry_at":${isoTimeJson(next)}}`;
    const figures = code === 'insufficient_stock' ? ` (${available}/${requested})` : '';
    skus += `${skus === '' ? '' : ', '}${sku}${figures}`;
  }
  const found: Problem = {
    code,
    membersJson: `"short":[${list}],"next_expiry_at":${isoTimeJson(nextExpiryAt)}`,
    words: { short_skus: skus, next_expiry_at: isoTimeOrNull(nextExpiryAt) },
  };
  if (code !== 'all_reserved' || nextExpiryAt === null) return found;
  return { ...found, retryAfterSeconds: secondsUntil(nextExpiryAt, now) };
}

function secondsUntil(time: number, now: number): number {
  return Math.max(1, Math.ceil((time - now) / 1000));
}

/** Never a refusal: what the store could not answer is 503, whatever was asked. */
export function problemOfFault(fault: Fault): Problem {
  const code = fault.code.toLowerCase() as Lowercase<Fault['code']>;
  const outcome = fault.outcomeUnknown ? 'unknown' : 'not_done';
  return problem(code, { outcome }, { retryAfterSeconds: jitteredSeconds() });
}

/** 1 to 3 seconds, so that those turned away together do not come back together. */
export function jitteredSeconds(): number {
  return 1 + Math.floor(Math.random() * 3);
}

/** `detail` with its blanks: text and member names in turn, beginning and ending with text. */
type Template = readonly string[];

interface Rendering {
  /** Everything before the words of `detail`. */
  readonly head: string;
  readonly detail: Template;
  readonly variants: Readonly<Record<string, Template>>;
}

export class ProblemRenderer {
  readonly #renderings: Readonly<Record<Language, Readonly<Record<ProblemCode, Rendering>>>>;

  /** `typeBase`: what `type` is, up to the code. */
  constructor(typeBase: string) {
    const inLanguage = (language: Language): Record<ProblemCode, Rendering> =>
      mapEach(PROBLEM_CODES, (code) => prepare(code, language, typeBase));
    this.#renderings = mapEach(LANGUAGES, inLanguage);
  }

  /** `requestId` must need no escaping in JSON. */
  render(of: Problem, language: Language, requestId: string): string {
    const { head, detail, variants } = this.#renderings[language][of.code];
    const template = of.variant === undefined ? detail : (variants[of.variant] ?? detail);
    const words = JSON.stringify(fill(template, of.words));
    const members = of.membersJson === '' ? '' : `,${of.membersJson}`;
    return `${head}${words},"request_id":"${requestId}"${members}}`;
  }
}

function mapEach<K extends string, V>(keys: readonly K[], value: (key: K) => V): Record<K, V> {
  return Object.fromEntries(keys.map((key) => [key, value(key)] as const)) as Record<K, V>;
}

function prepare(code: ProblemCode, language: Language, typeBase: string): Rendering {
  const { title, status, detail, variants = {} } = CATALOGUE[code];
  const fixed = { type: `${typeBase}${code}`, title: title[language], status, code };
  const names = Object.keys(variants);
  return {
    head: `${JSON.stringify(fixed).slice(0, -1)},"detail":`,
    detail: split(detail[language]),
    variants: mapEach(names, (name) => split(variants[name]?.[language] ?? '')),
  };
}

function split(text: string): Template {
  return text.split(/\{([a-z_]+)\}/);
}

function fill(template: Template, words: Members): string {
  let text = template[0] ?? '';
  for (let index = 1; index < template.length; index += 2) {
    text += `${spoken(words[template[index] ?? ''])}${template[index + 1] ?? ''}`;
  }
  return text;
}

function spoken(word: unknown): string {
  return Array.isArray(word) ? word.join(', ') : String(word);
}
