import type { NativeMarks } from '../binding/index.js';
import { checkBoolean, checkInteger, checkOptions } from '../errors/index.js';
import type { Picture, PictureInput } from '../image/index.js';
import { classColor } from './palette.js';
import { drawnPicture } from './drawn-picture.js';
import type { Timing } from './timing.js';

/** Left, top, right, bottom, in pixels of the picture. */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** One object that was found. */
export interface Detection {
  readonly label: string;
  readonly classId: number;
  /** 0 to 1. */
  readonly score: number;
  readonly box: Box;
}

/** The objects found in one picture: a struct of arrays, highest score first. Free to keep. */
export class Detections implements Iterable<Detection> {
  /** x1, y1, x2, y2 of each object after the other, in pixels of the picture. */
  readonly boxes: Float32Array;
  readonly scores: Float32Array;
  readonly classIds: Int32Array;
  /** Names of all classes, by id. */
  readonly labels: readonly string[];
  /** Size of the picture in pixels. */
  readonly width: number;
  readonly height: number;
  readonly timing: Timing;

  constructor(init: {
    boxes: Float32Array;
    scores: Float32Array;
    classIds: Int32Array;
    labels: readonly string[];
    width: number;
    height: number;
    timing: Timing;
  }) {
    this.boxes = init.boxes;
    this.scores = init.scores;
    this.classIds = init.classIds;
    this.labels = init.labels;
    this.width = init.width;
    this.height = init.height;
    this.timing = init.timing;
  }

  get length(): number {
    return this.scores.length;
  }

  /** The object at `index`; throws INVALID_ARGUMENT outside 0..length-1. */
  at(index: number): Detection {
    checkInteger('index', index, 0, this.length - 1);
    const classId = this.classIds[index] as number;
    const [x1, y1, x2, y2] = this.boxes.subarray(index * 4, index * 4 + 4) as unknown as [number, number, number, number];
    return {
      label: this.labels[classId] ?? String(classId),
      classId,
      score: this.scores[index] as number,
      box: [x1, y1, x2, y2],
    };
  }

  *[Symbol.iterator](): Generator<Detection> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  toJSON(): { width: number; height: number; detections: Detection[] } {
    return { width: this.width, height: this.height, detections: [...this] };
  }

  /**
   * The picture with the boxes drawn in, labels and scores beside them. `image` is the picture the objects were found in. Dispose of the
   * result, or write it and let it go.
   */
  async draw(
    image: PictureInput,
    options: { readonly scores?: boolean | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Picture> {
    checkOptions('draw options', options, ['scores', 'signal']);
    const withScores = checkBoolean('scores', options.scores ?? true);
    const marks: NativeMarks = {
      boxes: [...this].map(({ label, classId, score, box }) => ({
        box,
        color: classColor(classId),
        text: withScores ? `${label} ${score.toFixed(2)}` : label,
      })),
      caption: [],
      mask: undefined,
    };
    const picture = await drawnPicture(image, this, options.signal);
    return picture.draw(marks, options.signal);
  }
}
