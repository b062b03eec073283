import type { NativeObjects } from '../binding/index.js';
import type { RunLengthEncoding } from '../dataset/index.js';
import { invalidArgument } from '../errors/index.js';
import { RunLengthMasks } from './run-length-masks.js';

/** What is compared: boxes, masks, or keypoints. */
export const detectionKinds = ['box', 'mask', 'keypoints'] as const;
export type DetectionKind = (typeof detectionKinds)[number];

/** What is true of many pictures, one entry of each array for each object. */
export interface TruthObjects {
  /** The place of its picture, from 0. Of equal scores, those of the first picture count first: pycocotools has them by ascending id. */
  readonly images: Int32Array;
  /** The place of its category, from 0. */
  readonly categories: Int32Array;
  /** x, y, width, height of each, in pixels. */
  readonly boxes: Float64Array;
  /** As annotated, in square pixels: what makes it small, medium or large. Default: of its mask, or of its box. */
  readonly areas?: Float64Array | undefined;
  /** 1: a crowd. What is found there is neither right nor wrong, however often. */
  readonly crowd?: Uint8Array | undefined;
  /** 1: not to be counted. What is found there, once, is neither right nor wrong. */
  readonly ignored?: Uint8Array | undefined;
  /** For masks: of the size of the picture. */
  readonly masks?: readonly RunLengthEncoding[] | RunLengthMasks | undefined;
  /** For keypoints: x, y, visibility (0: not labelled) of each keypoint of each object. Without a labelled one, an object is ignored. */
  readonly keypoints?: Float64Array | undefined;
}

/** What was found in many pictures, one entry of each array for each object. */
export interface FoundObjects {
  readonly images: Int32Array;
  readonly categories: Int32Array;
  readonly boxes: Float64Array;
  /** Any finite numbers: only their order counts. Of equal ones, the first given counts first. */
  readonly scores: Float64Array;
  /** In square pixels. Default: of its mask, or of its box. */
  readonly areas?: Float64Array | undefined;
  readonly masks?: readonly RunLengthEncoding[] | RunLengthMasks | undefined;
  /** x, y and a third number, which nothing reads, of each keypoint of each object. */
  readonly keypoints?: Float64Array | undefined;
}

interface Extent {
  readonly kind: DetectionKind;
  readonly imageCount: number;
  readonly categoryCount: number;
  /** Of each object. */
  readonly keypointCount: number;
}

/** The arrays as the core takes them. Throws INVALID_ARGUMENT, naming the entry. */
export function checkedObjects(
  name: 'truth' | 'found',
  objects: TruthObjects & Partial<FoundObjects>,
  extent: Extent,
): NativeObjects {
  const count = checkType(`${name}.images`, objects.images, Int32Array).length;
  checkPlaces(`${name}.images`, objects.images, count, extent.imageCount, 'imageCount');
  checkPlaces(`${name}.categories`, objects.categories, count, extent.categoryCount, 'categoryCount');
  checkFinite(`${name}.boxes`, objects.boxes, 4 * count);
  for (const field of ['areas', 'scores'] as const) {
    if (objects[field] !== undefined) checkFinite(`${name}.${field}`, objects[field], count);
  }
  for (const field of ['crowd', 'ignored'] as const) {
    if (objects[field] !== undefined)
      checkLength(`${name}.${field}`, checkType(`${name}.${field}`, objects[field], Uint8Array), count);
  }
  const { images, categories, boxes, areas, scores, crowd, ignored } = objects;
  const common = { images, categories, boxes, areas, scores, crowd, ignored };
  if (extent.kind === 'keypoints') {
    checkFinite(`${name}.keypoints`, objects.keypoints, 3 * extent.keypointCount * count);
    return { ...common, keypoints: objects.keypoints };
  }
  if (extent.kind === 'box') return common;
  if (objects.masks === undefined) throw invalidArgument(`${name}.masks`, 'a mask of each object', undefined);
  const masks = objects.masks instanceof RunLengthMasks ? objects.masks : RunLengthMasks.from(objects.masks);
  checkLength(`${name}.masks`, masks, count);
  return { ...common, maskSizes: masks.sizes, maskText: masks.text, maskEnds: masks.ends };
}

function checkType<T extends object>(name: string, value: unknown, type: abstract new (...args: never[]) => T): T {
  if (!(value instanceof type)) throw invalidArgument(name, `a ${type.name}`, value);
  return value;
}

function checkLength(name: string, value: { readonly length: number }, length: number): void {
  if (value.length !== length)
    throw invalidArgument(name, `${length} entries, as images has objects,`, `${value.length} entries`);
}

function checkPlaces(name: string, value: unknown, length: number, limit: number, limitName: string): void {
  const places = checkType(name, value, Int32Array);
  checkLength(name, places, length);
  const wrong = places.findIndex((place) => place < 0 || place >= limit);
  if (wrong !== -1) throw invalidArgument(`${name}[${wrong}]`, `a place below ${limitName}, ${limit},`, places[wrong]);
}

function checkFinite(name: string, value: unknown, length: number): void {
  const numbers = checkType(name, value, Float64Array);
  checkLength(name, numbers, length);
  const wrong = numbers.findIndex((number) => !Number.isFinite(number));
  if (wrong !== -1) throw invalidArgument(`${name}[${wrong}]`, 'a finite number', numbers[wrong]);
}
