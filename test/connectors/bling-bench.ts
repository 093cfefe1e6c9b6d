/** The connector to Bling before a simulated Bling, on the simulator's clock: waiting moves it. */
import { BlingConnector } from '../../src/connectors/bling/bling-connector.ts';
import { openBling, type BlingParts } from '../../src/connectors/bling/parts.ts';
import type { BlingSettings, Time } from '../../src/connectors/bling/settings.ts';
import { TokenFile } from '../../src/connectors/bling/tokens/token-file.ts';
import type { OutboxMessage, Parcel } from '../../src/core/outbox/message.ts';
import type { PushCall } from '../../src/engine/erp-port.ts';
import {
  startBlingSimulator,
  type BlingSimulator,
  type SimulatorOptions,
} from '../../simulators/bling/server.ts';
import { tempDir, type Lifetime } from '../support/temp-dir.ts';

export const SECRET_KEY = Buffer.alloc(32, 7).toString('base64');

export interface BlingBench {
  readonly simulator: BlingSimulator;
  readonly settings: BlingSettings;
  readonly time: Time;
  readonly parts: BlingParts;
  readonly connector: BlingConnector;
  readonly tokenFile: TokenFile;
  /** The memos that were noted, in order. */
  readonly memos: string[];
  readonly call: PushCall;
  /** Another process with the same data folder. */
  reopen(): BlingConnector;
}

export interface BenchOptions {
  readonly settings?: Partial<BlingSettings>;
  readonly simulator?: SimulatorOptions;
  /** Has somebody connected? */
  readonly connected?: boolean;
}

export async function openBench(
  t: Lifetime,
  { settings: changed = {}, simulator: options = {}, connected = true }: BenchOptions = {},
): Promise<BlingBench> {
  const simulator = await startBlingSimulator({
    speed: 0,
    startAt: Date.UTC(2026, 10, 22, 12),
    ...options,
  });
  t.after(() => simulator.stop());
  const { control } = simulator;
  const time: Time = {
    now: () => control.now(),
    sleep: (ms) => control.advance(ms),
  };
  const settings = { ...blingSettings(simulator, await tempDir(t)), ...changed };
  const tokenFile = new TokenFile(settings.dataDir, SECRET_KEY);
  if (connected) await connect(simulator, tokenFile);
  const memos: string[] = [];
  const open = (): BlingParts => {
    const parts = openBling(settings, time);
    t.after(() => parts.exchange.close());
    return parts;
  };
  const parts = open();
  return {
    simulator,
    settings,
    time,
    parts,
    connector: new BlingConnector(parts),
    tokenFile,
    memos,
    call: {
      signal: new AbortController().signal,
      turn: () => Promise.resolve(),
      journal: (memo) => {
        memos.push(memo);
        return Promise.resolve();
      },
    },
    reopen: () => new BlingConnector(open()),
  };
}

/** Of an account in which the situations 15, 6 and 9 take units: in a new simulator the first two do. */
export function blingSettings(simulator: BlingSimulator, dataDir: string): BlingSettings {
  return {
    apiUrl: simulator.apiUrl,
    oauthUrl: simulator.apiUrl,
    clientId: simulator.client.id,
    clientSecret: simulator.client.secret,
    secretKey: SECRET_KEY,
    depositId: simulator.depositId,
    orderMode: 'order',
    balance: 'virtual',
    situations: [15, 6, 9],
    cancelledSituation: 12,
    storeId: null,
    contactId: null,
    paymentMethodId: null,
    soleWriter: true,
    patienceMs: 300_000,
    callsPerSecond: 3,
    callsPerDay: 120_000,
    timeoutMs: 5_000,
    dataDir,
  };
}

/** As if a person had said yes a moment ago. */
export async function connect({ control }: BlingSimulator, file: TokenFile): Promise<void> {
  const answer = control.issueTokens();
  const now = control.now();
  await file.write({
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token,
    obtainedAt: now,
    accessExpiresAt: now + answer.expires_in * 1_000,
    refreshExpiresAt: now + 30 * 86_400_000,
  });
}

/** One message of one SKU, as the relay hands it over; of a cancellation the units come back. */
export function parcel(sku: string, quantity: number, change: Partial<OutboxMessage> = {}): Parcel {
  const message: OutboxMessage = {
    id: 1,
    key: 'r-1',
    kind: 'sale',
    reservationId: 'r-1',
    orderId: '#1001',
    lines: [{ sku, quantity, restock: change.kind === 'cancellation' }],
    createdAt: 0,
    state: 'in_flight',
    parcelId: 1,
    attempts: 1,
    nextAttemptAt: 0,
    unknownAt: null,
    looks: 0,
    memo: null,
    reference: null,
    lastError: null,
    ...change,
  };
  return { id: 1, key: message.key, messages: [message] };
}

export function reasonOf(outcome: { readonly outcome: string; readonly reason?: string }): string {
  return `${outcome.outcome}: ${outcome.reason ?? ''}`;
}
