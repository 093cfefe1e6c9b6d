/** The settings of the ERP connectors. Each is checked by itself; a connector's own are complete once it is named. */
import { Type, type Static } from 'typebox';
import { oneOf, setting, whole } from './setting.ts';

const ADDRESS = String.raw`^(https?://[^\s?#]*[^\s?#/])?$`;
const ADDRESS_EXPECTED = 'an address without a slash at its end';
const WORD = String.raw`^[\x21-\x7e]*$`;
const MOST_ID = 999_999_999_999_999;
const CREDENTIAL = "as Bling shows it in the app's page";

function address(fallback: string) {
  return setting(Type.String({ pattern: ADDRESS }), fallback, ADDRESS_EXPECTED);
}

function blingId() {
  return whole(0, MOST_ID, 0, " of Bling's, 0 for none,");
}

export const ERP_SETTINGS = {
  HOLDFAST_ERP: oneOf(['none', 'bling', 'webhook'], 'none'),
  HOLDFAST_RECONCILE_INTERVAL_SECONDS: whole(0, 604_800, 3_600, ' of seconds, 0 for never,'),
  HOLDFAST_RECONCILE_FIX: setting(Type.Boolean(), 'true', 'true or false'),
  HOLDFAST_RELAY_IDLE_MS: whole(10, 60_000, 500, ' of milliseconds'),
  HOLDFAST_ERP_WEBHOOK_SILENCE_MINUTES: whole(0, 43_200, 1_440, ' of minutes, 0 for never,'),

  HOLDFAST_SECRET_KEY: setting(
    Type.String({ pattern: String.raw`^([\da-fA-F]{64}|[A-Za-z\d+/]{43}=)?$` }),
    '',
    '32 bytes in base64 or hexadecimal, as `openssl rand -base64 32` prints them',
    true,
  ),

  HOLDFAST_BLING_API_URL: address('https://api.bling.com.br/Api/v3'),
  HOLDFAST_BLING_OAUTH_URL: address('https://bling.com.br/Api/v3'),
  HOLDFAST_BLING_CLIENT_ID: setting(Type.String({ pattern: WORD }), '', CREDENTIAL),
  HOLDFAST_BLING_CLIENT_SECRET: setting(Type.String({ pattern: WORD }), '', CREDENTIAL, true),
  HOLDFAST_BLING_DEPOSIT_ID: blingId(),
  HOLDFAST_BLING_ORDER_MODE: oneOf(['observe', 'order', 'movement'], 'observe'),
  HOLDFAST_BLING_BALANCE: oneOf(['virtual', 'fisico'], 'virtual'),
  HOLDFAST_BLING_SITUATIONS: setting(
    Type.Array(Type.String({ pattern: String.raw`^[1-9]\d{0,14}$` })),
    '',
    'numbers of situations separated by commas, such as 15,9',
  ),
  HOLDFAST_BLING_CANCELLED_SITUATION: whole(1, MOST_ID, 12),
  HOLDFAST_BLING_STORE_ID: blingId(),
  HOLDFAST_BLING_CONTACT_ID: blingId(),
  HOLDFAST_BLING_PAYMENT_METHOD_ID: blingId(),
  HOLDFAST_BLING_SOLE_WRITER: setting(Type.Boolean(), 'false', 'true or false'),
  HOLDFAST_BLING_PATIENCE_SECONDS: whole(20, 86_400, 300, ' of seconds'),
  HOLDFAST_BLING_CALLS_PER_SECOND: whole(1, 100, 3, ' of calls'),
  HOLDFAST_BLING_CALLS_PER_DAY: whole(100, 10_000_000, 120_000, ' of calls'),
  HOLDFAST_BLING_TIMEOUT_MS: whole(100, 60_000, 15_000, ' of milliseconds'),

  HOLDFAST_WEBHOOK_URL: address(''),
  HOLDFAST_WEBHOOK_SECRETS: setting(
    Type.Array(Type.String({ pattern: String.raw`^whsec_[A-Za-z\d+/]{32,86}={0,2}$` }), {
      maxItems: 2,
    }),
    '',
    'at most two, of the form whsec_ and 24 to 64 bytes in base64, separated by a comma',
    true,
  ),
  HOLDFAST_WEBHOOK_ALLOW_PRIVATE: setting(Type.Boolean(), 'false', 'true or false'),
  HOLDFAST_WEBHOOK_CALLS_PER_SECOND: whole(1, 1_000, 20, ' of calls'),
  HOLDFAST_WEBHOOK_TIMEOUT_MS: whole(100, 60_000, 15_000, ' of milliseconds'),
};

type Name = keyof typeof ERP_SETTINGS;
export type ErpValues = { readonly [N in Name]: Static<(typeof ERP_SETTINGS)[N]['schema']> };
type Erp = ErpValues['HOLDFAST_ERP'];

export type ErpConfig = ReturnType<typeof buildErp>;

