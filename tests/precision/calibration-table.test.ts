import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { CalibrationTable } from '../../lib/precision/index.js';
import { packFloats } from '../../lib/precision/packed-numbers.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';
import { tableOf } from './made-statistics.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-table-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const five = [3, 1, 4, 0, 7];

/** All of a table but the means of channels, whose last digit depends on the way there. */
function counted(table: CalibrationTable): unknown {
  return {
    pictures: table.pictures,
    tensors: table.tensors.map(({ channels, ...others }) => ({ ...others, min: channels?.min })),
  };
}

describe('CalibrationTable', () => {
  it('is read as it was written, and the file is small', async () => {
    const path = join(folder, 'table.json');
    const doubts = [{ code: 'TOO_FEW_PICTURES', message: 'few' }];
    const table = tableOf(five, { doubts, wanted: 9, seed: 7 });
    await table.save(path);
    expect(await CalibrationTable.read(path)).toEqual(table);
    expect(readdirSync(folder)).toEqual(['table.json']);
    // Two histograms of thousands of bins, most of them empty or with a single element.
    expect(statSync(path).size).toBeLessThan(20_000);
  });

  it('keeps infinite ranges of pictures and tensors without finite elements', async () => {
    const path = join(folder, 'table.json');
    const [tensor] = tableOf([1]).tensors;
    const empty = {
      ...tensor!,
      count: 0,
      nonFinite: 2000,
      min: 0,
      max: 0,
      pictures: { min: Float32Array.of(Infinity), max: Float32Array.of(-Infinity) },
      histogram: { exponent: 0, first: 0, counts: new Float64Array(0) },
    };
    const table = tableOf([1], { tensors: [empty] });
    await table.save(path);
    expect(await CalibrationTable.read(path)).toEqual(table);
    const other = tableOf([2], { tensors: [{ ...tableOf([2]).tensors[0]! }] });
    const merged = table.merge(other).tensors[0]!;
    expect(merged).toMatchObject({ min: other.tensors[0]!.min, max: other.tensors[0]!.max, nonFinite: 2000 });
    expect(merged.histogram).toEqual(other.tensors[0]!.histogram);
    expect(other.merge(table).tensors[0]!.histogram).toEqual(other.tensors[0]!.histogram);
  });

  it('does not depend on the order of the pictures', () => {
    expect(tableOf(five)).not.toBe(tableOf([...five].reverse()));
    expect(counted(tableOf([...five].reverse()))).toEqual(counted(tableOf(five)));
  });

  it('merges to what one calibration with all pictures gives, whichever comes first', () => {
    const whole = tableOf(five);
    for (const [left, right] of [
      [
        [3, 1],
        [4, 0, 7],
      ],
      [[7], [0, 1, 3, 4]],
    ] as const) {
      const [a, b] = [tableOf(left), tableOf(right)];
      expect(counted(a.merge(b))).toEqual(counted(whole));
      expect(counted(b.merge(a))).toEqual(counted(whole));
      a.merge(b).tensors.forEach(({ channels }, i) => {
        channels!.meanSquare.forEach((value, c) => expect(value).toBeCloseTo(whole.tensors[i]!.channels!.meanSquare[c]!, 6));
        channels!.mean.forEach((value, c) => expect(value).toBeCloseTo(whole.tensors[i]!.channels!.mean[c]!, 8));
      });
      expect(a.merge(b).wanted).toBe(5);
    }
  });

  it('is not merged with what it does not belong to', () => {
    const table = tableOf([1, 2]);
    const refused = (other: CalibrationTable) => thrownBy(() => table.merge(other));
    expectFailure(refused(tableOf([2, 3])), 'CALIBRATION_INVALID', /1 picture is in both/, /one of them only/);
    const model = { name: 'other.onnx', sha256: 'cd'.repeat(32) };
    expectFailure(refused(tableOf([3], { model })), 'CALIBRATION_INVALID', /another model: model.onnx .* not other.onnx/);
    const preprocess = { ...table.preprocess, mean: [1, 2, 3] as const };
    expectFailure(refused(tableOf([3], { preprocess })), 'CALIBRATION_INVALID', /mean 0,0,0, not 1,2,3/, /Calibrate again/);
    expectFailure(refused(tableOf([3], { tensors: [tableOf([3]).tensors[0]!] })), 'CALIBRATION_INVALID', /other tensors/);
    expectFailure(
      thrownBy(() => table.merge({} as CalibrationTable)),
      'INVALID_ARGUMENT',
      /a CalibrationTable/,
    );
  });

  it('has no seed where tables of different seeds are merged', () => {
    expect(tableOf([1], { seed: 1 }).merge(tableOf([2], { seed: 2 })).seed).toBeUndefined();
    expect(tableOf([1], { seed: 1 }).merge(tableOf([2], { seed: 1 })).seed).toBe(1);
  });

  it('shows itself', () => {
    const tensor = tableOf([1]).tensors[0]!;
    const dead = { ...tensor, nonFinite: 3, channels: { ...tensor.channels!, max: tensor.channels!.min } };
    const text = tableOf([1], { tensors: [dead], wanted: 4, doubts: [{ code: 'X', message: 'odd\x1b' }] }).toText();
    expect(text).toMatch(/^Calibration of model.onnx, SHA-256 abababababab, by foveate/);
    expect(text).toMatch(/pictures +1 of 4: interrupted/);
    expect(text).toMatch(/forced +odd\uFFFD/);
    expect(text).toMatch(/conv: 1 .* 3 +4\/4$/m);
  });
});

