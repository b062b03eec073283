import type { NamedClass } from './class-names.js';
import { ignoredPixel, type Category, type LabelMap, type SourcePlace } from './dataset.js';
import { readMask, type MaskPixels } from './mask-png.js';
import { invalidAt } from './source-place.js';

/** Classes that masks are of. At most 255: a place in them is a pixel of a {@link LabelMap}. */
export class MaskClasses {
  readonly categories: readonly Category[];
  /** The place of each value of a pixel; -1 where it stands for nothing. */
  readonly #placeOfValue = new Int16Array(256).fill(-1);
  readonly #placeOfColor = new Map<number, number>();
  readonly #expected: string;

  /** Throws DATASET_INVALID where there are more than masks can hold. `place` is what named the classes. */
  constructor(classes: readonly NamedClass[], place: SourcePlace) {
    const counted = classes.filter(({ name }) => name !== null);
    const tooLarge = classes.find(({ id }) => id > 255);
    if (counted.length > ignoredPixel || tooLarge !== undefined) {
      throw invalidAt(place, `expected at most ${ignoredPixel} classes, whose ids are 0 to 254, but received ${classes.length}`);
    }
    this.categories = counted.map(({ id, name, color }) => ({ id, name: name as string, color }));
    this.#placeOfValue[ignoredPixel] = ignoredPixel;
    for (const { id, name } of classes) if (name === null) this.#placeOfValue[id] = ignoredPixel;
    this.categories.forEach(({ id, color }, index) => {
      this.#placeOfValue[id] = index;
      if (color !== undefined) this.#placeOfColor.set(packed(...color), index);
    });
    const ids = classes.map(({ id }) => id);
    const isRange = ids.every((id, i) => id === i);
    this.#expected = isRange ? `0 to ${ids.length - 1}` : `one of ${ids.join(', ')}`;
  }

  /** Reads a mask. Rejects with DATASET_NOT_FOUND, DATASET_INVALID, ABORTED. */
  async read(path: string, signal: AbortSignal | undefined): Promise<LabelMap> {
    const mask = await readMask(path, signal);
    const { width, height } = mask;
    return { data: mask.channels === 1 ? this.#fromIndices(mask, path) : this.#fromColors(mask, path), width, height };
  }

  #fromIndices({ data, width }: MaskPixels, file: string): Uint8Array {
    for (let i = 0; i < data.length; i++) {
      const value = data[i] as number;
      const place = this.#placeOfValue[value] as number;
      if (place < 0)
        throw invalidAt(
          pixelPlace(file, i, width),
          `expected ${this.#expected}, or 255 where nothing is labelled, but received ${value}`,
        );
      data[i] = place;
    }
    return data;
  }

  #fromColors({ data, width, height }: MaskPixels, file: string): Uint8Array {
    if (this.#placeOfColor.size === 0) {
      throw invalidAt(
        { file },
        'the mask is one of colours, and no classes.json says what they stand for',
        'Put classes.json, { "name": [red, green, blue] }, beside the folders, or save masks with the index of the class in each pixel.',
      );
    }
    const map = new Uint8Array(width * height);
    // Neighbours are mostly of one class.
    let lastColor = -1;
    let lastPlace = 0;
    for (let i = 0; i < map.length; i++) {
      const color = packed(data[3 * i] as number, data[3 * i + 1] as number, data[3 * i + 2] as number);
      if (color !== lastColor) {
        const place = this.#placeOfColor.get(color);
        if (place === undefined) {
          throw invalidAt(
            pixelPlace(file, i, width),
            `no class has the colour [${color >> 16}, ${(color >> 8) & 255}, ${color & 255}]`,
          );
        }
        lastColor = color;
        lastPlace = place;
      }
      map[i] = lastPlace;
    }
    return map;
  }
}

function packed(red: number, green: number, blue: number): number {
  return (red << 16) | (green << 8) | blue;
}

function pixelPlace(file: string, i: number, width: number): SourcePlace {
  return { file, field: `pixel (${i % width}, ${Math.floor(i / width)})` };
}
