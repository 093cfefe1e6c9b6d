/** What the generated OpenAPI document lacks: examples, problems, keys, and bodies that are not JSON. */
import type { FastifySchema } from 'fastify';
import type { Access } from './access.ts';
import { FILE_TYPES } from './routes/import.ts';
import { EXAMPLES, type Example } from './schemas/examples.ts';
import { BATCH_COMMANDS } from './schemas/requests.ts';
import { Event, ProblemBody } from './schemas/responses.ts';
import { SIGNATURE_HEADERS, STOCK_CHANGED } from './schemas/webhook-operations.ts';

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema?: object;
  example?: unknown;
}

interface Content {
  schema?: unknown;
  example?: unknown;
}

interface Operation {
  readonly operationId?: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, Content> };
  responses?: Record<string, { description: string; content?: Record<string, Content> }>;
}

interface Document {
  readonly paths?: object | undefined;
  components?: { schemas?: object } | undefined;
}

/** A route's schema with what its access says of keys. */
export function operationOf(schema: FastifySchema, access: Access | undefined): FastifySchema {
  // Routes without a schema of ours are the documentation's own.
  if ((schema as FastifySchema | undefined)?.operationId === undefined) return { hide: true };
  if (access === undefined || access === 'open') return { ...schema, security: [] };
  const { description = '' } = schema;
  const scopes = access.map((scope) => `\`${scope}\``).join(', ');
  return {
    ...schema,
    description: `${description}\n\nScope: ${scopes}.`,
    security: [{ bearer: [] }, { header: [] }],
  };
}

export function finishDocument(document: Document): Document {
  for (const [path, methods] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(methods as Record<string, Operation>)) {
      finishOperation(method, path, operation);
    }
  }
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, Problem: ProblemBody },
  };
  return document;
}

const PROBLEM = {
  description: 'Any other answer is a problem (RFC 9457); its `code` is explained in /docs/errors.',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'A repeated request with the same key has one effect and one answer.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

const LAST_EVENT_ID = {
  name: 'Last-Event-ID',
  in: 'header',
  required: false,
  description: 'Of a stream: the id of the last event that was received; it goes on after it.',
  schema: { type: 'string', pattern: String.raw`^\d{1,15}$` },
};

function finishOperation(method: string, path: string, operation: Operation): void {
  const example = EXAMPLES[operation.operationId ?? ''] ?? {};
  // A type's own example would be filled in too, such as a page `after` the only SKU there is.
  const parameters = (operation.parameters ?? []).map(({ example: _ofType, ...parameter }) => {
    const value = example.parameters?.[parameter.name];
    return value === undefined ? parameter : { ...parameter, example: value };
  });
  const isWebhook = path.startsWith('/webhooks/');
  // What is started beside the sales is one at a time, whoever asks again.
  const isJob = path.startsWith('/erp/');
  if (isWebhook) parameters.push(...signatureHeaders(example));
  else if (method === 'post' && !isJob) parameters.push(IDEMPOTENCY_KEY);
  if (path === '/events') parameters.push(LAST_EVENT_ID);
  if (parameters.length > 0) operation.parameters = parameters;
  finishBody(path, operation, example);
  operation.responses = { ...operation.responses, default: PROBLEM };
  if (path === '/events') {
    const stream = {
      schema: { type: 'string', description: 'Events, each: ' + JSON.stringify(Event) },
    };
    Object.assign(operation.responses['200']?.content ?? {}, { 'text/event-stream': stream });
  }
  if (path === '/metrics') {
    operation.responses['200'] = {
      description: 'The metrics.',
      content: { 'text/plain': { schema: { type: 'string' } } },
    };
  }
}

function signatureHeaders({ parameters }: Example): Parameter[] {
  return SIGNATURE_HEADERS.map((name) => {
    const schema = { type: 'string' };
    return { name, in: 'header', required: false, schema, example: parameters?.[name] };
  });
}

function finishBody(path: string, operation: Operation, { body, contentType }: Example): void {
  if (contentType !== undefined) {
    const schema = { type: 'string' };
    const content = FILE_TYPES.map((type) => [
      type,
      type === contentType ? { schema, example: body } : { schema },
    ]);
    operation.requestBody = {
      required: true,
      content: Object.fromEntries(content) as Record<string, Content>,
    };
    return;
  }
  if (path.startsWith('/webhooks/')) {
    const content = { 'application/json': { schema: STOCK_CHANGED, example: body } };
    operation.requestBody = { required: true, content };
    return;
  }
  const json = operation.requestBody?.content['application/json'];
  if (operation.requestBody === undefined || json === undefined) return;
  const schema = json.schema as {
    required?: readonly string[];
    properties?: Record<string, object>;
  };
  operation.requestBody.required = (schema.required ?? []).length > 0;
  if (body !== undefined) json.example = body;
  if (path === '/reservations/batch') {
    const { commands } = schema.properties ?? {};
    const items = { oneOf: Object.values(BATCH_COMMANDS), discriminator: { propertyName: 'type' } };
    json.schema = { ...schema, properties: { commands: { ...commands, items } } };
  }
}
