import { Lease, native, settle, type LeaseHandle } from '../binding/index.js';
import { checkNumber, checkOneOf, checkOptions, invalidArgument } from '../errors/index.js';
import { encode, formatOf, writePicture, type Picture, type PictureInput } from '../image/index.js';
import { classColor } from './palette.js';
import { drawnPicture } from './drawn-picture.js';
import type { Timing } from './timing.js';

/** How much of a picture a class covers. */
export interface Region {
  readonly label: string;
  readonly classId: number;
  readonly pixels: number;
  /** 0 to 1. */
  readonly fraction: number;
}

/** The class of every pixel of a picture, and an iterator over the regions that they make up. Free to keep. */
export class Segmentation implements Iterable<Region> {
  /** height * width class ids, row by row; 0 and 1 for a binary model. */
  readonly mask: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Names of all classes, by id. */
  readonly labels: readonly string[];
  /** The class that stands for nothing, left undrawn; undefined where all classes stand for something. */
  readonly background: number | undefined;
  readonly timing: Timing;
  /** The classes that occur, largest first. */
  readonly regions: readonly Region[];
  readonly #lease: LeaseHandle | undefined;

  constructor(init: {
    mask: Uint8Array;
    /** Of the native memory that the mask lies in, which is then drawn from in place. */
    lease?: LeaseHandle | undefined;
    /** How many pixels of the mask are of each class, by id. */
    counts: Uint32Array;
    width: number;
    height: number;
    labels: readonly string[];
    background: number | undefined;
    timing: Timing;
  }) {
    this.mask = init.mask;
    this.width = init.width;
    this.height = init.height;
    this.labels = init.labels;
    this.background = init.background;
    this.timing = init.timing;
    this.#lease = init.lease;
    this.regions = Array.from(init.counts, (pixels, classId) => ({
      label: init.labels[classId] ?? String(classId),
      classId,
      pixels,
      fraction: pixels / init.mask.length,
    }))
      .filter((region) => region.pixels > 0)
      .sort((a, b) => b.pixels - a.pixels || a.classId - b.classId);
  }

  [Symbol.iterator](): Iterator<Region> {
    return this.regions[Symbol.iterator]();
  }

  toJSON(): { width: number; height: number; regions: readonly Region[] } {
    return { width: this.width, height: this.height, regions: this.regions };
  }

  /** A grey PNG whose pixels are the class ids themselves. */
  toClassMap(): Promise<Buffer> {
    return encode({ data: this.mask, width: this.width, height: this.height, channels: 1 }, 'png');
  }

  /** A PNG in which each class has its colour, the background black. */
  async toColorMap(): Promise<Buffer> {
    const colors = this.#palette().map((color, classId) => (classId === this.background ? ([0, 0, 0] as const) : color));
    const mask = { data: this.mask, lease: this.#lease };
    const pixels = new Lease(await settle(() => native().maskColor(mask, colors)));
    try {
      return await encode({ data: new Uint8Array(pixels.buffer), width: this.width, height: this.height, channels: 3 }, 'png');
    } finally {
      pixels.release();
    }
  }

  /** Writes the class map or the colour map as PNG to a path or `file:` URL. Throws INVALID_ARGUMENT for another extension, OUTPUT_NOT_WRITABLE. */
  async toFile(path: string | URL, kind: 'class' | 'color' = 'class'): Promise<void> {
    checkOneOf('kind', kind, ['class', 'color']);
    if (formatOf(path) !== 'png') {
      throw invalidArgument('path', 'a file name that ends in .png', String(path), 'Any other format would alter the class ids.');
    }
    await writePicture(path, await (kind === 'class' ? this.toClassMap() : this.toColorMap()));
  }

  /** The picture with the classes blended over it and outlined. */
  async draw(
    image: PictureInput,
    options: {
      /** 0 to 1. Default 0.5. */ readonly opacity?: number | undefined;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<Picture> {
    checkOptions('draw options', options, ['opacity', 'signal']);
    const opacity = checkNumber('opacity', options.opacity ?? 0.5, 0, 1);
    const picture = await drawnPicture(image, this, options.signal);
    const mask = {
      data: this.mask,
      lease: this.#lease,
      palette: this.#palette(),
      opacity,
      transparent: this.background ?? -1,
      outlined: true,
    };
    return picture.draw({ boxes: [], caption: [], mask }, options.signal);
  }

  #palette(): ReturnType<typeof classColor>[] {
    return Array.from({ length: 256 }, (_, classId) => classColor(classId));
  }
}
