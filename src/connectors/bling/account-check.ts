/** Does the account have what the settings name? */
import { ErpFault, type ErpCall } from '../../engine/erp-port.ts';
import { asId, type BlingClient } from './client.ts';
import type { BlingSettings } from './settings.ts';

export interface Deposit {
  readonly id: number;
  readonly name: string;
  readonly active: boolean;
  /** Where Bling lets orders take their units from, unless something else is said there. */
  readonly standard: boolean;
}

const PAGE = 100;
const MOST_NAMED = 10;

export async function assertDeposit(
  { client, settings }: { client: BlingClient; settings: Pick<BlingSettings, 'depositId'> },
  call: ErpCall,
): Promise<Deposit> {
  const found = await client.list('/depositos', [['limite', PAGE]], call);
  const deposits = found.flatMap(readDeposit);
  const deposit = deposits.find(({ id }) => id === settings.depositId);
  if (deposit?.active === true) return deposit;
  const names = deposits
    .filter(({ active }) => active)
    .slice(0, MOST_NAMED)
    .map(({ id, name }) => `${id} (${name})`);
  const what = deposit === undefined ? 'does not exist' : 'is inactive';
  throw new ErpFault(
    'ERP_MISCONFIGURED',
    `deposit ${settings.depositId} ${what} in Bling; active are: ${names.join(', ') || 'none'}. Set HOLDFAST_BLING_DEPOSIT_ID`,
  );
}

/** An order in a situation that takes no units is stock that is sold twice: so at least each must be one of Bling's. */
export async function assertSituations(
  {
    client,
    settings,
  }: {
    client: BlingClient;
    settings: Pick<BlingSettings, 'orderMode' | 'situations' | 'cancelledSituation'>;
  },
  call: ErpCall,
): Promise<void> {
  if (settings.orderMode === 'movement') return;
  const there = await readSituations(client, call);
  if (there.size === 0) return;
  const names = [...there].map(([id, name]) => `${id} (${name})`).slice(0, MOST_NAMED);
  const wrong = (
    [
      ['HOLDFAST_BLING_SITUATIONS', settings.situations],
      ['HOLDFAST_BLING_CANCELLED_SITUATION', [settings.cancelledSituation]],
    ] as const
  ).flatMap(([name, ids]) => {
    const missing = ids.filter((id) => !there.has(id));
    return missing.length === 0 ? [] : [`${missing.join(', ')} of ${name}`];
  });
  if (wrong.length === 0) return;
  throw new ErpFault(
    'ERP_MISCONFIGURED',
    `orders in Bling have no situation ${wrong.join(', nor ')}; there are: ${names.join(', ')}`,
  );
}

/** Names by id; empty where Bling does not say which of its modules sales orders are. */
async function readSituations(client: BlingClient, call: ErpCall): Promise<Map<number, string>> {
  const modules = await client.list('/situacoes/modulos', [], call);
  const isOfSales = (text: unknown): boolean => typeof text === 'string' && /venda/i.test(text);
  const sales = modules.filter(({ nome, descricao }) => isOfSales(nome) || isOfSales(descricao));
  const situations = new Map<number, string>();
  for (const { id: moduleId } of sales) {
    const number = asId(moduleId);
    if (number === null) continue;
    for (const each of await client.list(`/situacoes/modulos/${number}`, [], call)) {
      const id = asId(each['id']);
      if (id !== null) situations.set(id, String(each['nome']));
    }
  }
  return situations;
}

function readDeposit(value: Record<string, unknown>): Deposit[] {
  const id = asId(value['id']);
  const { descricao, situacao, padrao } = value;
  if (id === null) return [];
  return [
    {
      id,
      name: typeof descricao === 'string' ? descricao : '',
      active: situacao === 1,
      standard: padrao === true,
    },
  ];
}
