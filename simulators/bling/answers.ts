/** What Bling answers when it says no: the exact bodies, in one place. */

/** An answer before it is sent. A text is sent as it is, anything else as JSON; undefined: no body. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One field that Bling complains about; `collection` says which elements of a list, and why. */
export interface FieldProblem {
  readonly code: number;
  readonly msg: string;
  readonly element: string;
  readonly namespace: string;
  readonly collection?: readonly (FieldProblem & { readonly index: number })[];
}

/** Thrown anywhere in a call; becomes its answer. */
export class Refusal extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`refused with ${answer.status}`);
    this.answer = answer;
  }
}

const NOT_DONE = 'Não foi possível executar a operação';

function failure(
  status: number,
  type: string,
  message: string,
  description: string,
  more: Readonly<Record<string, unknown>> = {},
): Answer {
  return { status, body: { error: { type, message, description, ...more } } };
}

export const validationError = (fields: readonly FieldProblem[]): Answer =>
  failure(
    400,
    'VALIDATION_ERROR',
    NOT_DONE,
    'Ocorreu um erro ao validar os dados recebidos.',
    fields.length === 0 ? {} : { fields },
  );

export const noData = (): Answer =>
  failure(
    400,
    'MISSING_REQUIRED_FIELD_ERROR',
    NOT_DONE,
    'Nenhum dado foi informado na requisição.',
  );

export const periodTooLong = (): Answer =>
  failure(400, 'VALIDATION_ERROR', NOT_DONE, 'O período informado não pode ser superior a um ano.');

export const notFound = (): Answer =>
  failure(
    404,
    'RESOURCE_NOT_FOUND',
    'Recurso não encontrado',
    'O recurso requisitado não foi encontrado. Verifique se o endpoint solicitado está correto.',
  );

export const serverError = (): Answer =>
  failure(500, 'SERVER_ERROR', NOT_DONE, 'Um erro interno ocorreu.');

export const malformedHeader = (): Answer =>
  failure(400, 'invalid_request', 'invalid_request', 'Malformed auth header');

export const invalidToken = (): Answer =>
  failure(401, 'invalid_token', 'invalid_token', 'The access token provided is invalid');

export const expiredToken = (): Answer =>
  failure(401, 'invalid_token', 'invalid_token', 'The access token provided has expired');

export const insufficientScope = (): Answer =>
  failure(
    403,
    'insufficient_scope',
    'insufficient_scope',
    'The request requires higher privileges than provided by the access token',
  );

export const invalidRequest = (description: string): Answer =>
  failure(400, 'invalid_request', 'invalid_request', description);

export const invalidClient = (): Answer =>
  failure(400, 'invalid_client', 'invalid_client', 'The client credentials are invalid');

export const invalidGrant = (description: string): Answer =>
  failure(400, 'invalid_grant', 'invalid_grant', description);

export const unsupportedGrant = (grant: string): Answer =>
  failure(
    400,
    'unsupported_grant_type',
    'unsupported_grant_type',
    `Grant type "${grant}" not supported`,
  );

export const codeUsedTwice = (): Answer =>
  failure(
    400,
    'VALIDATION_ERROR',
    'Invalid authorization code',
    'This authorization code has already been used, for security reasons the user has been revoked',
  );

export const inactiveCompany = (): Answer =>
  failure(
    401,
    'UNAUTHORIZED_ERROR',
    'Empresa inativa',
    'A empresa vinculada ao token esta inativa.',
  );

const PERIODS = { second: 'segundo', day: 'dia' };

export const tooManyRequests = (limit: number, period: keyof typeof PERIODS): Answer =>
  failure(
    429,
    'TOO_MANY_REQUESTS',
    'Limite de requisições atingido.',
    `O limite de requisições por ${PERIODS[period]} foi atingido, tente novamente mais tarde.`,
    { limit, period },
  );

/** What stands in front of the API answers in HTML: nothing of it is an API error. */
export const page = (status: number, title: string): Answer => ({
  status,
  body: `<!DOCTYPE html>\n<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`,
  headers: { 'content-type': 'text/html; charset=utf-8' },
});
