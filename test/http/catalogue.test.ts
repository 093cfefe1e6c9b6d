/** One catalogue: complete, in both languages, and the same as `docs/errors.md`. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { REJECTION_CODES } from '../../src/core/rejection.ts';
import { CATALOGUE, PROBLEM_CODES } from '../../src/http/catalogue/catalogue.ts';
import { errorsMarkdown, errorsPage } from '../../src/http/errors-document.ts';
import { LANGUAGES } from '../../src/http/languages.ts';
import { problem, problemOfRejection, ProblemRenderer } from '../../src/http/problem.ts';
import type { Rejection } from '../../src/core/rejection.ts';
import { startService } from './support/service.ts';

const FILE = join(import.meta.dirname, '../../docs/errors.md');

test('docs/errors.md is the catalogue, written out', () => {
  if (process.env['HOLDFAST_WRITE_DOCS'] === '1') writeFileSync(FILE, errorsMarkdown());
  assert.equal(readFileSync(FILE, 'utf8'), errorsMarkdown());
});

test('docs/errors.md has a heading for every code, and no other', () => {
  const headings = readFileSync(FILE, 'utf8').matchAll(/^## (.+)$/gm);
  const codes = Array.from(headings, ([, code]) => code);
  assert.deepEqual(codes.sort(), [...PROBLEM_CODES].sort());
});

test('every rejection of the core and every fault has its words', () => {
  for (const code of REJECTION_CODES) assert.ok(Object.hasOwn(CATALOGUE, code), code);
  const faults = readFileSync(join(import.meta.dirname, '../../src/engine/faults.ts'), 'utf8');
  const codes = Array.from(faults.matchAll(/'(STORE_[A-Z]+)'/g), ([, code]) => code ?? '');
  assert.ok(codes.length >= 6);
  for (const code of codes)
    assert.equal(CATALOGUE[code.toLowerCase() as 'store_timeout'].status, 503);
});

test('every entry has all its words in both languages, and says different things in them', () => {
  for (const code of PROBLEM_CODES) {
    const { title, detail, advice, variants = {}, status } = CATALOGUE[code];
    assert.match(code, /^[a-z]+(_[a-z]+)*$/);
    assert.ok(status >= 400 && status < 600);
    for (const texts of [title, detail, advice, ...Object.values(variants)]) {
      for (const language of LANGUAGES)
        assert.ok(texts[language].length > 2, `${code} ${language}`);
      assert.notEqual(texts.en, texts['pt-BR'], code);
    }
    const blanks = (text: string): string[] => (text.match(/\{[a-z_]+\}/g) ?? []).sort();
    assert.deepEqual(blanks(detail.en), blanks(detail['pt-BR']), code);
  }
});

const id = '01a21ce0-6e00-70ed-a164-5e7019d7e07b';
const at = Date.parse('2026-11-27T12:00:00Z');
const short = [
  { sku: 'A', requested: 2, available: 1, reason: 'insufficient_stock', nextExpiryAt: at },
] as const;
const EXAMPLES: Rejection[] = [
  { code: 'unknown_sku', skus: ['A', 'B'] },
  { code: 'not_on_sale', sku: 'A', opensAt: at, closesAt: null },
  { code: 'customer_required', sku: 'A' },
  { code: 'max_per_order', sku: 'A', limit: 1, requested: 2 },
  { code: 'max_per_customer', sku: 'A', limit: 1, held: 1, requested: 2 },
  { code: 'sold_out', short, nextExpiryAt: null },
  { code: 'all_reserved', short, nextExpiryAt: at },
  { code: 'insufficient_stock', short, nextExpiryAt: at },
  { code: 'ttl_out_of_range', maxTtlSeconds: 5 },
  { code: 'quantity_out_of_range', sku: 'A', limit: 5, requested: 6 },
  { code: 'reservation_exists', reservationId: id },
  { code: 'reservation_not_found', reservationId: id },
  { code: 'reservation_expired', reservationId: id, expiredAt: at, refundRequired: true },
  { code: 'reservation_released', reservationId: id },
  { code: 'reservation_cancelled', reservationId: id },
  { code: 'already_confirmed', reservationId: id },
  { code: 'order_mismatch', reservationId: id },
  { code: 'not_confirmed', reservationId: id, status: 'active' },
  { code: 'extend_limit_reached', reservationId: id, expiresAt: at },
  { code: 'line_not_reserved', reservationId: id, sku: 'A' },
  { code: 'quantity_exceeds_reserved', reservationId: id, sku: 'A', reserved: 1, requested: 2 },
  {
    code: 'quantity_exceeds_confirmed',
    reservationId: id,
    sku: 'A',
    confirmed: 1,
    cancelled: 0,
    requested: 2,
  },
  { code: 'stock_out_of_range', sku: 'A', onHand: -1 },
  { code: 'parcel_not_found', parcelId: 1 },
  { code: 'message_not_found', messageId: 1 },
  { code: 'message_not_dead', messageId: 1, state: 'pending' },
  { code: 'discard_units', messageId: 1, kind: 'sale' },
  { code: 'balance_outdated', sku: 'A' },
  { code: 'idempotency_key_reused' },
];

test('every rejection renders with exactly the members that the catalogue names', () => {
  assert.deepEqual(EXAMPLES.map(({ code }) => code).sort(), [...REJECTION_CODES].sort());
  const renderer = new ProblemRenderer('https://stock.example/docs/errors#');
  const common = ['type', 'title', 'status', 'code', 'detail', 'request_id'];
  for (const rejection of EXAMPLES) {
    for (const language of LANGUAGES) {
      for (const now of [at - 1_500, at + 1]) {
        const text = renderer.render(problemOfRejection(rejection, now), language, 'r-1');
        const body = JSON.parse(text) as Record<string, unknown>;
        const expected = [...common, ...(CATALOGUE[rejection.code].members ?? [])];
        assert.deepEqual(Object.keys(body).sort(), expected.sort(), rejection.code);
        assert.doesNotMatch(String(body['detail']), /undefined|\{|\}/, text);
        assert.equal(body['type'], `https://stock.example/docs/errors#${rejection.code}`);
      }
    }
  }
});

test('words from outside cannot break out of the text', () => {
  const renderer = new ProblemRenderer('/docs/errors#');
  const skus = ['"},{"', '\\', '\u2028', '{sku}'];
  const text = renderer.render(problem('unknown_sku', { skus }), 'en', 'r-1');
  const body = JSON.parse(text) as { detail: string; skus: string[] };
  assert.deepEqual(body.skus, skus);
  assert.equal(body.detail, `There is no such SKU here: ${skus.join(', ')}.`);
});

test('/docs/errors has an anchor for every code, in the reader’s language', async (t) => {
  const service = await startService(t);
  const page = await service.call('GET', '/docs/errors', { headers: { 'accept-language': 'pt' } });
  assert.equal(page.status, 200);
  assert.equal(page.text, errorsPage('pt-BR'));
  for (const code of PROBLEM_CODES) assert.ok(page.text.includes(`id="${code}"`), code);
  assert.match(page.text, /Esgotado/);
});
