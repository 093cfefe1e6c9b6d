/** A bare Fastify handler that answers the shape of a reserve and decides nothing: `node bench/bare-server.ts PORT`. */
import { randomUUID } from 'node:crypto';
import fastify from 'fastify';

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
        expires_at: { type: 'string' },
      },
    },
  },
};
app.post<{ Params: { sku: string } }>('/stock/:sku/reserve', { schema }, (request, reply) => {
  void reply.send({
    reservation_id: randomUUID(),
    sku: request.params.sku,
    quantity: 1,
    status: 'active',
    expires_at: new Date(Date.now() + 600_000).toISOString(),
  });
});
await app.listen({ port: Number(process.argv[2]), host: '127.0.0.1' });
process.on('SIGTERM', () => void app.close());
