/** Puts the connector's parts together. */
import { Balances } from './balances.ts';
import { CallBudget } from './call-budget.ts';
import { Catalogue } from './catalogue.ts';
import { BlingClient } from './client.ts';
import type { Delivery } from './deliveries/delivery.ts';
import { MovementDelivery } from './deliveries/movement-delivery.ts';
import { ObserveDelivery } from './deliveries/observe-delivery.ts';
import { OrderDelivery } from './deliveries/order-delivery.ts';
import { Exchange } from './exchange.ts';
import { Orders } from './orders.ts';
import type { BlingSettings, Time } from './settings.ts';
import { OAuth } from './tokens/oauth.ts';
import { TokenFile } from './tokens/token-file.ts';
import { TokenKeeper } from './tokens/token-keeper.ts';

export interface BlingParts {
  readonly settings: BlingSettings;
  readonly time: Time;
  readonly exchange: Exchange;
  readonly oauth: OAuth;
  readonly tokenFile: TokenFile;
  readonly budget: CallBudget;
  readonly client: BlingClient;
  readonly catalogue: Catalogue;
  readonly balances: Balances;
  readonly orders: Orders;
  readonly delivery: Delivery;
}

/** Touches neither the disk nor the network. */
export function openBling(settings: BlingSettings, time: Time): BlingParts {
  const now = () => time.now();
  const exchange = new Exchange();
  const oauth = new OAuth(settings, exchange, now);
  const tokenFile = new TokenFile(settings.dataDir, settings.secretKey);
  const tokens = new TokenKeeper(tokenFile, oauth, now);
  const budget = new CallBudget({ ...settings, time });
  const client = new BlingClient({ settings, tokens, budget, exchange });
  const catalogue = new Catalogue(client, now);
  const balances = new Balances(client, settings);
  const orders = new Orders(client, settings, now);
  const parts = { settings, client, catalogue, balances, orders, budget, now };
  const delivery = openDelivery(parts);
  return { ...parts, time, exchange, oauth, tokenFile, delivery };
}

type DeliveryParts = Pick<
  BlingParts,
  'settings' | 'client' | 'catalogue' | 'balances' | 'orders' | 'budget'
> & { readonly now: () => number };

function openDelivery(parts: DeliveryParts): Delivery {
  switch (parts.settings.orderMode) {
    case 'observe':
      return new ObserveDelivery(parts);
    case 'order':
      return new OrderDelivery(parts);
    case 'movement':
      return new MovementDelivery(parts);
  }
}
