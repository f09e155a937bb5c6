import { expect, test } from 'vitest';
import { toHistory } from './history';

test('Calls, what tools answered, and the text after them are one answer of the model', () => {
  expect(
    toHistory([
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: 'How is the weather?' },
      {
        role: 'assistant',
        content: 'I look.',
        calls: [
          { id: 'a', name: 'get_weather', arguments: { city: 'Paris' } },
          { id: 'b', name: 'get_time', arguments: {} },
        ],
      },
      { role: 'tool', callId: 'b', content: 'noon' },
      { role: 'tool', callId: 'a', content: '{"celsius":21}' },
    ]),
  ).toEqual([
    { type: 'system', text: 'Be short.' },
    { type: 'user', text: 'How is the weather?' },
    {
      type: 'model',
      response: [
        'I look.',
        {
          type: 'functionCall',
          name: 'get_weather',
          params: { city: 'Paris' },
          result: { celsius: 21 },
          startsNewChunk: true,
        },
        { type: 'functionCall', name: 'get_time', params: {}, result: 'noon', startsNewChunk: false },
      ],
    },
  ]);
});

test('An answer that is complete is not gone on with', () => {
  expect(
    toHistory([
      { role: 'user', content: 'One?' },
      { role: 'assistant', content: 'Yes.', calls: [] },
      { role: 'user', content: 'Two?' },
    ]),
  ).toEqual([
    { type: 'user', text: 'One?' },
    { type: 'model', response: ['Yes.'] },
    { type: 'user', text: 'Two?' },
    { type: 'model', response: [] },
  ]);
});
