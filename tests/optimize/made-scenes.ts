/** Pictures with things in them: rectangles of any colour and place, so that no two look alike. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { encode } from '../../lib/image/index.js';
import { Random } from '../../lib/metrics/random.js';

const width = 120;
const height = 96;

/** The pixels of a scene: RGB, the same for the same seed. */
export function scenePixels(seed: number): Uint8Array {
  const random = new Random(seed);
  const data = new Uint8Array(width * height * 3).fill(random.below(256));
  for (let i = 0; i < 12; i++) {
    const [x, y] = [random.below(width), random.below(height)];
    const [right, bottom] = [Math.min(width, x + 8 + random.below(60)), Math.min(height, y + 8 + random.below(60))];
    const color = [random.below(256), random.below(256), random.below(256)];
    for (let row = y; row < bottom; row++) {
      for (let column = x; column < right; column++) data.set(color, (row * width + column) * 3);
    }
  }
  return data;
}

export function pngOf(data: Uint8Array): Promise<Buffer> {
  return encode({ data, width, height, channels: 3 }, 'png');
}

/** Writes scenes with the seeds from `first` on, under names that `name` gives. The folder. */
export async function writeScenes(
  folder: string,
  count: number,
  { first = 0, name = (seed: number): string => `scene-${seed}.png` } = {},
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  for (let seed = first; seed < first + count; seed++) {
    writeFileSync(join(folder, name(seed)), await pngOf(scenePixels(seed)));
  }
  return folder;
}
