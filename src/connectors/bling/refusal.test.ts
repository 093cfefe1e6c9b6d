import assert from 'node:assert/strict';
import test from 'node:test';
import { readRefusal } from './refusal.ts';

const TOO_MANY =
  '{"error":{"type":"TOO_MANY_REQUESTS","message":"Limite de requisições atingido.","description":"O limite de requisições por segundo foi atingido, tente novamente mais tarde.","limit":3,"period":"second"}}';

test('which limit was reached, also from the printed example, which lacks a comma', () => {
  assert.equal(readRefusal(429, TOO_MANY).period, 'second');
  assert.equal(readRefusal(429, TOO_MANY.replace('"second"', '"day"')).period, 'day');
  const printed = TOO_MANY.replace(',"limit"', ' "limit"');
  assert.throws(() => JSON.parse(printed) as unknown);
  const refusal = readRefusal(429, printed);
  assert.equal(refusal.type, 'TOO_MANY_REQUESTS');
  assert.equal(refusal.period, 'second');
});

test('what is wrong with which field, in one line', () => {
  const body = {
    error: {
      type: 'VALIDATION_ERROR',
      message: 'Não foi possível executar a operação',
      description: 'Ocorreu um erro ao validar os dados recebidos.',
      fields: [
        {
          code: 12,
          msg: 'Forma de pagamento inexistente',
          element: 'formaPagamento',
          namespace: 'VENDAS',
          collection: [{ index: 0, code: 3, msg: 'Valor inválido', element: 'valor' }],
        },
      ],
    },
  };
  const { type, text } = readRefusal(400, JSON.stringify(body));
  assert.equal(type, 'VALIDATION_ERROR');
  assert.match(text, /^Bling answered 400 VALIDATION_ERROR: Não foi possível/);
  assert.match(text, /formaPagamento: Forma de pagamento inexistente; valor: Valor inválido$/);
  const asObject = { error: { ...body.error, fields: { 0: body.error.fields[0] } } };
  assert.match(readRefusal(400, JSON.stringify(asObject)).text, /formaPagamento/);
});

test('anything at all is a refusal, and none shows what looks like a secret', () => {
  for (const body of [null, '', 'null', '[]', '"x"', '{"error":7}', '<html>Forbidden</html>']) {
    assert.deepEqual(readRefusal(403, body), {
      type: null,
      text: 'Bling answered 403',
      period: null,
    });
  }
  const secret = 'eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwcyJ9.c2ln';
  const { text } = readRefusal(
    401,
    JSON.stringify({ error: { type: 'invalid_token', message: `bad token ${secret}` } }),
  );
  assert.equal(text, 'Bling answered 401 invalid_token: bad token …');
  const long = readRefusal(400, JSON.stringify({ error: { message: 'no '.repeat(1_000) } }));
  assert.ok(long.text.length <= 300);
});
