/** Which of our languages a caller reads, by `Accept-Language`. */

export const LANGUAGES = ['en', 'pt-BR'] as const;
export type Language = (typeof LANGUAGES)[number];
export type Texts = Readonly<Record<Language, string>>;

const DEFAULT_LANGUAGE: Language = 'en';
/** Browsers send a handful of different headers; an attacker may send any number. */
const MAX_REMEMBERED = 256;
const MAX_HEADER_LENGTH = 256;

const remembered = new Map<string, Language>();

export function languageOf(acceptLanguage: string | undefined): Language {
  if (acceptLanguage === undefined) return DEFAULT_LANGUAGE;
  const known = remembered.get(acceptLanguage);
  if (known !== undefined) return known;
  const chosen = choose(acceptLanguage.slice(0, MAX_HEADER_LENGTH));
  if (remembered.size < MAX_REMEMBERED && acceptLanguage.length <= MAX_HEADER_LENGTH) {
    remembered.set(acceptLanguage, chosen);
  }
  return chosen;
}

/** The acceptable language of the highest weight; of equals the first named; ours where none is. */
function choose(header: string): Language {
  let best: Language = DEFAULT_LANGUAGE;
  let bestWeight = 0;
  for (const range of header.split(',')) {
    const [tag = '', ...parameters] = range.split(';');
    const language = match(tag.trim().toLowerCase());
    const weight = weightOf(parameters);
    if (language !== null && weight > bestWeight) {
      best = language;
      bestWeight = weight;
    }
  }
  return best;
}

function match(tag: string): Language | null {
  if (tag === '*') return DEFAULT_LANGUAGE;
  const [primary] = tag.split('-');
  if (primary === 'pt') return 'pt-BR';
  return primary === 'en' ? 'en' : null;
}

function weightOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const found = /^\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*$/i.exec(parameter);
    if (found !== null) return Math.min(1, Number(found[1]));
  }
  return 1;
}
