import { checkOptions } from '../errors/index.js';
import { Picture, type PictureInput } from '../image/index.js';
import { raisedPixelLimit } from './drawn-picture.js';
import type { Timing } from './timing.js';

/** One class of a classification. */
export interface RankedClass {
  readonly label: string;
  readonly classId: number;
  /** 0 to 1 where the model's scores are, or are made, probabilities. */
  readonly score: number;
}

/** The classes a picture most likely shows: a struct of arrays, highest score first. Free to keep. */
export class Classification implements Iterable<RankedClass> {
  readonly classIds: Int32Array;
  readonly scores: Float32Array;
  /** Names of all classes, by id. */
  readonly labels: readonly string[];
  /** Size of the picture in pixels. */
  readonly width: number;
  readonly height: number;
  readonly timing: Timing;

  constructor(init: {
    classIds: Int32Array;
    scores: Float32Array;
    labels: readonly string[];
    width: number;
    height: number;
    timing: Timing;
  }) {
    this.classIds = init.classIds;
    this.scores = init.scores;
    this.labels = init.labels;
    this.width = init.width;
    this.height = init.height;
    this.timing = init.timing;
  }

  get length(): number {
    return this.scores.length;
  }

  /** The likeliest class. */
  get top(): RankedClass {
    return this.#at(0);
  }

  #at(index: number): RankedClass {
    const classId = this.classIds[index] as number;
    return { label: this.labels[classId] ?? String(classId), classId, score: this.scores[index] as number };
  }

  *[Symbol.iterator](): Generator<RankedClass> {
    for (let i = 0; i < this.length; i++) yield this.#at(i);
  }

  toJSON(): { width: number; height: number; classes: RankedClass[] } {
    return { width: this.width, height: this.height, classes: [...this] };
  }

  /** The picture with the classes written in its corner. */
  async draw(image: PictureInput, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Picture> {
    checkOptions('draw options', options, ['signal']);
    const caption = [...this].map(({ label, score }) => `${(score * 100).toFixed(1)}% ${label}`);
    const picture = await Picture.read(image, { pixelLimit: raisedPixelLimit(this), signal: options.signal });
    return picture.draw({ boxes: [], caption, mask: undefined }, options.signal);
  }
}
