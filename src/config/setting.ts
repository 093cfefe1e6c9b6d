/** What a setting is made of. */
import { Type, type TSchema } from 'typebox';

export interface Setting<S extends TSchema = TSchema> {
  readonly schema: S;
  /** As it would be written in the environment. */
  readonly fallback: string;
  /** What is expected, for people; completes "expected …". */
  readonly expected: string;
  readonly secret?: true;
}

export function setting<S extends TSchema>(
  schema: S,
  fallback: string,
  expected: string,
  secret = false,
): Setting<S> {
  return { schema, fallback, expected, ...(secret ? { secret } : {}) };
}

export function whole(minimum: number, maximum: number, fallback: number, unit = '') {
  const expected = `a whole number${unit} from ${minimum} to ${maximum}`;
  return setting(Type.Integer({ minimum, maximum }), String(fallback), expected);
}

export function oneOf<const T extends string>(values: readonly T[], fallback: T) {
  return setting(Type.Enum([...values]), fallback, `one of ${values.join(', ')}`);
}
