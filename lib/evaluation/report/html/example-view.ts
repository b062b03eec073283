/** Which part of a picture an example shows, and where its boxes come to lie. */
import type { PixelRegion } from '../../../image/index.js';
import type { ExampleBox } from '../../evaluation-result.js';
import { isNumber } from '../metric.js';

/** Examples are drawn on a stage of this size, whatever their pictures'. */
export const stage = { width: 320, height: 240 };

/** Around the boxes, as a share of their extent. */
const surroundings = 0.6;
/** No part is shorter than this share of the picture's shorter side, nor this many pixels: what is around tells what it is. */
const leastShare = 0.25;
const leastSide = 64;
/** A part that is nearly the picture is the picture. */
const nearlyAll = 0.75;

/** The part with all boxes and what is around them, in the stage's proportions where the picture has room. All of it without boxes. */
export function regionOf(boxes: readonly ExampleBox[], width: number, height: number): PixelRegion {
  const whole = { x: 0, y: 0, width, height };
  const corners = boxes
    .filter(isDrawable)
    .map(({ box: [x1, y1, x2, y2] }) => [
      Math.min(Math.max(x1, 0), width),
      Math.min(Math.max(y1, 0), height),
      Math.min(Math.max(x2, 0), width),
      Math.min(Math.max(y2, 0), height),
    ]) as [number, number, number, number][];
  if (corners.length === 0) return whole;
  const [x1, y1] = [Math.min(...corners.map((c) => c[0])), Math.min(...corners.map((c) => c[1]))];
  const [x2, y2] = [Math.max(...corners.map((c) => c[2])), Math.max(...corners.map((c) => c[3]))];
  const least = Math.max(leastSide, leastShare * Math.min(width, height));
  const ratio = stage.width / stage.height;
  const wanted = [Math.max(least, (x2 - x1) * (1 + surroundings)), Math.max(least, (y2 - y1) * (1 + surroundings))] as const;
  const partWidth = Math.min(width, Math.round(Math.max(wanted[0], wanted[1] * ratio)));
  const partHeight = Math.min(height, Math.round(Math.max(wanted[1], wanted[0] / ratio)));
  if (partWidth >= nearlyAll * width && partHeight >= nearlyAll * height) return whole;
  const start = (middle: number, part: number, size: number): number =>
    Math.round(Math.min(Math.max(middle - part / 2, 0), size - part));
  return {
    x: start((x1 + x2) / 2, partWidth, width),
    y: start((y1 + y2) / 2, partHeight, height),
    width: partWidth,
    height: partHeight,
  };
}

/** Results that were read from a file may hold null for what JSON has no number for. */
export function isDrawable({ box }: ExampleBox): boolean {
  return box.length === 4 && box.every(isNumber);
}

/** Where a region lies on the stage: in its middle, as large as it can be. */
export interface StagePlace {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** From a point of the picture to one of the stage. */
  readonly map: (x: number, y: number) => readonly [x: number, y: number];
}

export function placeOf(region: PixelRegion): StagePlace {
  const factor = Math.min(stage.width / region.width, stage.height / region.height);
  const [width, height] = [region.width * factor, region.height * factor];
  const [x, y] = [(stage.width - width) / 2, (stage.height - height) / 2];
  return { x, y, width, height, map: (px, py) => [x + (px - region.x) * factor, y + (py - region.y) * factor] };
}
