import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { limitedRefusals } from './refusal-log';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function make() {
  const lines: string[] = [];
  const refuse = limitedRefusals((reason, { address, leftOut, method }) =>
    lines.push([reason, method, address, ...(leftOut === undefined ? [] : [leftOut])].join(' ')),
  );
  return { lines, refuse };
}

it('is one line of each reason and address a minute, and one with how many were left out', () => {
  const { lines, refuse } = make();
  for (let each = 0; each < 1_000; each += 1) refuse('wrong', { method: 'POST', address: '127.0.0.1' });
  refuse('wrong', { method: 'POST', address: '::1' });
  refuse('other', { method: 'GET', address: '127.0.0.1' });
  const first = ['wrong POST 127.0.0.1', 'wrong POST ::1', 'other GET 127.0.0.1'];
  expect(lines).toEqual(first);
  vi.advanceTimersByTime(60_000);
  expect(lines).toEqual([...first, 'wrong POST 127.0.0.1 999']);
  refuse('wrong', { method: 'POST', address: '127.0.0.1' });
  expect(lines.slice(4)).toEqual(['wrong POST 127.0.0.1']);
});

it('stays small however many addresses there are', () => {
  const { lines, refuse } = make();
  for (let each = 0; each < 10_000; each += 1) {
    refuse('wrong', { method: 'GET', address: `10.0.${String(each >> 8)}.${String(each & 255)}` });
  }
  expect(lines).toHaveLength(201);
  expect(lines.at(-1)).toBe('wrong GET further addresses');
  vi.advanceTimersByTime(60_000);
  expect(lines.slice(201)).toEqual(['wrong GET further addresses 9799']);
});
