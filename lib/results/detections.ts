import type { NativeColor, NativeInstanceMark } from '../binding/index.js';
import { checkBoolean, checkInteger, checkOptions } from '../errors/index.js';
import type { Picture, PictureInput } from '../image/index.js';
import { classColor } from './palette.js';
import { drawnPicture } from './drawn-picture.js';
import { runLengthMask, type InstanceMask, type RunLengthMask } from './instance-mask.js';
import { skeletonOf } from './skeleton.js';
import type { Timing } from './timing.js';

/** Left, top, right, bottom, in pixels of the picture. */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** A point of an object that the model was trained to find, such as a joint. */
export interface Keypoint {
  /** In pixels of the picture, which the point may lie beyond. */
  readonly x: number;
  readonly y: number;
  /** How visible it is, 0 to 1; 1 where the model does not say. */
  readonly score: number;
}

/** An oriented box. */
export interface RotatedBox {
  /** Centre and sides in pixels of the picture. */
  readonly centerX: number;
  readonly centerY: number;
  readonly width: number;
  readonly height: number;
  /** From the x axis to the side called width, clockwise as y points down, 0 to pi / 2. */
  readonly angle: number;
}

/** One object that was found. */
export interface Detection {
  readonly label: string;
  readonly classId: number;
  /** 0 to 1. */
  readonly score: number;
  /** For oriented boxes: the upright box around it, clipped to the picture. */
  readonly box: Box;
  /** For models that segment instances. */
  readonly mask?: InstanceMask;
  /** For models that find keypoints. */
  readonly keypoints?: readonly Keypoint[];
  /** For models of oriented boxes. */
  readonly rotatedBox?: RotatedBox;
}

/** A {@link Detection} as data for JSON. */
export interface DetectionJson extends Omit<Detection, 'mask'> {
  readonly mask?: RunLengthMask;
}

/** What detections are made of. */
export interface DetectionsInit {
  readonly boxes: Float32Array;
  readonly scores: Float32Array;
  readonly classIds: Int32Array;
  readonly labels: readonly string[];
  readonly width: number;
  readonly height: number;
  readonly timing: Timing;
  readonly keypoints?: Float32Array | undefined;
  readonly keypointCount?: number | undefined;
  readonly rotatedBoxes?: Float32Array | undefined;
  readonly masks?: readonly InstanceMask[] | undefined;
}

/** The objects found in one picture: a struct of arrays, highest score first. Free to keep. */
export class Detections implements Iterable<Detection> {
  /** x1, y1, x2, y2 of each object after the other, in pixels of the picture. */
  readonly boxes: Float32Array;
  readonly scores: Float32Array;
  readonly classIds: Int32Array;
  /** x, y, score of each keypoint of each object; undefined where the model finds none. */
  readonly keypoints: Float32Array | undefined;
  /** Keypoints of each object. */
  readonly keypointCount: number;
  /** Centre x, y, width, height, angle of each object; undefined where boxes are upright. */
  readonly rotatedBoxes: Float32Array | undefined;
  /** One of each object; undefined where the model segments none. */
  readonly masks: readonly InstanceMask[] | undefined;
  /** Names of all classes, by id. */
  readonly labels: readonly string[];
  /** Size of the picture in pixels. */
  readonly width: number;
  readonly height: number;
  readonly timing: Timing;

