/** MOTChallenge files: what is read, and where what is wrong is said to be. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { evaluateTracking, readMotFile } from '../../lib/metrics/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { sequenceRows, trackedObjects } from './tracks.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-mot-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function written(text: string | Uint8Array): string {
  const path = join(folder, 'gt.txt');
  writeFileSync(path, text);
  return path;
}

describe('readMotFile', () => {
  it('reads truth, with classes', async () => {
    const objects = await readMotFile(written('1,2,10.5,-20,30,4e1,1,1,0.25\n3,2,11,20,30,40,0,7,1\n'));
    expect(objects).toEqual({
      frames: Int32Array.of(1, 3),
      ids: Int32Array.of(2, 2),
      boxes: Float64Array.of(10.5, -20, 30, 40, 11, 20, 30, 40),
      confidences: Float64Array.of(1, 0),
      classes: Int32Array.of(1, 7),
    });
  });

  it.each([
    ['ten columns, x, y and z', '1,2,10,20,30,40,0.5,-1,-1.5,-1'],
    ['seven columns', '1,2,10,20,30,40,0.5'],
    ['spaces', '1 2  10 20\t30 40 .5'],
    ['commas and spaces', ' 1, 2.0, 10, 20, 30, 40, 5e-1 '],
    ['a comma at the end', '1,2,10,20,30,40,0.5,'],
    ['line feeds of Windows, and empty lines', '\r\n1,2,10,20,30,40,0.5\r\n\r\n'],
    ['a byte order mark', '\uFEFF1,2,10,20,30,40,+0.50'],
  ])('reads results with %s', async (_, text) => {
    expect(await readMotFile(pathToFileURL(written(text)))).toEqual({
      frames: Int32Array.of(1),
      ids: Int32Array.of(2),
      boxes: Float64Array.of(10, 20, 30, 40),
      confidences: Float64Array.of(0.5),
    });
  });

  it('reads nothing from an empty file', async () => {
    expect((await readMotFile(written(''))).frames).toHaveLength(0);
  });

  it('gives the same numbers as the arrays that a file was written from', async () => {
    const { truth, found } = sequenceRows({ seed: 9, objects: 30, frames: 200, unit: 1 / 3 });
    const lines = (rows: readonly (readonly number[])[]): string => rows.map((row) => `${row.join(',')}\n`).join('');
    const read = {
      truth: await readMotFile(written(lines(truth))),
      found: await readMotFile(written(lines(found))),
    };
    expect(read.truth).toEqual(trackedObjects(truth));
    const [fromFiles, fromArrays] = await Promise.all(
      [read, { truth: trackedObjects(truth), found: trackedObjects(found) }].map((sides) =>
        evaluateTracking([{ name: 'one', ...sides }]),
      ),
    );
    expect(fromFiles).toEqual(fromArrays);
  });

  const good = '1,1,0,0,1,1,1,1,1\n';
  it.each([
    ['too few columns', '1,1,0,0,1,1', 1, /expected 7 to 10 columns but there are 6/],
    ['too many columns', `${'1,'.repeat(10)}1`, 1, /there are 11/],
    ['other columns than before', `${good}2,1,0,0,1,1,1`, 2, /expected 9 columns, as in the lines before, but there are 7/],
    ['words', `${good}\n2,one,0,0,1,1,1,1,1`, 3, /expected a number for id but received "one"/],
    ['nothing', `2,1,,0,1,1,1,1,1`, 1, /expected a number for left but received ""/],
    ['hexadecimal numbers', `2,1,0x10,0,1,1,1,1,1`, 1, /for left but received "0x10"/],
    ['infinity', `2,1,0,0,inf,1,1,1,1`, 1, /for width but received "inf"/],
    ['numbers too large', `2,1,0,0,1,1e999,1,1,1`, 1, /for height but received "1e999"/],
    ['NaN', `2,1,0,0,1,1,nan,1,1`, 1, /for confidence/],
    ['words where a column is not kept', `2,1,0,0,1,1,1,1,full`, 1, /for visibility but received "full"/],
    ['words in place of coordinates', `2,1,0,0,1,1,1,1,1,up`, 1, /for z but received "up"/],
    ['frame 0', `0,1,0,0,1,1,1,1,1`, 1, /expected a whole number from 1 to 2147483647 for frame but received 0/],
    ['half a frame', `1.5,1,0,0,1,1,1,1,1`, 1, /for frame but received 1.5/],
    ['ids of 64 bits', `1,2147483648,0,0,1,1,1,1,1`, 1, /expected a whole number of 32 bits for id but received 2147483648/],
    ['half a class', `1,1,0,0,1,1,1,1.5,1`, 1, /for class but received 1.5/],
    ['an id twice in a frame', `${good}1,2,0,0,1,1,1,1,1\n${good}`, 3, /frame 1 has id 1 already in line 1/],
    ['a picture', new Uint8Array(1e6).fill(0x89), 1, /more than 4096 characters/],
  ])('refuses %s', async (_, text, line, message) => {
    const path = written(text);
    const error = await rejectionOf(readMotFile(path));
    expectFailure(error, 'DATASET_INVALID', message);
    expect(error.message).toContain(`${path}:${line}: `);
    expect(error.details).toEqual({ file: path, line });
  });

  it('says what is missing', async () => {
    expectFailure(
      await rejectionOf(readMotFile(join(folder, 'none.txt'))),
      'DATASET_NOT_FOUND',
      /Cannot read ".*none.txt": ENOENT/,
    );
    expectFailure(await rejectionOf(readMotFile(folder)), 'DATASET_NOT_FOUND', /EISDIR/);
    expectFailure(await rejectionOf(readMotFile('')), 'INVALID_ARGUMENT', /path/);
    expectFailure(await rejectionOf(readMotFile('a', { singal: 1 } as object)), 'UNKNOWN_OPTION', /"singal"/, /signal/);
  });

  it('stops when it is aborted, before and during', async () => {
    const path = written(Array.from({ length: 100_000 }, (_, i) => `${i + 1},1,0,0,1,1,1`).join('\n'));
    expectFailure(await rejectionOf(readMotFile(path, { signal: AbortSignal.abort() })), 'ABORTED', /aborted/);
    const controller = new AbortController();
    const reading = rejectionOf(readMotFile(path, { signal: controller.signal }));
    setImmediate(() => controller.abort('enough'));
    const error = await reading;
    expectFailure(error, 'ABORTED', /aborted/);
    expect(error.cause).toBe('enough');
  });
});
