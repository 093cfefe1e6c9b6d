/** What there is of each SKU, and what an operator or the ERP says of it. */
import { ADMIN, READ } from '../access.ts';
import { adjustStockCommand, setStockCommand } from '../commands.ts';
import { idempotencyOf } from '../idempotency.ts';
import { changedStockJson, levelJson } from '../mapping.ts';
import { problem } from '../problem.ts';
import { SkuParams } from '../schemas/common.ts';
import * as operations from '../schemas/operations.ts';
import { AdjustStockBody, SetStockBody, StockQuery } from '../schemas/requests.ts';
import { ask, type Http, type Server } from '../server.ts';

const USUAL_PAGE = 100;

export function stockRoutes(app: Server, http: Http): void {
  const { engine, respond } = http;
  const { store } = engine;

  app.get(
    '/stock/:sku',
    { config: { access: READ }, schema: { ...operations.getStock, params: SkuParams } },
    async (request, reply) => {
      const { sku } = request.params;
      const level = await store.level(sku);
      if (level === null) respond.problem(request, reply, problem('unknown_sku', { skus: [sku] }));
      else respond.json(request, reply, 200, levelJson(level, store.clock.now()));
    },
  );

  app.get(
    '/stock',
    { config: { access: READ }, schema: { ...operations.listStock, querystring: StockQuery } },
    async (request, reply) => {
      const { after = null, prefix = null, limit = USUAL_PAGE } = request.query;
      const levels = await store.levels({ after, prefix, limit: limit + 1 });
      const now = store.clock.now();
      const page = levels.slice(0, limit);
      const last = levels.length > limit ? page.at(-1) : undefined;
      const more = last === undefined ? null : { after: last.sku, prefix, limit };
      const items = page.map((level) => levelJson(level, now)).join(',');
      const next = JSON.stringify(nextPage('/stock', more));
      respond.json(request, reply, 200, `{"items":[${items}],"next":${next}}`);
    },
  );

  app.put(
    '/stock/:sku',
    {
      config: { access: ADMIN },
      schema: { ...operations.setStock, params: SkuParams, body: SetStockBody },
    },
    async (request, reply) => {
      const command = setStockCommand(request.params.sku, request.body);
      const answer = await ask(http, request, reply, command, idempotencyOf(request, command));
      if (answer === null) return;
      respond.json(request, reply, answer.created ? 201 : 200, changedStockJson(answer));
    },
  );

  app.post(
    '/stock/:sku/adjust',
    {
      config: { access: ADMIN },
      schema: { ...operations.adjustStock, params: SkuParams, body: AdjustStockBody },
    },
    async (request, reply) => {
      const command = adjustStockCommand(request.params.sku, request.body);
      const answer = await ask(http, request, reply, command, idempotencyOf(request, command));
      if (answer !== null) respond.json(request, reply, 200, changedStockJson(answer));
    },
  );
}

/** The address of the page after this one; null where there is none. */
export function nextPage(
  path: string,
  query: Readonly<Record<string, string | number | null>> | null,
): string | null {
  if (query === null) return null;
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null) search.set(name, String(value));
  }
  return `${path}?${search.toString()}`;
}
