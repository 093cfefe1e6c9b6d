/**
 * Checks requests against their schemas, without coercing or dropping anything, and says in the caller's language
 * which field is wrong and what was expected.
 */
import { Compile } from 'typebox/compile';
import { Settings } from 'typebox/system';
import type { TSchema } from 'typebox';
import { expectationOf, schemaAt } from './expectation.ts';
import type { Language, Texts } from './languages.ts';
import { problem, type Problem } from './problem.ts';

/** Enough to mend a request by, few enough to keep the answer small. */
const MAX_ISSUES = 20;
Settings.Set({ maxErrors: 2 * MAX_ISSUES });

export interface Issue {
  /** Where, as a caller would write it: `lines[0].quantity`; '' for the whole body. */
  readonly param: string;
  readonly reason: 'missing' | 'unknown' | 'invalid' | 'repeated';
  readonly expected: Texts;
}

export class ValidationError extends Error {
  override readonly name = 'ValidationError';
  readonly issues: readonly Issue[];

  constructor(issues: readonly Issue[]) {
    super('the request is not valid');
    this.issues = issues;
  }
}

export interface Validator {
  check(value: unknown): boolean;
  /** What is wrong with a value that `check` refused. */
  issues(value: unknown): Issue[];
}

export function compileValidator(schema: TSchema): Validator {
  const compiled = Compile(schema);
  return {
    check: (value) => compiled.Check(value),
    issues: (value) => {
      const long = tooLong(schema, value);
      if (long !== null) return [issueAt([long], 'invalid', schema)];
      const found = new Map<string, Issue>();
      for (const error of compiled.Errors(value)) {
        for (const issue of issuesOf(error, schema)) {
          if (!found.has(issue.param) && found.size < MAX_ISSUES) found.set(issue.param, issue);
        }
      }
      return [...found.values()];
    },
  };
}

/** The field that is a longer list than it may be: looking at each item of it for what is wrong would take a while. */
function tooLong(schema: TSchema, value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  for (const [name, field] of Object.entries(value)) {
    const limit = Array.isArray(field) ? schemaAt(schema, [name])?.maxItems : undefined;
    if (limit !== undefined && (field as unknown[]).length > limit) return name;
  }
  return null;
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: object;
}

function issuesOf({ keyword, instancePath, params }: SchemaError, schema: TSchema): Issue[] {
  const path = instancePath.split('/').slice(1).map(unescapePointer);
  const within = (names: unknown, reason: Issue['reason']): Issue[] =>
    (names as string[])
      .slice(0, MAX_ISSUES)
      .map((name) => issueAt([...path, name], reason, schema));
  if (keyword === 'required') {
    return within((params as { requiredProperties: unknown }).requiredProperties, 'missing');
  }
  if (keyword === 'additionalProperties') {
    return within((params as { additionalProperties: unknown }).additionalProperties, 'unknown');
  }
  // The same finding once more, as the value of the field that should not be there.
  return keyword === 'boolean' ? [] : [issueAt(path, 'invalid', schema)];
}

function unescapePointer(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}

const MAX_PARAM_LENGTH = 100;

function issueAt(path: readonly string[], reason: Issue['reason'], schema: TSchema): Issue {
  const target = reason === 'unknown' ? path.slice(0, -1) : path;
  const param = path.reduce(
    (text, step) =>
      /^\d+$/.test(step) ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`,
    '',
  );
  return {
    param: param.slice(0, MAX_PARAM_LENGTH),
    reason,
    expected: expectationOf(schemaAt(schema, target)),
  };
}

const MESSAGES: Readonly<Record<Issue['reason'], Texts>> = {
  missing: { en: 'is missing', 'pt-BR': 'está faltando' },
  unknown: { en: 'is not a field of this request', 'pt-BR': 'não é um campo desta requisição' },
  invalid: { en: 'is not valid', 'pt-BR': 'não é válido' },
  repeated: { en: 'names a field twice', 'pt-BR': 'repete um campo' },
};
const BODY: Texts = { en: 'the body', 'pt-BR': 'o corpo' };
const EXPECTED: Texts = { en: 'expected', 'pt-BR': 'esperado' };

export function validationProblem(issues: readonly Issue[], language: Language): Problem {
  const errors = issues.map(({ param, reason, expected }) => ({
    param,
    message: `${param === '' ? BODY[language] : param} ${MESSAGES[reason][language]}`,
    expected: expected[language],
  }));
  const [first] = errors;
  const summary =
    first === undefined ? '' : `${first.message}; ${EXPECTED[language]}: ${first.expected}.`;
  return problem('validation_failed', { errors }, { words: { summary } });
}
