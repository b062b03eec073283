import { expect, it } from 'vitest';
import { classColor } from '../../lib/results/index.js';

const colors = Array.from({ length: 256 }, (_, classId) => classColor(classId));

it('gives every class a colour of its own, the same every time', () => {
  expect(new Set(colors.map(String)).size).toBeGreaterThanOrEqual(250);
  colors.forEach((color, classId) => expect(classColor(classId)).toEqual(color));
  for (const color of colors) {
    expect(color).toHaveLength(3);
    for (const value of color) expect(Number.isInteger(value) && value >= 0 && value <= 255).toBe(true);
  }
});

it('gives neighbours colours that are far apart', () => {
  const distance = (a: readonly number[], b: readonly number[]): number =>
    Math.hypot(...a.map((value, c) => value - (b[c] as number)));
  for (let classId = 1; classId < 256; classId++) {
    expect(
      distance(colors[classId] as readonly number[], colors[classId - 1] as readonly number[]),
      `class ${classId}`,
    ).toBeGreaterThan(80);
  }
});

it('gives no class the colour of the background, black or nearly so', () => {
  for (const color of colors) expect(Math.max(...color)).toBeGreaterThan(100);
});
