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
