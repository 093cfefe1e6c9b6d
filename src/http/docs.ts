/** `/` leads to `/docs`; with it `/docs/errors` and `/openapi.json`: the API explained by itself, without anything from outside. */
import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { OPEN } from './access.ts';
import { errorsPage } from './errors-document.ts';
import { languageOf } from './languages.ts';
import { finishDocument, operationOf } from './openapi.ts';
import type { AppParts } from './parts.ts';
import type { Http, Server } from './server.ts';

const DESCRIPTION =
  'Real-time stock reservations for flash sales: a buyer who puts the last unit in a cart gets it, and nobody ' +
  'else does, until the purchase is confirmed or the reservation lapses. Errors are RFC 9457 problems with a ' +
  'stable `code`, explained in [/docs/errors](/docs/errors).\n\n' +
  'The examples are about `SKU-001` and the reservation made last: execute **Set a SKU’s stock and policy** first, ' +
  'then **Reserve units of one SKU**, and every other one works: **Release** and **Extend** while it is active, ' +
  '**Cancel** once it is confirmed.';

/** Call before the routes: it sees those that come after. */
export async function registerDocs(app: Server, { settings, version }: AppParts): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Holdfast', version, description: DESCRIPTION, license: { name: 'MIT' } },
      servers: [{ url: settings.publicUrl ?? '/' }],
      tags: [
        { name: 'stock', description: 'What there is of each SKU.' },
        { name: 'reservations', description: 'Reserve, and resolve what was reserved.' },
        { name: 'ledger', description: 'Why every number is what it is.' },
        { name: 'erp', description: 'What the ERP is still to be told, and whether it agrees.' },
        { name: 'service', description: 'For those who watch over the service.' },
      ],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'An API key: `hf_…`.' },
          header: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
        },
      },
    },
    transform: ({ schema, url, route }) => ({
      schema: operationOf(schema, route.config?.access),
      url,
    }),
  });
}

/** Call after the routes. */
export function documentRoutes(app: Server, http: Http): void {
  let document = '';
  app.addHook('onReady', (done) => {
    document = JSON.stringify(finishDocument(app.swagger()));
    done();
  });

  app.get(
    '/openapi.json',
    { config: { access: OPEN, vital: true }, schema: { hide: true } },
    (request, reply) => http.respond.json(request, reply, 200, document),
  );

  // Whoever opens the address that the greeting names in a browser. Relative, so that a prefix before us is kept.
  app.get(
    '/',
    { config: { access: OPEN, vital: true }, schema: { hide: true } },
    (request, reply) =>
      http.respond.text(request, reply, 302, 'text/plain', 'docs\n', ['location', 'docs']),
  );

  app.register(async (scope: Server) => {
    await scope.register(helmet, {
      contentSecurityPolicy: { directives: pagePolicy(http) },
      // For whoever terminates TLS to decide, and for its whole domain.
      strictTransportSecurity: false,
    });
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      theme: {
        title: 'Holdfast API',
        // The bar on top offers other documents under another project's name.
        css: [{ filename: 'holdfast.css', content: '.swagger-ui .topbar { display: none }' }],
      },
      transformSpecification: () => JSON.parse(document) as Record<string, unknown>,
      transformSpecificationClone: false,
      uiConfig: {
        deepLinking: true,
        displayRequestDuration: true,
        tryItOutEnabled: true,
        requestInterceptor: useLastReservation,
        responseInterceptor: noteReservation,
      },
    });
    scope.get(
      '/docs/errors',
      { config: { access: OPEN, vital: true }, schema: { hide: true } },
      (request, reply) => {
        const language = languageOf(request.headers['accept-language']);
        void reply
          .headers({ 'content-language': language, vary: 'accept-language' })
          .type('text/html; charset=utf-8')
          .send(errorsPage(language));
      },
    );
  });
}

/** Swagger UI styles its elements one by one and draws its icons from data addresses; scripts are files of ours. */
function pagePolicy({ settings }: Http) {
  const service = settings.publicUrl === null ? [] : [new URL(settings.publicUrl).origin];
  return {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:'],
    fontSrc: ["'self'"],
    connectSrc: ["'self'", ...service],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
    upgradeInsecureRequests: null,
  };
}

interface PageMemory {
  holdfastLastReservation?: string;
}

/** Runs in the browser, as text: it can use nothing from this file. The id is `LAST_RESERVATION`. */
function useLastReservation<T extends object>(request: T): T {
  const placeholder = '00000000-0000-7000-8000-000000000000';
  const last = (globalThis as PageMemory).holdfastLastReservation;
  const sent = request as { url?: unknown; body?: unknown };
  if (last === undefined) return request;
  if (typeof sent.url === 'string') sent.url = sent.url.replaceAll(placeholder, last);
  if (typeof sent.body === 'string') sent.body = sent.body.replaceAll(placeholder, last);
  return request;
}

/** Runs in the browser, as text. */
function noteReservation<T extends object>(response: T): T {
  const { obj } = response as { obj?: { reservation_id?: unknown } };
  const id = obj?.reservation_id;
  if (typeof id === 'string') (globalThis as PageMemory).holdfastLastReservation = id;
  return response;
}
