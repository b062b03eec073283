/** Pictures that stand in for photographs where there are none: shapes of all sizes that hide one another, which gives photographs' statistics of edges and of scales. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { aborted } from '../binding/index.js';
import { encode, writePicture } from '../image/picture.js';
import { Random } from '../metrics/random.js';
import type { StepOptions } from './optimize-steps.js';

/** So many are calibrated with, where nothing else is asked. */
export const generatedPictures = 32;

const [width, height] = [480, 360];
const shapesOfPicture = 1200;
/** Radii, in pixels: how many there are falls with the third power, as of what lies at all distances. */
const [smallest, largest] = [4, 240];

/**
 * Writes `count` pictures into a folder, the same for a seed on every machine, and gives their paths. The model is that of dead leaves: Lee, Mumford and Huang,
 * "Occlusion models for natural images", International Journal of Computer Vision 41 (2001). Rejects with ABORTED, OUTPUT_NOT_WRITABLE.
 */
export async function generatePictures(
  folder: string,
  count: number,
  seed: number,
  { signal, onProgress }: StepOptions,
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const random = new Random(seed);
  const paths: string[] = [];
  for (let i = 0; i < count; i++) {
    if (signal?.aborted === true) throw aborted(signal);
    const path = join(folder, `${String(i).padStart(3, '0')}.png`);
    const data = new Leaves(random).draw();
    await writePicture(path, await encode({ data, width, height, channels: 3 }, 'png'));
    paths.push(path);
    onProgress?.(paths.length, count);
  }
  return paths;
}

type Color = readonly [red: number, green: number, blue: number];

/** One picture: what is drawn later lies in front. */
class Leaves {
  readonly #random: Random;
  readonly #pixels = new Uint8Array(width * height * 3);
  /** Of the light, which all colours of a picture have in common. */
  readonly #tint: Color;
  readonly #light: number;

  constructor(random: Random) {
    this.#random = random;
    this.#tint = [this.#between(0.75, 1.15), this.#between(0.8, 1.1), this.#between(0.7, 1.2)];
    this.#light = this.#between(0.5, 1.2);
  }

  draw(): Uint8Array {
    // Nothing of the first ones may stay unseen: they are as large as the picture.
    for (let i = 0; i < shapesOfPicture; i++) this.#drawShape(i < 3 ? width : this.#radius());
    return this.#pixels;
  }

  #drawShape(radius: number): void {
    const [x, y] = [this.#between(0, width), this.#between(0, height)];
    const [long, wide] = [radius, radius * this.#between(0.35, 1)];
    const turn = this.#between(0, Math.PI);
    const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
    const isRound = this.#random.below(3) > 0;
    const color = this.#color();
    // How brightness falls from one end to the other, and how rough the surface is.
    const [slope, roughness] = [this.#between(-60, 60), this.#between(0, 1) ** 2 * 30];
    const [left, right] = [Math.max(0, Math.floor(x - radius * 1.5)), Math.min(width, Math.ceil(x + radius * 1.5))];
    const [top, bottom] = [Math.max(0, Math.floor(y - radius * 1.5)), Math.min(height, Math.ceil(y + radius * 1.5))];
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const along = ((column - x) * cos + (row - y) * sin) / long;
        const across = ((row - y) * cos - (column - x) * sin) / wide;
        if (isRound ? along * along + across * across > 1 : Math.max(Math.abs(along), Math.abs(across)) > 1) continue;
        const shade = slope * along + roughness * this.#between(-1, 1);
        const place = (row * width + column) * 3;
        for (let channel = 0; channel < 3; channel++) {
          this.#pixels[place + channel] = Math.max(0, Math.min(255, color[channel]! + shade));
        }
      }
    }
  }

  #radius(): number {
    const [a, b] = [smallest ** -2, largest ** -2];
    return (a + this.#between(0, 1) * (b - a)) ** -0.5;
  }

  /** Mostly grey, as what is outdoors and in rooms. */
  #color(): Color {
    const brightness = 255 * this.#light * this.#between(0.02, 1) ** 1.2;
    const saturation = this.#between(0, 1) ** 2;
    const of = (channel: 0 | 1 | 2): number =>
      Math.min(255, brightness * this.#tint[channel] * (1 - saturation * this.#between(0, 1)));
    return [of(0), of(1), of(2)];
  }

  #between(low: number, high: number): number {
    return low + (high - low) * (this.#random.next() / 2 ** 32);
  }
}
