import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { Picture } from '../../lib/image/index.js';
import { classColor, Classification, Detections, type Timing } from '../../lib/results/index.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';
import { asFrame, gradient } from '../image/made-pictures.js';

const timing: Timing = {
  decodeMs: 1,
  preprocessMs: 2,
  queueMs: 3,
  computeMs: 4,
  transferMs: 0,
  postprocessMs: 5,
  copiedBytes: 6,
};
const grey = { data: new Uint8Array(200 * 120 * 3).fill(90), width: 200, height: 120, format: 'rgb' } as const;
const found = new Detections({
  boxes: Float32Array.of(20, 30, 120, 100, 150, 10, 190.5, 50.25),
  scores: Float32Array.of(0.75, 0.5),
  classIds: Int32Array.of(1, 7),
  labels: ['cat', 'dog'],
  width: 200,
  height: 120,
  timing,
});
const nothing = new Detections({ ...found, boxes: new Float32Array(), scores: new Float32Array(), classIds: new Int32Array() });
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-results-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Pixels that differ from the plain grey, as a share of those inside and outside of a box. */
function changed(
  picture: Picture,
  [x1, y1, x2, y2]: readonly [number, number, number, number],
): { inside: number; outside: number } {
  const counts = { inside: 0, outside: 0 };
  const totals = { inside: 0, outside: 0 };
  const { data, width, height } = picture;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const where = x >= x1 && x < x2 && y >= y1 && y < y2 ? 'inside' : 'outside';
      totals[where]++;
      const at = (y * width + x) * 3;
      if (data[at] !== 90 || data[at + 1] !== 90 || data[at + 2] !== 90) counts[where]++;
    }
  }
  return { inside: counts.inside / totals.inside, outside: counts.outside / totals.outside };
}

describe('detections', () => {
  const first = { label: 'dog', classId: 1, score: 0.75, box: [20, 30, 120, 100] };
  const second = { label: '7', classId: 7, score: 0.5, box: [150, 10, 190.5, 50.25] };

  it('are seen one by one, or as arrays', () => {
    expect(found.length).toBe(2);
    expect(found.at(0)).toEqual(first);
    expect([...found]).toEqual([first, second]);
    expect(found.timing).toBe(timing);
    expect([...nothing]).toEqual([]);
  });

  it.each([-1, 2, 0.5, NaN, '0', undefined])('have none at %o', (index) => {
    expectFailure(
      thrownBy(() => found.at(index as number)),
      'INVALID_ARGUMENT',
      /0 to 1 for index but received/,
    );
    expect(thrownBy(() => nothing.at(0)).code).toBe('INVALID_ARGUMENT');
  });

  it('are plain data in JSON', () => {
    expect(JSON.parse(JSON.stringify(found))).toEqual({ width: 200, height: 120, detections: [first, second] });
  });
});