  constructor(init: DetectionsInit) {
    this.boxes = init.boxes;
    this.scores = init.scores;
    this.classIds = init.classIds;
    this.keypoints = init.keypoints;
    this.keypointCount = init.keypointCount ?? 0;
    this.rotatedBoxes = init.rotatedBoxes;
    this.masks = init.masks;
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
    const mask = this.masks?.[index];
    return {
      label: this.labels[classId] ?? String(classId),
      classId,
      score: this.scores[index] as number,
      box: [x1, y1, x2, y2],
      ...(mask && { mask }),
      ...(this.keypoints && { keypoints: this.#keypointsOf(this.keypoints, index) }),
      ...(this.rotatedBoxes && { rotatedBox: rotatedBoxAt(this.rotatedBoxes, index) }),
    };
  }

  #keypointsOf(keypoints: Float32Array, index: number): Keypoint[] {
    const first = index * this.keypointCount;
    return Array.from({ length: this.keypointCount }, (_, k) => {
      const [x, y, score] = keypoints.subarray((first + k) * 3) as unknown as [number, number, number];
      return { x, y, score };
    });
  }

  *[Symbol.iterator](): Generator<Detection> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  /** Plain data; masks are run-length encoded as in COCO. */
  toJSON(): { width: number; height: number; detections: DetectionJson[] } {
    const detections = [...this].map(({ mask, ...rest }) => (mask ? { ...rest, mask: runLengthMask(mask, this) } : rest));
    return { width: this.width, height: this.height, detections };
  }

  /**
   * The picture with the boxes drawn in, labels and scores beside them; masks, keypoints and oriented boxes where there are. `image` is the
   * picture the objects were found in. Dispose of the result, or write it and let it go.
   */
  async draw(
    image: PictureInput,
    options: { readonly scores?: boolean | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Picture> {
    checkOptions('draw options', options, ['scores', 'signal']);
    const withScores = checkBoolean('scores', options.scores ?? true);
    const objects = [...this];
    const picture = await drawnPicture(image, this, options.signal);
    return picture.draw(
      {
        boxes: objects.map(({ label, classId, score, box, rotatedBox }) => ({
          box,
          color: classColor(classId),
          text: withScores ? `${label} ${score.toFixed(2)}` : label,
          outlined: rotatedBox === undefined,
        })),
        instances: objects.flatMap(({ classId, mask }) => (mask ? [instanceMark(mask, classColor(classId))] : [])),
        lines: objects.flatMap((object) => linesOf(object)),
        points: objects.flatMap(({ classId, keypoints = [] }) => pointsOf(keypoints, classColor(classId))),
        caption: [],
        mask: undefined,
      },
      options.signal,
    );
  }
}

function rotatedBoxAt(boxes: Float32Array, index: number): RotatedBox {
  const [centerX, centerY, width, height, angle] = boxes.subarray(index * 5) as unknown as [
    number,
    number,
    number,
    number,
    number,
  ];
  return { centerX, centerY, width, height, angle };
}

/** The four corners of an oriented box, clockwise. */
export function cornersOf({ centerX, centerY, width, height, angle }: RotatedBox): [x: number, y: number][] {
  const [cos, sin] = [Math.cos(angle) / 2, Math.sin(angle) / 2];
  const signs = [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ] as const;
  return signs.map(([across, down]) => [
    centerX + across * width * cos - down * height * sin,
    centerY + across * width * sin + down * height * cos,
  ]);
}

function instanceMark({ x, y, width, height, data, leaseHandle: lease }: InstanceMask, color: NativeColor): NativeInstanceMark {
  return { x, y, width, height, data, lease, color };
}

/** Of keypoints below this score nothing is drawn: models give a place for those, too, that they do not see. */
const visibleScore = 0.5;

function pointsOf(keypoints: readonly Keypoint[], color: NativeColor): { x: number; y: number; color: NativeColor }[] {
  return keypoints.filter(({ score }) => score >= visibleScore).map(({ x, y }) => ({ x, y, color }));
}

/** The sides of an oriented box, and the bones between keypoints. */
function linesOf({
  classId,
  keypoints = [],
  rotatedBox,
}: Detection): { points: number[]; closed: boolean; color: NativeColor }[] {
  const color = classColor(classId);
  const lines = skeletonOf(keypoints.length).flatMap(([from, to]) => {
    const [a, b] = [keypoints[from] as Keypoint, keypoints[to] as Keypoint];
    const isVisible = a.score >= visibleScore && b.score >= visibleScore;
    return isVisible ? [{ points: [a.x, a.y, b.x, b.y], closed: false, color }] : [];
  });
  if (rotatedBox !== undefined) lines.push({ points: cornersOf(rotatedBox).flat(), closed: true, color });
  return lines;
}
