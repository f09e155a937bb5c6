import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gpuFactsSchema, gpuSampleSchema } from '../../contract';
import { buildQuery, parseKnownFields, queryFields } from './fields';
import { isHeader, parseRow } from './rows';

function lines(name: string): string[] {
  return readFileSync(join(__dirname, '../../../test/fixtures/nvidia-smi', name), 'utf8')
    .trimEnd()
    .split('\n');
}
const query = buildQuery(parseKnownFields(lines('help-query-gpu.txt')));

function readings(name: string) {
  return lines(name).flatMap((line) => (isHeader(line, query) ? [] : [parseRow(line, query)]));
}

describe('parseKnownFields and buildQuery', () => {
  it('asks a current driver for every field under its new name', () => {
    expect(query.columns.map((column) => column.name)).toEqual(queryFields.map((field) => field.names[0]));
    expect(query.unknown).toEqual([]);
  });

  it('asks an old driver under the old names and leaves out what it does not know', () => {
    const old = buildQuery(parseKnownFields(lines('help-query-gpu-2019.txt')));
    const names = old.columns.map((column) => column.name);
    expect(names).toContain('clocks_throttle_reasons.active');
    expect(names).toContain('power.limit');
    expect(names).not.toContain('clocks_event_reasons.active');
    expect(old.unknown.map((field) => field.names[0])).toEqual(['memory.reserved']);
  });

  it('does not take words of the explanations for fields', () => {
    expect(parseKnownFields(lines('help-query-gpu.txt')).has('enabled')).toBe(false);
  });
});

describe('parseRow', () => {
  it('reads an idle desktop card: zero fan speed is a value, [N/A] is none', () => {
    const [first, ...others] = readings('geforce-idle.csv');
    expect(first).toEqual({
      facts: {
        index: 0,
        uuid: 'GPU-0c1f4c7e-11aa-4b7f-9d0e-6f3f3b1a0001',
        name: 'NVIDIA GeForce RTX 4080',
        driverVersion: '595.71.05',
        computeCapability: '8.9',
        migMode: null,
        persistenceMode: 'Disabled',
        simulated: false,
      },
      values: {
        index: 0,
        utilisationPercent: 0,
        memoryUtilisationPercent: 24,
        memoryTotalBytes: 16_376 * 1024 * 1024,
        memoryUsedBytes: 611 * 1024 * 1024,
        memoryReservedBytes: 431 * 1024 * 1024,
        temperatureCelsius: 34,
        powerWatts: 14.21,
        powerLimitWatts: 320,
        fanPercent: 0,
        smClockMegahertz: 210,
        memoryClockMegahertz: 405,
        performanceState: 'P8',
        throttleReasons: ['idle'],
        missing: { migMode: '[N/A]' },
      },
      lost: false,
    });
    expect(others).toHaveLength(2);
  });

  it('shows utilisation of a card with MIG as missing, never as zero', () => {
    const [reading] = readings('mig-data-centre.csv');
    expect(reading?.facts.migMode).toBe('Enabled');
    expect(reading?.values).toMatchObject({
      utilisationPercent: null,
      memoryUtilisationPercent: null,
      fanPercent: null,
      memoryUsedBytes: 38_214 * 1024 * 1024,
      throttleReasons: [],
      missing: { utilisationPercent: '[N/A]', memoryUtilisationPercent: '[N/A]', fanPercent: '[N/A]' },
    });
  });

  it('keeps the good values of a card that fails in two columns, and the message that follows is no row', () => {
    const all = readings('mixed-then-lost.txt');
    expect(all.map((reading) => reading?.facts.index)).toEqual([0, 1, 0, 1, undefined]);
    expect(all[0]?.values.throttleReasons).toEqual(['software power cap']);
    expect(all[1]).toMatchObject({
      lost: false,
      values: {
        powerWatts: null,
        fanPercent: null,
        temperatureCelsius: 39,
        missing: { powerWatts: '[Unknown Error]', fanPercent: '[Unknown Error]' },
      },
    });
  });

  it('knows a card of which nothing can be read any more', () => {
    expect(readings('all-unknown-error.csv')[0]?.lost).toBe(true);
  });

  it('reads the same with units, which some call for, as without', () => {
    const [, row = ''] = lines('geforce-idle.csv');
    const withUnits = row
      .replace('16376, 431, 611, 0, 24,', '16376 MiB, 431 MiB, 611 MiB, 0 %, 24 %,')
      .replace('14.21, 320.00, 0, 210, 405', '14.21 W, 320.00 W, 0 %, 210 MHz, 405 MHz');
    expect(parseRow(withUnits, query)).toEqual(parseRow(row, query));
  });

  it('finds the columns after a name with a comma', () => {
    const [, row = ''] = lines('geforce-idle.csv');
    const reading = parseRow(row.replace('NVIDIA GeForce RTX 4080', 'Quadro, special, edition'), query);
    expect(reading?.facts.name).toBe('Quadro, special, edition');
    expect(reading?.values.memoryClockMegahertz).toBe(405);
  });

  it('says why a field is missing that this driver does not know', () => {
    const old = buildQuery(parseKnownFields(lines('help-query-gpu-2019.txt')));
    const [, row = ''] = lines('geforce-idle.csv');
    const reading = parseRow(row.replace(', 431,', ','), old);
    expect(reading?.values.memoryReservedBytes).toBeNull();
    expect(reading?.values.missing['memoryReservedBytes']).toContain('memory.reserved');
  });

  it('never turns an absent token into a number, in any column', () => {
    const tokens = fc.constantFrom(
      ...[
        '[N/A]',
        'N/A',
        '',
        '-',
        'ERR!',
        '[Not Supported]',
        '[Unknown Error]',
        '[Insufficient Permissions]',
      ],
      ...['[Requested functionality has been deprecated]', '[GPU is lost]', 'Infinity', '0x', 'nan'],
    );
    fc.assert(
      fc.property(fc.array(tokens, { minLength: 19, maxLength: 19 }), (cells) => {
        const reading = parseRow(['0', ...cells].join(', '), query);
        if (!reading) throw new Error('A row with an index was not read.');
        gpuFactsSchema.parse(reading.facts);
        const sample = gpuSampleSchema.parse({ timeMs: 0, ...reading.values });
        for (const field of queryFields) {
          if (field.to !== 'number') continue;
          expect(sample[field.value]).toBeNull();
          expect(sample.missing[field.value]).toBeTruthy();
        }
      }),
    );
  });

  it('takes no line of text for a row', () => {
    fc.assert(
      fc.property(fc.string(), (line) => {
        expect(parseRow(line, query)).toBeNull();
      }),
    );
  });

  it('knows the simulated device by its name', () => {
    const [, row = ''] = lines('geforce-idle.csv');
    expect(parseRow(row.replace('NVIDIA GeForce RTX 4080', 'Simulated GPU'), query)?.facts.simulated).toBe(
      true,
    );
  });
});
