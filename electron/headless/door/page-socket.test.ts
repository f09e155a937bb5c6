import { expect, it } from 'vitest';
import { contract, maxTerminals } from '../../contract';
import { socketLimits } from './page-socket';

it('has room for as many terminals as there may be, all flooding a page that takes nothing yet', () => {
  const { windowBytes } = contract.streams['terminal.attach'];
  expect(socketLimits.maxBufferedBytes).toBeGreaterThanOrEqual(2 * maxTerminals * windowBytes);
});
