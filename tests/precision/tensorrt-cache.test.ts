import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readTensorRtCache, writeTensorRtCache } from '../../lib/precision/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-cache-'));
  path = join(folder, 'calib.cache');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ranges = new Map([
  ['images', { min: 0, max: 1 }],
  ['/model.0/conv/Conv_output_0', { min: -127, max: 3 }],
  ['(Unnamed Layer* 64) [Shuffle]: output', { min: -2, max: 254 }],
  ['zeros', { min: 0, max: 0 }],
]);

describe("TensorRT's calibration cache", () => {
  it.each([
    ['8.6.1', 'TRT-8601'],
    ['8.5.10', 'TRT-8510'],
    ['10.0.1', 'TRT-100001'],
    ['10.14.1', 'TRT-101401'],
    ['10.14.1.48', 'TRT-101401'],
  ])('is written for %s as TensorRT writes it, and read again', async (version, header) => {
    await writeTensorRtCache(ranges, path, { version });
    // Scales of 1 / 127, 1 and 2 as the bits of floats.
    expect(readFileSync(path, 'utf8')).toBe(
      `${header}-EntropyCalibration2\nimages: 3c010204\n/model.0/conv/Conv_output_0: 3f800000\n(Unnamed Layer* 64) [Shuffle]: output: 40000000\nzeros: 0\n`,
    );
    const cache = await readTensorRtCache(path);
    expect(cache).toMatchObject({ version: version.split('.').slice(0, 3).join('.'), algorithm: 'EntropyCalibration2' });
    expect([...cache.ranges.keys()]).toEqual([...ranges.keys()]);
    expect(cache.ranges.get('images')!.max).toBeCloseTo(1, 7);
    expect(cache.ranges.get('(Unnamed Layer* 64) [Shuffle]: output')).toEqual({ min: -254, max: 254 });
    await writeTensorRtCache(cache.ranges, path, { version });
    expect((await readTensorRtCache(path)).ranges).toEqual(cache.ranges);
  });

  it('is read with the ends of lines of Windows, and of other calibrators and versions', async () => {
    writeFileSync(path, 'TRT-7103-MinMaxCalibration\r\ndata: 4000889D\r\n');
    const { version, algorithm, ranges } = await readTensorRtCache(path);
    expect([version, algorithm, ranges.size]).toEqual(['7.1.3', 'MinMaxCalibration', 1]);
    expect(ranges.get('data')!.max).toBeCloseTo(2.00834 * 127, 2);
  });

  it.each([
    ['', /line 1: expected a header/],
    ['{"a": 1}', /line 1: expected a header such as TRT-8601/],
    ['TRT-8601-EntropyCalibration2\nimages 3c010204\n', /line 2: expected a name, a colon/],
    ['TRT-8601-EntropyCalibration2\nimages: 3c0102041\n', /line 2: expected a name, a colon/],
    ['TRT-8601-EntropyCalibration2\n\nimages: 7fc00000\n', /line 3: 7fc00000 are not the bits of a scale, they are those of NaN/],
    ['TRT-8601-EntropyCalibration2\nimages: bf800000\n', /line 2: .* those of -1/],
    ['TRT-8601-EntropyCalibration2\na: 3c010204\na: 3c010204\n', /line 3: "a" stands there a second time/],
  ])('is refused where it is damaged: %j', async (text, message) => {
    writeFileSync(path, text);
    expectFailure(await rejectionOf(readTensorRtCache(path)), 'CALIBRATION_INVALID', message, /damaged/);
  });

  it('is not written for what no cache can hold', async () => {
    const write = (all: ConstructorParameters<typeof Map<string, { min: number; max: number }>>[0], version = '8.6.1') =>
      rejectionOf(writeTensorRtCache(new Map(all), path, { version }));
    expectFailure(await write([['a\nb', { min: 0, max: 1 }]]), 'INVALID_ARGUMENT', /names of one line/);
    expectFailure(await write([['a', { min: NaN, max: 1 }]]), 'INVALID_ARGUMENT', /a finite range/);
    for (const version of ['9.1.0', '8', '8.6', 'TRT-8601', '8.10.0'])
      expectFailure(await write([], version), 'INVALID_ARGUMENT', /a version of TensorRT 8 or 10/);
  });
});
