import { Lease, native, settle, type LeaseHandle, type NativeColor } from '../binding/index.js';
import { checkInteger, checkNumber, checkOptions, invalidArgument } from '../errors/index.js';
import { encode, formatOf, writePicture, type Picture, type PictureInput } from '../image/index.js';
import { drawnPicture } from './drawn-picture.js';
import type { Timing } from './timing.js';

/** One number for every pixel of a picture: depth, saliency, heat. Free to keep. */
export class DenseMap {
  /** height * width numbers, row by row, as the model gives them or scaled as the predictor was told. */
  readonly values: Float32Array;
  readonly width: number;
  readonly height: number;
  /** The lowest and the highest finite value. */
  readonly min: number;
  readonly max: number;
  readonly timing: Timing;
  readonly #lease: LeaseHandle;

  constructor(init: {
    values: Float32Array;
    /** Of the native memory that the values lie in. */
    lease: LeaseHandle;
    width: number;
    height: number;
    min: number;
    max: number;
    timing: Timing;
  }) {
    this.values = init.values;
    this.#lease = init.lease;
    this.width = init.width;
    this.height = init.height;
    this.min = init.min;
    this.max = init.max;
    this.timing = init.timing;
  }

  /** The value of a pixel. Throws INVALID_ARGUMENT outside the picture. */
  at(x: number, y: number): number {
    checkInteger('x', x, 0, this.width - 1);
    checkInteger('y', y, 0, this.height - 1);
    return this.values[y * this.width + x] as number;
  }

  /** The values are many: JSON holds their range alone. */
  toJSON(): { width: number; height: number; min: number; max: number } {
    return { width: this.width, height: this.height, min: this.min, max: this.max };
  }

  /** A grey PNG: the lowest value is black, the highest white. */
  async toGreyMap(): Promise<Buffer> {
    const levels = await this.#levels();
    try {
      return await encode({ data: new Uint8Array(levels.buffer), width: this.width, height: this.height, channels: 1 }, 'png');
    } finally {
      levels.release();
    }
  }

  /** Writes the grey map as PNG to a path or `file:` URL. Throws INVALID_ARGUMENT for another extension, OUTPUT_NOT_WRITABLE. */
  async toFile(path: string | URL): Promise<void> {
    if (formatOf(path) !== 'png') {
      throw invalidArgument('path', 'a file name that ends in .png', String(path), 'Any other format would alter the levels.');
    }
    await writePicture(path, await this.toGreyMap());
  }

  /** The picture with the values over it in colours, low ones dark, high ones bright. */
  async draw(
    image: PictureInput,
    options: {
      /** 0 to 1. Default 0.75. */ readonly opacity?: number | undefined;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<Picture> {
    checkOptions('draw options', options, ['opacity', 'signal']);
    const opacity = checkNumber('opacity', options.opacity ?? 0.75, 0, 1);
    const picture = await drawnPicture(image, this, options.signal);
    const levels = await this.#levels();
    try {
      const data = new Uint8Array(levels.buffer);
      const mask = { data, lease: levels.handle, palette: levelColors, opacity, transparent: -1, outlined: false };
      return await picture.draw({ boxes: [], caption: [], mask }, options.signal);
    } finally {
      levels.release();
    }
  }

  /** A byte for each pixel, 0 for the lowest value, 255 for the highest. */
  async #levels(): Promise<Lease> {
    const values = { data: this.values, lease: this.#lease };
    return new Lease(await settle(() => native().denseMapLevels(values, this.min, this.max)));
  }
}

/** Black, violet, red, orange, light yellow: lightness rises all the way, so that the order of levels is seen without hue too. */
const stops: readonly NativeColor[] = [
  [6, 4, 28],
  [88, 22, 112],
  [188, 52, 84],
  [246, 136, 38],
  [252, 240, 160],
];

const levelColors: readonly NativeColor[] = Array.from({ length: 256 }, (_, level) => {
  const place = (level / 255) * (stops.length - 1);
  const below = Math.min(Math.floor(place), stops.length - 2);
  const [from, to] = [stops[below] as NativeColor, stops[below + 1] as NativeColor];
  const channel = (c: 0 | 1 | 2): number => Math.round(from[c] + (to[c] - from[c]) * (place - below));
  return [channel(0), channel(1), channel(2)];
});
