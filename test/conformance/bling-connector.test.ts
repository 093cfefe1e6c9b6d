import type { TestContext } from 'node:test';
import { signatureOf } from '../../simulators/bling/webhooks.ts';
import type { FaultKind } from '../../simulators/bling/faults.ts';
import { openBench } from '../connectors/bling-bench.ts';
import { connectorSuite, type ConnectorSubject, type Mishap } from './connector-suite.ts';

const FAULTS: Readonly<Record<Mishap, FaultKind>> = {
  lost_request: 'reset_before',
  lost_answer: 'reset_after',
  error_before: 'error_before',
  error_after: 'error_after',
  garbage_before: 'garbage_before',
  garbage_after: 'garbage_after',
  late: 'late_apply',
  outage: 'outage',
  busy: 'too_many_second',
  refused: 'status',
};

const REFUSAL = {
  error: {
    type: 'VALIDATION_ERROR',
    message: 'Não foi possível executar a operação',
    description: 'Ocorreu um erro ao validar os dados recebidos.',
  },
};

async function open(t: TestContext, orderMode: 'order' | 'movement'): Promise<ConnectorSubject> {
  const bench = await openBench(t, { settings: { orderMode } });
  const { control, client } = bench.simulator;
  return {
    connector: bench.connector,
    now: () => control.now(),
    elapse: (ms) => control.advance(ms),
    seed: (stock) => {
      control.seed({ products: [...stock].map(([sku, units]) => ({ sku, stock: units })) });
      return Promise.resolve();
    },
    level: (sku) => {
      const row = control.balances().find((each) => each.sku === sku);
      return (orderMode === 'order' ? row?.virtual : row?.physical) ?? NaN;
    },
    befall: (mishap) => {
      control.addFault({
        kind: FAULTS[mishap],
        method: 'POST',
        times: 1,
        delayMs: 4_000,
        status: 400,
        body: REFUSAL,
      });
    },
    down: () => {
      control.addFault({ kind: 'outage' });
    },
    changes: () =>
      control.orders().length + control.movements().filter(({ source }) => source === 'api').length,
    webhook: (sku) => {
      const id = control.products().find((product) => product.sku === sku)?.id;
      const text = JSON.stringify({
        eventId: '01945027-150e-72b4-e7cf-4943a042cd9c',
        date: new Date(control.now()).toISOString(),
        version: 'v1',
        event: 'stock.updated',
        data: { produto: { id }, operacao: 'S', quantidade: 1 },
      });
      return {
        headers: { 'x-bling-signature-256': signatureOf(text, client.secret) },
        body: new TextEncoder().encode(text),
      };
    },
    reopen: () => bench.reopen(),
  };
}

for (const mode of ['order', 'movement'] as const) {
  connectorSuite(`bling, ${mode}`, (t) => open(t, mode));
}
