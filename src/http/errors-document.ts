/** The catalogue as a document: `docs/errors.md` in the repository, `/docs/errors` in a running service. */
import { CATALOGUE, PROBLEM_CODES, type CatalogueEntry } from './catalogue/catalogue.ts';
import { LANGUAGES, type Language } from './languages.ts';

/** The whole text of `docs/errors.md`; a test keeps the file equal to it. */
export function errorsMarkdown(): string {
  const entries = PROBLEM_CODES.map((code) => markdownEntry(code, CATALOGUE[code]));
  return `${INTRODUCTION}\n${entries.join('\n')}`;
}

const INTRODUCTION = `# Errors

Every answer that is not a success is a problem (RFC 9457): \`application/problem+json\` with \`type\`, \`title\`, \`status\`, \`detail\`, \`code\` and \`request_id\`, and the members named below. Branch on \`code\`: it is stable, the words are not. \`title\` and \`detail\` follow \`Accept-Language\` (English, Brazilian Portuguese).

A \`503\` never means "sold out". Its \`outcome\` says whether anything was done: \`not_done\`, or \`unknown\`, in which case the same request with the same \`Idempotency-Key\` settles it.

This file is the catalogue in \`src/http/catalogue/\`, written out: \`test/http/catalogue.test.ts\` fails where they differ, and rewrites this file when run with \`HOLDFAST_WRITE_DOCS=1\`.
`;

function markdownEntry(code: string, entry: CatalogueEntry): string {
  const members = (entry.members ?? []).map((member) => `\`${member}\``).join(', ');
  const facts = `Status ${entry.status}.${members === '' ? '' : ` Members: ${members}.`}`;
  const lines = LANGUAGES.flatMap((language) => [
    `- ${language}: **${entry.title[language]}**`,
    ...wordings(entry, language).map((words) => `  - “${words}”`),
    `  - ${entry.advice[language]}`,
  ]);
  return `## ${code}\n\n${facts}\n\n${lines.join('\n')}\n`;
}

function wordings({ detail, variants = {} }: CatalogueEntry, language: Language): string[] {
  return [detail, ...Object.values(variants)].map((texts) => texts[language]);
}

const PAGE = {
  en: { title: 'Holdfast: errors', lead: 'Branch on the code: it is stable, the words are not.' },
  'pt-BR': {
    title: 'Holdfast: erros',
    lead: 'Decida pelo código: ele é estável, as palavras não.',
  },
};

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}' +
  'h2{margin:2rem 0 .25rem;font-size:1.1rem}p{margin:.25rem 0}code{font-family:ui-monospace,monospace}' +
  ':target{background:#fff3bf}a{color:inherit}' +
  '@media(prefers-color-scheme:dark){body{color:#e6e8eb;background:#14171a}:target{background:#4a3f00}}';

/** A page with an anchor for each code: what a problem's `type` leads to. */
export function errorsPage(language: Language): string {
  const { title, lead } = PAGE[language];
  const entries = PROBLEM_CODES.map((code) => {
    const entry = CATALOGUE[code];
    const said = wordings(entry, language).map((words) => `<p>“${escapeHtml(words)}”</p>`);
    return (
      `<section id="${code}"><h2><a href="#${code}"><code>${code}</code></a> ${entry.status}: ` +
      `${escapeHtml(entry.title[language])}</h2>${said.join('')}<p>${markCode(entry.advice[language])}</p></section>`
    );
  });
  return (
    `<!doctype html><html lang="${language}"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,"><title>${title}</title>` +
    `<style>${STYLE}</style></head><body><main><h1>${title}</h1><p>${lead}</p>${entries.join('')}</main></body></html>`
  );
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function markCode(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}