describe('CalibrationTable.read', () => {
  /** The reason why a changed table is refused. */
  async function reading(change: (table: Record<string, never>) => void): Promise<Error> {
    const path = join(folder, 'table.json');
    await tableOf([1, 2]).save(path);
    const table = JSON.parse(readFileSync(path, 'utf8')) as Record<string, never>;
    change(table);
    writeFileSync(path, JSON.stringify(table));
    return rejectionOf(CalibrationTable.read(path));
  }
  const set = (path: string, value: unknown) => (table: Record<string, unknown>) => {
    const names = path.split('.');
    const last = names.pop() as string;
    let at = table as Record<string, Record<string, unknown>>;
    for (const name of names) at = at[name] as never;
    (at as Record<string, unknown>)[last] = value;
  };

  it.each([
    ['no model', set('model', undefined), /model: expected an object but received undefined/],
    ['a damaged hash', set('model.sha256', 'xyz'), /model\.sha256: expected 64 hexadecimal digits/],
    ['a list for an object', set('tensors.0.histogram', []), /tensors\[0\]\.histogram: expected an object/],
    ['a count that is text', set('tensors.0.count', '2000'), /tensors\[0\]\.count: expected an integer/],
    ['a count that is not whole', set('tensors.0.count', 1.5), /tensors\[0\]\.count: expected an integer/],
    ['counts that do not add up', set('tensors.0.count', 1999), /counts that add up to 1999 but received 4000/],
    ['no number for the range', set('tensors.0.min', null), /tensors\[0\]\.min: expected a finite number but received null/],
    ['a range upside down', set('tensors.0.min', 1e9), /tensors\[0\]\.min: expected at most max/],
    ['a range beside the bins', set('tensors.0.max', 1e4), /tensors\[0\]\.histogram: expected bins from/],
    ['bins elsewhere', set('tensors.0.histogram.first', 5), /tensors\[0\]\.histogram: expected bins from/],
    ['counts that are no base64', set('tensors.0.histogram.counts', '%%%'), /histogram\.counts: expected counts/],
    ['counts cut short', set('tensors.0.histogram.counts', 'gA=='), /histogram\.counts: expected counts/],
    ['too many bins', set('tensors.0.histogram.counts', Buffer.of(0, 0xff, 0xff, 0x7f).toString('base64')), /at most 8192 bins/],
    ['pictures missing in a tensor', set('tensors.0.pictures.min', 'AAAAAA=='), /pictures\.min: expected 2 numbers/],
    ['channels that are too many', set('tensors.0.channels.count', 5), /channels\.min: expected 5 numbers/],
    [
      'a picture twice',
      (t: Record<string, unknown>) => ((t['pictures'] as unknown[])[1] = (t['pictures'] as unknown[])[0]),
      /pictures: expected pictures that differ/,
    ],
    [
      'a tensor twice',
      (t: Record<string, unknown>) => ((t['tensors'] as unknown[])[1] = (t['tensors'] as unknown[])[0]),
      /tensors of different names/,
    ],
    ['unknown preprocessing', set('preprocess.fit', 'squash'), /preprocess: Expected one of letterbox/],
    [
      'a picture without a range',
      set('tensors.0.pictures.min', packFloats(Float32Array.of(NaN, 0))),
      /pictures\.min: expected at most/,
    ],
    [
      'an endless picture',
      set('tensors.0.pictures.min', packFloats(Float32Array.of(0, -Infinity))),
      /pictures\.min: expected at most/,
    ],
    [
      'a channel upside down',
      set('tensors.0.channels.max', packFloats(new Float32Array(4).fill(-9))),
      /channels\.min: expected at most/,
    ],
    [
      'means that are none',
      set('tensors.0.channels.mean', packFloats(Float64Array.of(0, 0, NaN, 0))),
      /channels: expected finite means/,
    ],
    [
      'squares below 0',
      set('tensors.0.channels.meanSquare', packFloats(new Float64Array(4).fill(-1))),
      /channels: expected finite means/,
    ],
    ['an absurd exponent', set('tensors.0.histogram.exponent', 1e6), /exponent: expected an integer/],
  ])('refuses %s', async (_, change, message) => {
    const error = await reading(change as never);
    expectFailure(error as never, 'CALIBRATION_INVALID', message, /damaged or cut short/);
  });

  it('refuses what is newer, other, cut short or not there', async () => {
    expectFailure(
      (await reading(set('calibrationTable', 2) as never)) as never,
      'CALIBRATION_INVALID',
      /format is 2/,
      /Update foveate/,
    );
    const path = join(folder, 'table.json');
    await tableOf([1]).save(path);
    truncateSync(path, 500);
    expectFailure(await rejectionOf(CalibrationTable.read(path)), 'CALIBRATION_INVALID', /it is no JSON/, /cut short/);
    writeFileSync(path, '{"task":"detect"}');
    expectFailure(await rejectionOf(CalibrationTable.read(path)), 'CALIBRATION_INVALID', /it is none/, /foveate calibrate/);
    expectFailure(
      await rejectionOf(CalibrationTable.read(folder)),
      'CALIBRATION_INVALID',
      /Cannot read .*EISDIR/,
      /Check the path/,
    );
    expectFailure(await rejectionOf(CalibrationTable.read(join(folder, 'no'))), 'CALIBRATION_INVALID', /ENOENT/);
  });

  it('leaves the old table where the new one cannot be written', async () => {
    expectFailure(await rejectionOf(tableOf([1]).save(join(folder, 'no/table.json'))), 'OUTPUT_NOT_WRITABLE', /no such file/);
  });
});
