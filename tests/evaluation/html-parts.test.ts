import { describe, expect, it } from 'vitest';

import { placeOf, regionOf } from '../../lib/evaluation/report/html/example-view.js';
import {
  contrast,
  dark,
  heatColor,
  heatStep,
  heatSteps,
  light,
  marks,
  textColorOn,
} from '../../lib/evaluation/report/html/palette.js';

describe.each(Object.entries({ light, dark }))('the %s palette', (_, theme) => {
  it('has a contrast of 4.5 where there is text', () => {
    for (const text of [theme.ink, theme.muted, theme.accent, theme.warn]) {
      for (const background of [theme.page, theme.surface]) expect(contrast(text, background)).toBeGreaterThanOrEqual(4.5);
    }
    expect(contrast(theme.page, theme.ink)).toBeGreaterThanOrEqual(4.5); // a button that is pressed
  });

  it('has a contrast of 4.5 in every cell of a heat map', () => {
    for (const strongest of [theme.right, theme.wrong]) {
      for (let step = 1; step <= heatSteps; step++) {
        const color = heatColor(theme, strongest, step);
        expect(contrast(textColorOn(color), color)).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  it('has a contrast of 3 for curves', () => {
    for (const color of theme.series) expect(contrast(color, theme.surface)).toBeGreaterThanOrEqual(3);
  });
});

it('has a contrast of 4.5 for the names of boxes', () => {
  for (const tag of [marks.truthTag, marks.foundTag]) expect(contrast(marks.tagText, tag)).toBeGreaterThanOrEqual(4.5);
});

it('measures contrast as WCAG does', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 6);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2); // the known grey that just fails
});

it('gives rare mistakes a step, and what is next to nothing none', () => {
  expect([0, Number.NaN, 0.0001, 0.001, 0.25, 1, 2].map(heatStep)).toEqual([0, 0, 0, 1, 4, 8, 8]);
});

describe('regionOf', () => {
  const found = (...corners: readonly [number, number, number, number][]) =>
    corners.map((box) => ({ box, role: 'found' as const, label: '' }));

  it('is the picture without boxes, and where the boxes fill it', () => {
    const whole = { x: 0, y: 0, width: 640, height: 480 };
    expect(regionOf([], 640, 480)).toEqual(whole);
    expect(regionOf(found([10, 10, 600, 400]), 640, 480)).toEqual(whole);
    expect(regionOf(found([-100, -100, 900, 900]), 640, 480)).toEqual(whole);
  });

  it('has all boxes in its middle, with what is around them, in 4 : 3', () => {
    expect(regionOf(found([300, 200, 350, 250], [320, 220, 400, 260]), 1000, 800)).toEqual({
      x: 217,
      y: 130,
      width: 267,
      height: 200,
    });
  });

  it.each([
    [[0, 0, 4, 4], 1000, 800],
    [[990, 790, 1000, 800], 1000, 800],
    [[5000, 5000, 6000, 6000], 1000, 800],
    [[0, 50, 10, 60], 20, 3000],
    [[1, 1, 2, 2], 3, 3],
    [[0, 0, 0, 0], 1, 1],
  ] as const)('lies in the picture, in whole pixels: %j in %i x %i', (box, width, height) => {
    const region = regionOf(found([...box]), width, height);
    expect(Object.values(region).every(Number.isInteger)).toBe(true);
    expect(Math.min(region.x, region.y)).toBeGreaterThanOrEqual(0);
    expect(Math.min(region.width, region.height)).toBeGreaterThan(0);
    expect(region.x + region.width).toBeLessThanOrEqual(width);
    expect(region.y + region.height).toBeLessThanOrEqual(height);
  });
});

it('places a part in the middle of the stage', () => {
  const place = placeOf({ x: 100, y: 50, width: 60, height: 90 });
  expect(place).toMatchObject({ x: 80, y: 0, width: 160, height: 240 });
  expect(place.map(130, 95)).toEqual([160, 120]);
});
