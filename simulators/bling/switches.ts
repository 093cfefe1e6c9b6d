/** Everything about the simulated Bling that can be changed while it runs, with what it starts as. */
import Type, { type Static } from 'typebox';
import { Value } from 'typebox/value';

const Probability = Type.Number({ minimum: 0, maximum: 1 });
const Milliseconds = Type.Integer({ minimum: 0, maximum: 366 * 86_400_000 });
const Count = Type.Integer({ minimum: 0, maximum: 1_000_000_000 });
const flag = (value: boolean, description: string) => Type.Boolean({ default: value, description });
const count = (value: number, description: string) => ({ ...Count, default: value, description });
const ms = (value: number, description: string) => ({
  ...Milliseconds,
  default: value,
  description,
});
const probability = (description: string) => ({ ...Probability, default: 0, description });
const ids = (value: readonly number[], description: string) =>
  Type.Array(Type.Integer(), { default: value, description });

/** What a token may be good for, and the number that Bling's `scope` field calls it by. */
export const SCOPES = {
  produtos: '98309',
  estoques: '318257570',
  depositos: '182224097',
  pedidos: '5862218180',
  contatos: '318257565',
  situacoes: '98308',
} as const;
export type Scope = keyof typeof SCOPES;

/** What webhooks can be about; `virtual_stock` goes by what is said of `stock`. */
export const WEBHOOK_RESOURCES = ['order', 'product', 'stock'] as const;
export type WebhookResource = (typeof WEBHOOK_RESOURCES)[number];

const words = <T extends string>(all: readonly T[], description: string) =>
  Type.Array(Type.Enum([...all]), { default: [...all], description });

export const SwitchesSchema = Type.Object(
  {
    autoApprove: flag(true, 'the authorize page says yes by itself; else it shows two buttons'),
    redirectUri: Type.String({
      default: '',
      description: 'where the authorize page sends the code; empty: it is shown, to be copied',
    }),
    companyActive: flag(true, 'false: tokens are neither given nor renewed (Empresa inativa)'),
    codeSeconds: count(60, 'life of an authorization code'),
    accessTokenSeconds: count(21_600, 'life of an access token'),
    refreshTokenSeconds: count(2_592_000, 'life of a refresh token'),
    opaqueTokens: flag(
      true,
      'false: a call without enable-jwt: 1 is refused with 401, a token without it is not given',
    ),
    scopes: words(
      Object.keys(SCOPES) as Scope[],
      'what the tokens are good for, at once; else 403',
    ),

    limitPerSecond: count(3, 'calls in any second, of the whole account; 0: no limit'),
    limitPerDay: count(120_000, 'calls in a day of Brasília, of the whole account; 0: no limit'),
    othersPerSecond: count(0, "of each second's calls, how many other integrations take"),
    ipBlocks: flag(
      true,
      'block an address for errors (300/10 s), calls (600/10 s), tokens (20/60 s)',
    ),
    ipBlockForGoodAt: count(
      0,
      'the so many-th block of an address does not end by itself; 0: each does',
    ),
    ipBlockAnswer: Type.Enum(['forbidden', 'too_many', 'reset'], {
      default: 'forbidden',
      description: 'what a blocked address hears: a page with 403, a 429, a reset connection',
    }),

    maxBalanceIds: count(0, 'idsProdutos[] in one call; more is 400; 0: no limit'),
    omitDeposits: flag(false, 'GET /estoques/saldos leaves `depositos` out'),
    belowZero: flag(true, 'stock may go below zero; false: such a movement is refused with 400'),
    reservingSituations: ids(
      [6, 15],
      'orders in these reserve: saldoVirtual falls, saldoFisico not',
    ),
    launchOnSituations: ids([], 'orders that enter one of these launch their stock by themselves'),
    racyLaunchMs: ms(
      0,
      'calls of lancar-estoque within this time of the first: every other one passes the guard',
    ),
    orderSearchLagMs: ms(0, 'how long GET /pedidos/vendas does not list a new order'),
    balanceLagMs: ms(0, 'how old the balances are that GET /estoques/saldos shows'),

    webhookUrl: Type.String({ default: '', description: 'where webhooks go; empty: nowhere' }),
    webhookResources: words(WEBHOOK_RESOURCES, 'what is sent; virtual_stock goes with stock'),
    webhookEcho: flag(true, 'also for what our own API calls did'),
    webhookDuplicates: probability('share of deliveries that come twice'),
    webhookLoss: probability('share of deliveries that never come'),
    webhookDelayMs: ms(0, 'every delivery comes so much later'),
    webhookShuffleMs: ms(0, 'every delivery comes up to so much later, at random: out of order'),
    webhookTimeoutMs: { ...ms(5_000, 'real milliseconds that a receiver may take'), minimum: 1 },

    outsideSalesPerMinute: count(0, 'orders of another shop, of random products'),
    outsideInvoicesPerMinute: count(0, 'NF-e that take stock of random products'),
  },
  { additionalProperties: false },
);
export type Switches = Static<typeof SwitchesSchema>;

/** What a person who tries Holdfast finds: a calm Bling with its real limits. */
export function defaultSwitches(): Switches {
  return Value.Create(SwitchesSchema);
}
