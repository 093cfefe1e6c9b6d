/** `/docs` in a real browser, as an integrator meets it: the examples work when executed, at any width and in the dark. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { chromium, type Page } from 'playwright-core';
import { startService } from '../faults/service-process.ts';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** The browser's own half a minute is short on a machine that is busy with other tests. */
const PATIENCE_MS = 180_000;
const SCREENS = [
  { width: 1280, height: 900, colorScheme: 'light' },
  { width: 1280, height: 900, colorScheme: 'dark' },
  { width: 390, height: 844, colorScheme: 'light' },
  { width: 390, height: 844, colorScheme: 'dark' },
] as const;

/** Opens the operation, executes its example and returns the status that the page shows. */
async function execute(page: Page, method: 'put' | 'post', path: string): Promise<string> {
  const operation = page.locator(`.opblock-${method}`, {
    has: page.locator(`[data-path="${path}"]`),
  });
  await operation.locator('.opblock-summary').first().click();
  await operation.locator('.execute').click();
  const status = operation.locator('.live-responses-table .response-col_status').nth(1);
  await status.waitFor();
  return (await status.innerText()).trim();
}

test('the page of the API', async (t) => {
  if (!existsSync(CHROMIUM)) {
    t.skip(`no ${CHROMIUM}: apt-get install chromium`);
    return;
  }
  const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-docs-'));
  t.after(() => {
    rmSync(dataDir, { recursive: true, force: true });
  });
  const service = await startService(t, dataDir);
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: FLAGS,
    timeout: PATIENCE_MS,
  });
  t.after(() => browser.close());

  for (const { width, height, colorScheme } of SCREENS) {
    await t.test(
      `${width} wide, ${colorScheme}: complete, offline, nothing sticks out`,
      async () => {
        const page = await browser.newPage({ viewport: { width, height }, colorScheme });
        page.setDefaultTimeout(PATIENCE_MS);
        const complaints: string[] = [];
        page.on('console', (message) => {
          if (message.type() === 'error') complaints.push(message.text());
        });
        page.on('request', (request) => {
          if (!request.url().startsWith(service.url) && !request.url().startsWith('data:')) {
            complaints.push(`asks ${request.url()}`);
          }
        });
        await page.goto(`${service.url}/docs`);
        await page.locator('.opblock').first().waitFor();
        const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as {
          paths: Record<string, object>;
        };
        const operations = Object.values(document.paths).flatMap((path) => Object.keys(path));
        assert.equal(await page.locator('.opblock').count(), operations.length);
        const sticksOut = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
        assert.equal(sticksOut, false);
        assert.deepEqual(complaints, []);
        await page.close();
      },
    );
  }

  await t.test(
    'its first examples, executed in order, put a unit on sale and reserve it',
    async () => {
      const page = await browser.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      await page.goto(`${service.url}/docs`);
      assert.equal(await execute(page, 'put', '/stock/{sku}'), '201');
      assert.equal(await execute(page, 'post', '/stock/{sku}/reserve'), '200');
      assert.equal(await execute(page, 'post', '/reservations/{reservation_id}/confirm'), '200');
      await page.close();
    },
  );
});
