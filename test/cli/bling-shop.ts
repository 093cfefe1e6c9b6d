/** A simulated Bling, and a folder whose `holdfast` is connected to it. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import {
  startBlingSimulator,
  type BlingSimulator,
  type SimulatorOptions,
} from '../../simulators/bling/server.ts';
import { holdfast, tempFolder, type Settings } from './support.ts';

const REDIRECT = 'https://shop.example/callback';

/** For `holdfast` in `order` mode; enough of a rate that nothing is waited for. */
function blingSettings({ apiUrl, client, depositId }: BlingSimulator): Settings {
  return {
    HOLDFAST_ERP: 'bling',
    HOLDFAST_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
    HOLDFAST_BLING_API_URL: apiUrl,
    HOLDFAST_BLING_OAUTH_URL: apiUrl,
    HOLDFAST_BLING_CLIENT_ID: client.id,
    HOLDFAST_BLING_CLIENT_SECRET: client.secret,
    HOLDFAST_BLING_DEPOSIT_ID: String(depositId),
    HOLDFAST_BLING_ORDER_MODE: 'order',
    HOLDFAST_BLING_SITUATIONS: '6',
    HOLDFAST_BLING_CALLS_PER_SECOND: '100',
    HOLDFAST_RELAY_IDLE_MS: '20',
  };
}

/** Says yes as the account's user. Answers with the address that the browser ends at. */
export async function sayYes({ apiUrl, client }: BlingSimulator): Promise<string> {
  const query = `response_type=code&client_id=${client.id}&state=s`;
  const page = await fetch(`${apiUrl}/oauth/authorize?${query}`, { redirect: 'manual' });
  return page.headers.get('location') ?? '';
}

interface BlingShop {
  readonly bling: BlingSimulator;
  readonly cwd: string;
  readonly settings: Settings;
}

/** `stock` units of each of `skus` products, SKU-0001 and on; connected unless said. */
export async function openBlingShop(
  t: TestContext,
  { skus = 3, stock = 10, connected = true, ...options }: ShopOptions = {},
): Promise<BlingShop> {
  const bling = await startBlingSimulator({
    ...options,
    switches: { redirectUri: REDIRECT, limitPerSecond: 0, ...options.switches },
  });
  t.after(() => bling.stop());
  bling.control.seed({ count: skus, stock });
  const cwd = tempFolder(t);
  const settings = blingSettings(bling);
  if (connected) {
    const args = ['bling', 'connect', '--code', await sayYes(bling)];
    const { code, stderr } = await holdfast(args, { cwd, settings });
    assert.equal(code, 0, stderr);
  }
  return { bling, cwd, settings };
}

interface ShopOptions extends SimulatorOptions {
  readonly skus?: number;
  readonly stock?: number;
  readonly connected?: boolean;
}

export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 240_000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `waited in vain until ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