/** Connecting comes before `HOLDFAST_ERP=bling`: whoever names the app has begun. */
function usesBling(erp: Erp, values: ErpValues): boolean {
  return erp === 'bling' || values.HOLDFAST_BLING_CLIENT_ID !== '';
}

function usesWebhook(erp: Erp, values: ErpValues): boolean {
  return erp === 'webhook' || values.HOLDFAST_WEBHOOK_URL !== '';
}

export function erpContradictions(values: ErpValues): string[] {
  const erp = values.HOLDFAST_ERP;
  const missing: string[] = [];
  const need = (name: Name, what: string): void => {
    const value = values[name];
    const isThere = Array.isArray(value) ? value.length > 0 : value !== '' && value !== 0;
    if (!isThere) missing.push(`${name}=: expected ${what}`);
  };
  if (usesBling(erp, values)) {
    need('HOLDFAST_BLING_CLIENT_ID', CREDENTIAL);
    need('HOLDFAST_BLING_CLIENT_SECRET', CREDENTIAL);
    need('HOLDFAST_SECRET_KEY', ERP_SETTINGS.HOLDFAST_SECRET_KEY.expected);
    need('HOLDFAST_BLING_DEPOSIT_ID', 'the number of the deposit in Bling that is sold from');
    if (values.HOLDFAST_BLING_ORDER_MODE !== 'movement') {
      need(
        'HOLDFAST_BLING_SITUATIONS',
        `the situations of an order in which its units are off the balance in your account, with HOLDFAST_BLING_ORDER_MODE=${values.HOLDFAST_BLING_ORDER_MODE}`,
      );
    }
  }
  if (usesWebhook(erp, values)) {
    need('HOLDFAST_WEBHOOK_URL', 'the address of your ERP or of the service before it');
    need('HOLDFAST_WEBHOOK_SECRETS', ERP_SETTINGS.HOLDFAST_WEBHOOK_SECRETS.expected);
  }
  return missing;
}

/** `bling` and `webhook` are null where nothing was said about them. */
export function buildErp(values: ErpValues) {
  const erp = values.HOLDFAST_ERP;
  return {
    erp,
    relay: {
      /** Between two looks into an empty outbox. */
      idleMs: values.HOLDFAST_RELAY_IDLE_MS,
    },
    reconcile: {
      /** Null: not on a schedule. */
      everyMs: values.HOLDFAST_RECONCILE_INTERVAL_SECONDS * 1000 || null,
      /** Does the schedule correct our books, or only report? */
      fix: values.HOLDFAST_RECONCILE_FIX,
    },
    /** Without a webhook for so long somebody should look; null: never. */
    webhookSilenceMs: values.HOLDFAST_ERP_WEBHOOK_SILENCE_MINUTES * 60_000 || null,
    bling: usesBling(erp, values) ? buildBling(values) : null,
    webhook: usesWebhook(erp, values) ? buildWebhook(values) : null,
  };
}

/** As the connector wants to be told, but for where the data is: whoever makes it is held to its type. */
function buildBling(values: ErpValues) {
  return {
    apiUrl: values.HOLDFAST_BLING_API_URL,
    oauthUrl: values.HOLDFAST_BLING_OAUTH_URL,
    clientId: values.HOLDFAST_BLING_CLIENT_ID,
    clientSecret: values.HOLDFAST_BLING_CLIENT_SECRET,
    secretKey: values.HOLDFAST_SECRET_KEY,
    depositId: values.HOLDFAST_BLING_DEPOSIT_ID,
    orderMode: values.HOLDFAST_BLING_ORDER_MODE,
    balance: values.HOLDFAST_BLING_BALANCE,
    situations: values.HOLDFAST_BLING_SITUATIONS.map(Number),
    cancelledSituation: values.HOLDFAST_BLING_CANCELLED_SITUATION,
    storeId: values.HOLDFAST_BLING_STORE_ID || null,
    contactId: values.HOLDFAST_BLING_CONTACT_ID || null,
    paymentMethodId: values.HOLDFAST_BLING_PAYMENT_METHOD_ID || null,
    soleWriter: values.HOLDFAST_BLING_SOLE_WRITER,
    patienceMs: values.HOLDFAST_BLING_PATIENCE_SECONDS * 1_000,
    callsPerSecond: values.HOLDFAST_BLING_CALLS_PER_SECOND,
    callsPerDay: values.HOLDFAST_BLING_CALLS_PER_DAY,
    timeoutMs: values.HOLDFAST_BLING_TIMEOUT_MS,
  };
}

function buildWebhook(values: ErpValues) {
  return {
    url: values.HOLDFAST_WEBHOOK_URL,
    secrets: values.HOLDFAST_WEBHOOK_SECRETS,
    allowPrivate: values.HOLDFAST_WEBHOOK_ALLOW_PRIVATE,
    callsPerSecond: values.HOLDFAST_WEBHOOK_CALLS_PER_SECOND,
    timeoutMs: values.HOLDFAST_WEBHOOK_TIMEOUT_MS,
  };
}
