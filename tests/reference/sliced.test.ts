/** Slices and what is merged across them, against sahi; the fixture's form is described in heads/sliced.py. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { native } from '../../lib/binding/index.js';
import { sliceAreas } from '../../lib/tasks/slices.js';

interface Boxes {
  readonly boxes: readonly (readonly number[])[];
  readonly scores: readonly number[];
  readonly classIds: readonly number[];
}

interface Fixture {
  readonly slices: readonly {
    readonly picture: readonly [number, number];
    readonly slice: readonly [number, number];
    readonly overlap: readonly [number, number];
    readonly expected: readonly (readonly number[])[];
  }[];
  readonly merges: readonly (Boxes & {
    readonly method: 'NMS' | 'GREEDYNMM';
    readonly metric: 'IOU' | 'IOS';
    readonly threshold: number;
    readonly classAgnostic: boolean;
    readonly expected: Boxes;
  })[];
}

const fixture = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/heads/sliced.json'), 'utf8')) as Fixture;

describe('slices', () => {
  const uniform = fixture.slices.filter(({ overlap: [across, down] }) => across === down);
  test.each(uniform)('of $slice from $picture are those of the reference', ({ picture, slice, overlap, expected }) => {
    const [width, height] = picture;
    const areas = sliceAreas({ width, height }, { width: slice[0], height: slice[1], overlap: overlap[0] });
    const unique = (boxes: readonly (readonly number[])[]): string[] => [...new Set(boxes.map(String))].sort();
    expect(unique(areas.map(({ x, y, width: w, height: h }) => [x, y, x + w, y + h]))).toEqual(unique(expected));
  });
});

describe('boxes across slices', () => {
  test.each(fixture.merges)('$method, $metric from $threshold on', async (given) => {
    const { metric, threshold, method, classAgnostic, expected } = given;
    const options = {
      metric: metric.toLowerCase(),
      threshold,
      grow: method === 'GREEDYNMM',
      classAgnostic,
      maxDetections: 1000,
    };
    const [boxes, scores] = [Float32Array.from(given.boxes.flat()), Float32Array.from(given.scores)];
    const merged = await native().detectionsMerge(boxes, scores, Int32Array.from(given.classIds), options);
    expect([...merged.kept].map((i) => given.classIds[i])).toEqual(expected.classIds);
    [...merged.kept].forEach((from, i) => expect(given.scores[from]).toBeCloseTo(expected.scores[i]!, 5));
    const flat = expected.boxes.flat();
    expect(merged.boxes.length).toBe(flat.length);
    merged.boxes.forEach((value, i) => expect(Math.abs(value - flat[i]!)).toBeLessThan(1e-3));
  });
});
