/** Is this what the control API takes? */
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';

export function assertOf<S extends TSchema>(schema: S, value: unknown): asserts value is Static<S> {
  const [first] = Value.Errors(schema, value);
  if (first === undefined) return;
  throw new RangeError(`${first.instancePath || 'the body'} ${first.message}`);
}
