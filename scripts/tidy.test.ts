import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  check,
  commentedOutCode,
  conformanceRuns,
  connectorRuns,
  documentedSettings,
  fileLength,
  leftovers,
  lineEndings,
  onlyTests,
  vocabulary,
  type SourceFile,
} from './tidy.ts';

const file = (path: string, text: string): SourceFile => ({ path, text });
const core = (text: string): SourceFile => file('src/core/planted.ts', text);
const messages = (findings: readonly { message: string }[]): string[] =>
  findings.map(({ message }) => message);

test('fileLength: 450 lines pass, 451 do not, and only TypeScript is measured', () => {
  assert.deepEqual(fileLength(core('a\n'.repeat(450))), []);
  assert.match(messages(fileLength(core('a\n'.repeat(451))))[0]!, /^451 lines/);
  assert.deepEqual(fileLength(file('README.md', 'a\n'.repeat(451))), []);
});

test('leftovers: each marker is found where it stands', () => {
  for (const word of ['TODO', 'FIXME', 'XXX']) {
    assert.equal(leftovers(core(`const a = 1;\n// ${word}: later\n`))[0]?.line, 2);
  }
  assert.deepEqual(leftovers(core('const todos = 1;')), []);
});

test('lineEndings: a CRLF is found', () => {
  assert.equal(lineEndings(core('a\nb\r\nc\n'))[0]?.line, 2);
  assert.deepEqual(lineEndings(core('a\nb\n')), []);
});

test('onlyTests: a test that leaves the others out is found', () => {
  assert.equal(onlyTests(file('test/a.test.ts', "test.only('x', () => {});")).length, 1);
  assert.deepEqual(onlyTests(file('test/a.test.ts', "test('only', () => {});")), []);
});

test('commentedOutCode: statements are found', () => {
  for (const line of [
    '// const level = levels.get(sku);',
    '// await store.reserve(command);',
    '//   return levels.get(sku);',
    '// if (level === undefined) {',
    '// level.reserved = 0;',
    '// }',
    '// } else {',
  ]) {
    assert.equal(commentedOutCode(core(line)).length, 1, line);
  }
});

test('commentedOutCode: prose passes', () => {
  for (const line of [
    '// The deadline decides (on the store’s clock); the sweeper only tidies.',
    '// Return the first answer again (same order or none).',
    '// if the level is short (see above), nothing is reserved;',
    '// see available(); it never goes below 0',
    '// -> { rejected }',
  ]) {
    assert.deepEqual(commentedOutCode(core(line)), [], line);
  }
});

test('vocabulary: banned words are found inside names', () => {
  for (const name of [
    'hold',
    'holdId',
    'activeHolds',
    'Booking',
    'SKUHold',
    'ATP',
    'warehouseId',
    'variantId',
    'variant_id',
    'balance',
    'threshold',
    'DLQ_SIZE',
  ]) {
    assert.equal(vocabulary(core(`const ${name} = 1;`)).length, 1, name);
  }
  assert.match(messages(vocabulary(core('type A = { holdId: string };')))[0]!, /say reservation/);
});

test('vocabulary: our own words, prose, strings and other folders pass', () => {
  for (const text of [
    'const holdfast = 1;',
    'const customerHeld = 2;',
    'const failureThreshold = 5;',
    'const erpBalance = 5;',
    '// a hold, a booking, the balance',
    "const text = 'hold the booking';",
  ]) {
    assert.deepEqual(vocabulary(core(text)), [], text);
  }
  assert.deepEqual(vocabulary(file('src/connectors/bling/mapping.ts', 'const deposito = 1;')), []);
  assert.equal(vocabulary(file('src/http/schemas/stock.ts', 'const a = { hold: 1 };')).length, 1);
  assert.equal(vocabulary(file('src/http/schemas.ts', 'const a = { hold: 1 };')).length, 1);
});

test('conformanceRuns: a store without its suites is found, whatever its file is called', () => {
  const suites = [
    file('test/conformance/redis.test.ts', 'storeSuite(subject);'),
    file('test/model/redis.test.ts', 'modelSuite(subject, {});'),
  ];
  const helper = file('src/stores/redis/keys.ts', 'class Keys implements Clock {}');
  for (const store of [
    file('src/stores/redis/redis-store.ts', ''),
    file('src/stores/redis/valkey.ts', 'class Valkey\n  implements A, ReservationStore {}'),
  ]) {
    assert.deepEqual(messages(conformanceRuns([store, helper])), [
      'no conformance run: test/conformance/redis.test.ts is missing',
      'no model run: test/model/redis.test.ts is missing',
    ]);
    assert.deepEqual(conformanceRuns([store, ...suites]), []);
    assert.deepEqual(
      messages(conformanceRuns([store, suites[0]!, file('test/model/redis.test.ts', '')])),
      ['does not call modelSuite(…)'],
    );
  }
  assert.deepEqual(conformanceRuns([helper]), []);
});

test('documentedSettings: code and .env.example must name the same settings', () => {
  const config = file('src/config.ts', 'const a = [env.HOLDFAST_PORT, env.HOLDFAST_HOST];');
  const both = file('.env.example', '# the port\nHOLDFAST_PORT=8000\n# HOLDFAST_HOST=127.0.0.1\n');
  assert.deepEqual(documentedSettings([config, both]), []);
  assert.match(
    messages(documentedSettings([config, file('.env.example', 'HOLDFAST_PORT=8000\n')]))[0]!,
    /^HOLDFAST_HOST of src\/config\.ts is not documented/,
  );
  assert.match(
    messages(documentedSettings([file('src/config.ts', 'env.HOLDFAST_PORT'), both]))[0]!,
    /^HOLDFAST_HOST is not known/,
  );
});

test('check runs every rule', () => {
  const planted = core(
    '// TODO: rename\r\nconst hold = 1;\n// hold();\ntest.only();\n'.repeat(120),
  );
  const found = new Set(
    messages(check([planted, file('.env.example', 'HOLDFAST_A=\n')])).map((text) =>
      text.replace(/\d+/, 'N'),
    ),
  );
  assert.equal(found.size, 7, [...found].join('\n'));
});

test('connectorRuns: a connector without its suite is found', () => {
  const connector = file('src/connectors/sap/sap-connector.ts', '');
  const suite = 'test/conformance/sap-connector.test.ts';
  assert.match(messages(connectorRuns([connector]))[0]!, /sap-connector\.test\.ts is missing/);
  assert.deepEqual(connectorRuns([connector, file(suite, '')]), []);
});
