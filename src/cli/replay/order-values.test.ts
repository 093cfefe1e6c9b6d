import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { settleNonProducts } from './non-products.ts';
import { parseDate, parseNumber, settleDateOrder, settleDecimal } from './order-values.ts';

describe('the decimal mark', () => {
  const settle = (...values: string[]) => settleDecimal(values, '.');

  it('is what some number of the file shows', () => {
    assert.deepEqual(settle('6', '2,55'), { value: ',', doubt: 'none' });
    assert.deepEqual(settle('1,234', '2.5'), { value: '.', doubt: 'none' });
    assert.deepEqual(settle('1.234,56'), { value: ',', doubt: 'none' });
    assert.deepEqual(settle('1,234.56'), { value: '.', doubt: 'none' });
    assert.deepEqual(settle('1.234.567'), { value: ',', doubt: 'none' });
    assert.deepEqual(settle('0,125'), { value: ',', doubt: 'none' });
    assert.deepEqual(settle('R$ 1.234,50'), { value: ',', doubt: 'none' });
  });

  it('is in doubt where none shows it, or some show the one and some the other', () => {
    assert.deepEqual(settle('1,234', '5'), { value: '.', doubt: 'ambiguous' });
    assert.deepEqual(settleDecimal(['1,234'], ','), { value: ',', doubt: 'ambiguous' });
    assert.deepEqual(settle('1,5', '2,5', '3.5'), { value: ',', doubt: 'mixed' });
    assert.deepEqual(settle('5', ''), { value: '.', doubt: 'none' });
  });

  it('decides what a number is', () => {
    assert.equal(parseNumber('2,55', ','), 2.55);
    assert.equal(parseNumber('-1.234.567,5', ','), -1_234_567.5);
    assert.equal(parseNumber('1,234', '.'), 1234);
    assert.equal(parseNumber('6,0', ','), 6);
    assert.equal(parseNumber('R$ 1 234,50', ','), 1234.5);
    assert.equal(parseNumber('12.50 EUR', '.'), 12.5);
    assert.equal(parseNumber('€ .5', '.'), 0.5);
    for (const bad of ['', '-', ',', '1,23', '1,2345', '12,34,567', '1e3', 'x', '1'.repeat(65)]) {
      assert.equal(parseNumber(bad, '.'), undefined, bad);
    }
  });
});

describe('the order of dates', () => {
  it('is settled by a part above 12 anywhere in the file, or by four digits in front', () => {
    assert.deepEqual(settleDateOrder(['1/12/2010', '13/12/2010']), { value: 'dmy', doubt: 'none' });
    assert.deepEqual(settleDateOrder(['1/2/2010', '12/13/2010']), { value: 'mdy', doubt: 'none' });
    assert.deepEqual(settleDateOrder(['2010-12-01 08:26']), { value: 'ymd', doubt: 'none' });
    assert.deepEqual(settleDateOrder(['', 'soon']), { value: 'dmy', doubt: 'none' });
  });

  it('is day first, in doubt, where nothing settles it', () => {
    assert.deepEqual(settleDateOrder(['1/12/2010']), { value: 'dmy', doubt: 'ambiguous' });
    assert.deepEqual(settleDateOrder(['12/12/2010']), { value: 'dmy', doubt: 'none' });
    assert.deepEqual(settleDateOrder(['13/1/2010', '1/13/2010']), { value: 'dmy', doubt: 'mixed' });
  });

  it('decides what a date is', () => {
    const day = Date.UTC(2010, 11, 1);
    assert.equal(parseDate('1/12/2010', 'dmy'), day);
    assert.equal(parseDate('12/01/2010', 'mdy'), day);
    assert.equal(parseDate('01.12.10', 'dmy'), day);
    assert.equal(parseDate('10-12-01', 'ymd'), day);
    assert.equal(parseDate('2010/12/01', 'mdy'), day);
    assert.equal(parseDate('1/12/1970', 'dmy'), Date.UTC(1970, 11, 1));
  });

  it('reads times, with or without seconds, halves of the day and offsets', () => {
    const at = Date.UTC(2010, 11, 1, 20, 26, 5);
    assert.equal(parseDate('1/12/2010 20:26:05', 'dmy'), at);
    assert.equal(parseDate('1/12/2010, 8:26:05 pm', 'dmy'), at);
    assert.equal(parseDate('2010-12-01T20:26:05.250Z', 'dmy'), at + 250);
    assert.equal(parseDate('2010-12-01 15:26:05 -0500', 'dmy'), at);
    assert.equal(parseDate('2010-12-01T23:26:05+03:00', 'dmy'), at);
    assert.equal(parseDate('1/12/2010 12:00 AM', 'dmy'), Date.UTC(2010, 11, 1));
    assert.equal(parseDate('1/12/2010 12:00 p.m.', 'dmy'), Date.UTC(2010, 11, 1, 12));
  });

  it('is strict about what is no date', () => {
    for (const bad of [
      ...[
        '',
        '31/2/2010',
        '13/13/2010',
        '1/12',
        '1/12-2010',
        '1/12/2010 24:00',
        '1/12/2010 13:00 PM',
      ],
      ...['1/12/210', '40513', 'Dec 1, 2010', `1/12/2010${' '.repeat(100)}x`],
    ]) {
      assert.equal(parseDate(bad, 'dmy'), undefined, bad);
    }
  });
});

describe('codes that are not products', () => {
  it('are the listed ones and, where the others have digits, those without any', () => {
    const { rule, test } = settleNonProducts(['85123A', '71053', 'POST'], ['gift_*', ' 9999 ', '']);
    assert.equal(rule.withoutDigit, true);
    assert.deepEqual(rule.codes.slice(-2), ['gift_*', ' 9999 ']);
    const yes = ['POST', 'm', 'BANK CHARGES', 'C2', 'CRUK', 'Anything', 'GIFT_0001_20', '9999'];
    assert.deepEqual(yes.filter(test), yes);
    const no = ['85123A', 'C21', 'xgift_1', '99990', 'POST1'];
    assert.deepEqual(no.filter(test), []);
  });

  it('are only the listed ones where letters are how products are named', () => {
    const { rule, test } = settleNonProducts(['HAT-RED', 'HAT-BLUE', 'TEE1', 'POST'], []);
    assert.equal(rule.withoutDigit, false);
    assert.deepEqual(['HAT-RED', 'POST', 'TEE'].filter(test), ['POST']);
  });

  it('are matched as text: nothing but * has a meaning', () => {
    const { test } = settleNonProducts(['1'], ['A.1', '[1]', '1+1', 'a\\1', '(1']);
    assert.deepEqual(['A.1', 'AB1', '[1]', '1', '1+1', '11', 'a\\1', '(1'].filter(test), [
      ...['A.1', '[1]', '1+1', 'a\\1', '(1'],
    ]);
  });
});
