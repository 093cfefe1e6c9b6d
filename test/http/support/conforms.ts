/** Holds an answer against the schema that the documentation gives for it. */
import assert from 'node:assert/strict';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { ProblemBody } from '../../../src/http/schemas/responses.ts';
import type { Answer } from './service.ts';

export function conforms(answer: Answer, schema: TSchema): void {
  assert.match(String(answer.headers['content-type']), /^application\/json/);
  const compiled = Compile(schema);
  assert.ok(
    compiled.Check(answer.body),
    `${answer.text}\n${JSON.stringify(compiled.Errors(answer.body))}`,
  );
  const documented = Object.keys((schema as { properties?: object }).properties ?? {});
  assert.deepEqual(Object.keys(answer.body as object).sort(), documented.sort());
}

/** A problem of this kind, as every problem must be. */
export function isProblem(answer: Answer, status: number, code: string): void {
  assert.equal(`${answer.status} ${String(answer.at('code'))}`, `${status} ${code}`, answer.text);
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  assert.ok(Compile(ProblemBody).Check(answer.body), answer.text);
  assert.equal(answer.at('status'), status);
  assert.equal(answer.at('type'), `/docs/errors#${code}`);
  assert.equal(answer.at('request_id'), answer.headers['x-request-id']);
  assert.doesNotMatch(String(answer.at('detail')), /undefined|\{|\[object/);
  if (status === 503) assert.ok(Number(answer.headers['retry-after']) >= 1 || code === 'not_ready');
}
