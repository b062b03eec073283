/** Frames of video against OpenCV and the standards; the fixture's form is described in frames.py. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { Picture, type RawFrame } from '../../lib/image/index.js';
import { eachState } from './shared.js';

type Format = 'nv12' | 'i420' | 'yuyv';

const cases = readFileSync(join(import.meta.dirname, 'fixtures/frames.txt'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(' ') as [Format, string, string, 'bt601' | 'bt709', 'limited' | 'full', string, string?]);

function fnv1a(data: Uint8Array): string {
  let value = 0xcbf29ce484222325n;
  for (const byte of data) value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n);
  return value.toString(16).padStart(16, '0');
}

/** Used bytes of the rows of each plane. */
function rowsOf(format: Format, width: number, height: number): readonly (readonly [rows: number, bytes: number])[] {
  const [pairs, half] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  if (format === 'yuyv') return [[height, pairs * 4]];
  const luma = [height, width] as const;
  if (format === 'nv12') return [luma, [half, pairs * 2]];
  return [luma, [half, pairs], [half, pairs]];
}

function noise(format: Format, width: number, height: number): Uint8Array {
  const data = new Uint8Array(rowsOf(format, width, height).reduce((sum, [rows, bytes]) => sum + rows * bytes, 0));
  eachState(data.length, (state, i) => (data[i] = state >>> 24));
  return data;
}

/** The same frame with rows `stride` apart, chroma as the format says. */
function spread(frame: RawFrame, format: Format, stride: number): RawFrame {
  const from = frame.data as Uint8Array;
  const distance = (plane: number): number => {
    if (plane === 0) return stride;
    return Math.ceil(stride / 2) * (format === 'nv12' ? 2 : 1);
  };
  const rows: Uint8Array[] = [];
  let offset = 0;
  rowsOf(format, frame.width, frame.height).forEach(([count, bytes], plane) => {
    for (let y = 0; y < count; y++, offset += bytes) {
      const row = new Uint8Array(distance(plane)).fill(0xaa);
      row.set(from.subarray(offset, offset + bytes));
      rows.push(row);
    }
  });
  return { ...frame, data: Buffer.concat(rows), stride };
}

test.each(cases)('%s of %s x %s, %s %s', async (format, width, height, colorMatrix, colorRange, hash, pixels) => {
  const size = { width: Number(width), height: Number(height) };
  const frame: RawFrame = { data: noise(format, size.width, size.height), format, ...size, colorMatrix, colorRange };
  const packed = rowsOf(format, size.width, size.height)[0]?.[1] as number;
  for (const given of [frame, spread(frame, format, packed + 3), spread(frame, format, packed + 8)]) {
    using picture = await Picture.read(given);
    expect([picture.width, picture.height]).toEqual([size.width, size.height]);
    if (pixels === undefined) {
      expect(fnv1a(picture.data)).toBe(hash);
      continue;
    }
    const expected = Buffer.from(pixels, 'base64');
    expect(picture.data.length).toBe(expected.length);
    picture.data.forEach((value, i) => expect(Math.abs(value - (expected[i] as number))).toBeLessThanOrEqual(1));
  }
});

test('a frame is BT.601 in the limited range unless it says otherwise', async () => {
  const frame = { data: noise('nv12', 8, 8), width: 8, height: 8, format: 'nv12' } as const;
  using plain = await Picture.read(frame);
  using said = await Picture.read({ ...frame, colorMatrix: 'bt601', colorRange: 'limited' });
  using other = await Picture.read({ ...frame, colorMatrix: 'bt709' });
  expect(plain.data).toEqual(said.data);
  expect(plain.data).not.toEqual(other.data);
});
