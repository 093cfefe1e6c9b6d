import assert from 'node:assert/strict';
import test from 'node:test';
import { Accounts, type SkuAccount } from './replay-accounts.ts';

function messages(figures: Partial<SkuAccount>, mustSell = true): string[] {
  const accounts = new Accounts();
  Object.assign(accounts.of('HAT'), figures);
  return accounts.differences(mustSell).map(({ message }) => message);
}

test('units that balance are no difference', () => {
  const balanced = { wanted: 7, offered: 10, sold: 7, cancelled: 2, writtenOff: 1, remaining: 4 };
  assert.deepEqual(messages(balanced), []);
  assert.deepEqual(messages({ ...balanced, reservedBefore: 3, reservedAfter: 3 }), []);
});

test('each way not to balance is named', () => {
  const account = { wanted: 7, offered: 10, sold: 7, remaining: 3 };
  assert.match(messages({ ...account, remaining: 2 })[0] ?? '', /= 3, but 2 remain$/);
  assert.match(messages({ ...account, remaining: 4 })[0] ?? '', /= 3, but 4 remain$/);
  assert.match(messages({ ...account, reservedAfter: 1 })[0] ?? '', /1 units are reserved, 0 were/);
  const unsold = { ...account, sold: 5, remaining: 5 };
  assert.match(messages(unsold)[0] ?? '', /7 were wanted and there, 5 were sold/);
  assert.deepEqual(messages(unsold, false), []);
});
