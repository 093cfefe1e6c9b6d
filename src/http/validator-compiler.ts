/** Fastify's door to our validation. */
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { compileValidator, ValidationError } from './validation.ts';

type Part = Record<string, unknown>;

export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = compileValidator(schema);
  const read = httpPart === 'querystring' ? queryReader(schema) : null;
  return (data: unknown) => {
    // A body that was not sent is an empty one; what it should have held is named field by field.
    const value = read === null ? (data ?? {}) : read(data as Part);
    if (validator.check(value)) return { value };
    return { error: new ValidationError(validator.issues(value)) };
  };
};

/** A query has only text: whole numbers and booleans are read where the schema wants them, in one spelling. */
function queryReader(schema: TSchema): (query: Part) => Part {
  const { properties = {} } = schema as { properties?: Record<string, { type?: string }> };
  return (query) => {
    const read = Object.create(null) as Part;
    for (const [name, text] of Object.entries(query)) {
      const type = Object.hasOwn(properties, name) ? properties[name]?.type : undefined;
      read[name] = typeof text === 'string' ? readText(text, type) : text;
    }
    return read;
  };
}

function readText(text: string, type: string | undefined): unknown {
  if (type === 'integer' && /^\d{1,16}$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