describe('drawn detections', () => {
  it('show where they are', async () => {
    const one = new Detections({
      ...found,
      boxes: found.boxes.slice(0, 4),
      scores: found.scores.slice(0, 1),
      classIds: Int32Array.of(0),
    });
    using picture = await one.draw(grey);
    expect([picture.width, picture.height]).toEqual([200, 120]);
    // The box with its caption, which may stand above it.
    const { inside, outside } = changed(picture, [14, 8, 126, 106]);
    expect(inside).toBeGreaterThan(0.05);
    expect(outside).toBe(0);
    const onEdge = (30 * 200 + 110) * 3;
    expect([...picture.data.subarray(onEdge, onEdge + 3)]).toEqual([...classColor(0)]);
  });

  it('leave the picture alone where there is nothing', async () => {
    using picture = await nothing.draw(grey);
    expect(Uint8Array.from(picture.data)).toEqual(grey.data);
  });

  it('leave the frame that was given untouched', async () => {
    const before = Uint8Array.from(grey.data);
    (await found.draw(grey)).dispose();
    expect(grey.data).toEqual(before);
  });

  it('may be without scores, and tell classes by colour', async () => {
    using withScores = await found.draw(grey);
    using without = await found.draw(grey, { scores: false });
    expect(Uint8Array.from(without.data)).not.toEqual(Uint8Array.from(withScores.data));
    using otherClass = await new Detections({ ...found, classIds: Int32Array.of(0, 7) }).draw(grey, { scores: false });
    expect(Uint8Array.from(otherClass.data)).not.toEqual(Uint8Array.from(without.data));
  });

  it.each([
    [1, 1],
    [3, 200],
    [16, 16],
    [2500, 40],
  ])('fit a picture of %i x %i, with boxes that reach out of it', async (width, height) => {
    const small = { data: new Uint8Array(width * height).fill(90), width, height, format: 'grey' } as const;
    const boxes = Float32Array.of(-50, -50, width + 50, height + 50, 0, 0, width, height, width, height, width, height);
    const large = new Detections({
      ...found,
      boxes,
      scores: Float32Array.of(1, 0.9, 0.8),
      classIds: Int32Array.of(0, 1, 2),
      width,
      height,
    });
    using picture = await large.draw(small);
    expect([picture.width, picture.height]).toEqual([width, height]);
  });

  it('grow with the picture, to stay legible', async () => {
    const changedPixels = async (scale: number): Promise<number> => {
      const frame = {
        data: new Uint8Array(200 * 120 * scale * scale).fill(90),
        width: 200 * scale,
        height: 120 * scale,
        format: 'grey',
      } as const;
      const scaled = new Detections({
        ...found,
        boxes: found.boxes.map((value) => value * scale),
        width: frame.width,
        height: frame.height,
      });
      using picture = await scaled.draw(frame);
      return changed(picture, [0, 0, frame.width, frame.height]).inside;
    };
    // Lines of one width and letters of one size would halve their share in a picture twice as large.
    expect(await changedPixels(20)).toBeGreaterThan((await changedPixels(10)) * 0.7);
  });

  it('take labels of any script and length', async () => {
    const labels = ['Fußgänger', '行人 🚶', 'x'.repeat(500), '', '\u0000\n\t'];
    for (const label of labels) {
      using picture = await new Detections({ ...found, labels: [label, label] }).draw(grey);
      expect(picture.width).toBe(200);
    }
  });

  it('are written in every format', async () => {
    using picture = await found.draw(grey);
    for (const [name, format] of [
      ['a.png', 'png'],
      ['a.jpg', 'jpeg'],
      ['a.webp', 'webp'],
    ] as const) {
      await picture.toFile(join(folder, name));
      const { info } = await sharp(readFileSync(join(folder, name))).toBuffer({ resolveWithObject: true });
      expect([info.format, info.width, info.height]).toEqual([format, 200, 120]);
    }
  });

  it('are drawn into a copy of a picture that was decoded before', async () => {
    using decoded = await Picture.read(grey);
    using drawn = await found.draw(decoded);
    using fromFrame = await found.draw(grey);
    expect(drawn.data).toEqual(fromFrame.data);
    expect(decoded.data).toEqual(grey.data);
  });

  it('refuse wrong options and pictures', async () => {
    expectFailure(
      await rejectionOf(found.draw(grey, { score: true } as never)),
      'UNKNOWN_OPTION',
      /"score" in draw options/,
      /"scores"/,
    );
    expectFailure(await rejectionOf(found.draw(grey, { scores: 1 } as never)), 'INVALID_ARGUMENT', /for scores/);
    const other = asFrame(gradient(40, 30));
    expectFailure(await rejectionOf(found.draw(other)), 'INVALID_ARGUMENT', /40 x 30/, /that the result is of/);
    expectFailure(await rejectionOf(found.draw('missing.jpg')), 'MEDIA_NOT_FOUND', /missing\.jpg/);
    expectFailure(await rejectionOf(found.draw(grey, { signal: AbortSignal.abort() })), 'ABORTED', /aborted/);
  });
});

describe('a classification', () => {
  const ranked = new Classification({
    classIds: Int32Array.of(1, 0, 9),
    scores: Float32Array.of(0.5, 0.25, 0.125),
    labels: ['cat', 'dog'],
    width: 200,
    height: 120,
    timing,
  });

  it('is seen class by class', () => {
    expect(ranked.length).toBe(3);
    expect(ranked.top).toEqual({ label: 'dog', classId: 1, score: 0.5 });
    expect([...ranked].map(({ label }) => label)).toEqual(['dog', 'cat', '9']);
    expect(JSON.parse(JSON.stringify(ranked))).toEqual({
      width: 200,
      height: 120,
      classes: [
        { label: 'dog', classId: 1, score: 0.5 },
        { label: 'cat', classId: 0, score: 0.25 },
        { label: '9', classId: 9, score: 0.125 },
      ],
    });
  });

  it('is written into the corner of the picture', async () => {
    const { data, width, height } = gradient(300, 200);
    const frame = { data, width, height, format: 'rgb' } as const;
    using picture = await ranked.draw(frame);
    expect([picture.width, picture.height]).toEqual([300, 200]);
    const differs = (from: number, to: number): boolean =>
      Buffer.compare(Buffer.from(picture.data.subarray(from, to)), Buffer.from(data.subarray(from, to))) !== 0;
    expect(differs(0, (data.length / 3) | 0)).toBe(true);
    expect(differs(data.length - 300 * 3 * 20, data.length)).toBe(false);
  });
});
