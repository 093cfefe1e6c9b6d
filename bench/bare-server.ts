/**
 * A bare Fastify handler that answers the shape of a reserve and decides nothing: `node bench/bare-server.ts PORT`.
 * `/stock/{sku}/reserve` sends what Fastify sends by itself, `/same-headers` the headers of our answers too.
 */
import { randomUUID } from 'node:crypto';
import fastify, { type FastifyReply } from 'fastify';
import { STATIC_HEADERS } from '../src/http/respond.ts';

const app = fastify();
const schema = {
  response: {
    200: {
      type: 'object',
      properties: {
        reservation_id: { type: 'string' },
        sku: { type: 'string' },
        quantity: { type: 'integer' },
        status: { type: 'string' },
        created_at: { type: 'string' },
        expires_at: { type: 'string' },
      },
    },
  },
};

function answer(reply: FastifyReply, sku: string): void {
  const now = Date.now();
  void reply.send({
    reservation_id: randomUUID(),
    sku,
    quantity: 1,
    status: 'active',
    created_at: new Date(now).toISOString(),
    expires_at: new Date(now + 600_000).toISOString(),
  });
}

app.post<{ Params: { sku: string } }>('/stock/:sku/reserve', { schema }, (request, reply) => {
  answer(reply, request.params.sku);
});
app.post('/same-headers', { schema }, (request, reply) => {
  void reply.header('x-request-id', request.id);
  for (let at = 0; at < STATIC_HEADERS.length; at += 2) {
    void reply.header(STATIC_HEADERS[at] ?? '', STATIC_HEADERS[at + 1]);
  }
  answer(reply, 'SKU-001');
});
await app.listen({ port: Number(process.argv[2]), host: '127.0.0.1' });
process.on('SIGTERM', () => void app.close());
