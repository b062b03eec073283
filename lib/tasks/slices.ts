import { native, settle } from '../binding/index.js';
import {
  ArgumentError,
  checkBoolean,
  checkInteger,
  checkNumber,
  checkOneOf,
  checkOptions,
  invalidArgument,
} from '../errors/index.js';
import { Detections, type DetectionsInit } from '../results/index.js';

/** How a picture is looked at in overlapping slices, so that small objects are seen at full size. */
export interface SliceOptions {
  /** Of a slice, in pixels of the picture. Default: the size of the model's input; without a default where that depends on the picture. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Share of a slice that it has in common with the next. Default 0.2. */
  readonly overlap?: number | undefined;
  /** Whether the whole picture is looked at as well, for objects larger than a slice. Default true. */
  readonly wholePicture?: boolean | undefined;
  /**
   * What becomes of boxes that overlap across slices: 'nmm' (greedy non-maximum merging) makes one box around them, 'nms' keeps the best. Default
   * 'nmm'; for models that give masks, keypoints or oriented boxes 'nms', which is all they take.
   */
  readonly merge?: 'nmm' | 'nms' | undefined;
  /** How overlap is measured: 'ios', intersection over the smaller box, sees a part in its whole; or 'iou'. Default 'ios'. */
  readonly metric?: 'ios' | 'iou' | undefined;
  /** Boxes are merged from this overlap on, which is above 0. Default 0.5. */
  readonly threshold?: number | undefined;
}

const sliceOptionNames = ['width', 'height', 'overlap', 'wholePicture', 'merge', 'metric', 'threshold'] as const;

/** {@link SliceOptions}, checked and complete. */
export type CheckedSlices = Required<{ [K in keyof SliceOptions]: NonNullable<SliceOptions[K]> }>;

/** A part of a picture, in pixels. */
interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** More slices than this of one picture are a mistake: a picture of 64 million pixels has 256 of 640 x 640. */
const mostSlices = 10_000;

/** `input` is the size of the model's input, undefined where that depends on the picture. Throws INVALID_ARGUMENT, UNKNOWN_OPTION. */
export function checkSlices(
  options: SliceOptions,
  input: { readonly width: number; readonly height: number } | undefined,
  plainBoxes: boolean,
): CheckedSlices {
  checkOptions('slices', options, sliceOptionNames);
  const side = (name: 'width' | 'height'): number => {
    const size = options[name] ?? input?.[name];
    if (size !== undefined) return checkInteger(`slices.${name}`, size, 1, 65_535);
    const hint = 'The input has no size of its own that slices could have: { slices: { width: 640, height: 640 } }.';
    throw invalidArgument(`slices.${name}`, 'a number of pixels', size, hint);
  };
  if (options.threshold === 0) {
    throw invalidArgument(
      'slices.threshold',
      'a number above 0',
      0,
      'All boxes of a class overlap by 0 at least, and would become one.',
    );
  }
  return {
    width: side('width'),
    height: side('height'),
    overlap: checkNumber('slices.overlap', options.overlap ?? 0.2, 0, 0.95),
    wholePicture: checkBoolean('slices.wholePicture', options.wholePicture ?? true),
    merge: checkOneOf('slices.merge', options.merge ?? (plainBoxes ? 'nmm' : 'nms'), plainBoxes ? ['nmm', 'nms'] : ['nms']),
    metric: checkOneOf('slices.metric', options.metric ?? 'ios', ['ios', 'iou']),
    threshold: checkNumber('slices.threshold', options.threshold ?? 0.5, 0, 1),
  };
}

/**
 * Slices cover the picture row by row; the last of a row or column ends at the edge and overlaps more. As sahi cuts them. Throws INVALID_ARGUMENT
 * where they are too many.
 */
export function sliceAreas(
  picture: { readonly width: number; readonly height: number },
  { width, height, overlap }: Pick<CheckedSlices, 'width' | 'height' | 'overlap'>,
): Area[] {
  const down = sliceCount(picture.height, height, overlap);
  const across = sliceCount(picture.width, width, overlap);
  if (down * across > mostSlices) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `Expected at most ${mostSlices} slices of a picture but slices of ${width} x ${height} with an overlap of ${overlap} make ${across} x ${down} of ${picture.width} x ${picture.height}`,
      hint: 'Make slices.width and slices.height larger, or slices.overlap smaller.',
    });
  }
  const size = { width: Math.min(width, picture.width), height: Math.min(height, picture.height) };
  return Array.from({ length: down * across }, (_, i) => ({
    x: Math.min((i % across) * stepOf(width, overlap), picture.width - size.width),
    y: Math.min(Math.floor(i / across) * stepOf(height, overlap), picture.height - size.height),
    ...size,
  }));
}

/** From one slice to the next. */
function stepOf(size: number, overlap: number): number {
  return Math.max(size - Math.trunc(overlap * size), 1);
}

function sliceCount(total: number, size: number, overlap: number): number {
  return total <= size ? 1 : Math.ceil((total - size) / stepOf(size, overlap)) + 1;
}

/**
 * The slices' detections as those of the whole picture, each object once. `parts` are in the order of `areas`, and went through the model
 * `partsPerRun` at a time.
 */
export async function mergeSlices(
  parts: readonly Detections[],
  areas: readonly Area[],
  picture: { readonly width: number; readonly height: number; readonly decodeMs: number; readonly copiedBytes: number },
  options: Pick<CheckedSlices, 'merge' | 'metric' | 'threshold'> & {
    readonly classAgnostic: boolean;
    readonly maxDetections: number;
  },
  partsPerRun: number,
  signal: AbortSignal | undefined,
): Promise<Detections> {
  const moved = parts.map((part, i) => movedBy(part, areas[i] as Area));
  const boxes = concatenated(
    Float32Array,
    moved.map((part) => part.boxes),
  );
  const scores = concatenated(
    Float32Array,
    moved.map((part) => part.scores),
  );
  const classIds = concatenated(
    Int32Array,
    moved.map((part) => part.classIds),
  );
  const { metric, threshold, classAgnostic, maxDetections } = options;
  const merge = { metric, threshold, grow: options.merge === 'nmm', classAgnostic, maxDetections };
  const merged = await settle((operation) => native().detectionsMerge(boxes, scores, classIds, merge, operation), signal);

  const rows = <T extends Float32Array | undefined>(name: 'keypoints' | 'rotatedBoxes', width: number): T =>
    (moved[0]?.[name] &&
      picked(
        concatenated(
          Float32Array,
          moved.map((part) => part[name] as Float32Array),
        ),
        merged.kept,
        width,
      )) as T;
  const masks = moved[0]?.masks && moved.flatMap((part) => part.masks ?? []);
  const keypointCount = parts[0]?.keypointCount ?? 0;
  const sum = (counted: readonly Detections[], name: keyof Detections['timing']): number =>
    counted.reduce((total, { timing }) => total + timing[name], 0);
  // All parts of a run tell its times; what they copied is told by the run too, since windows of a decoded picture are not copied.
  const runs = parts.filter((_, i) => i % partsPerRun === 0);
  return new Detections({
    boxes: merged.boxes,
    scores: picked(scores, merged.kept, 1),
    classIds: picked(classIds, merged.kept, 1),
    keypoints: rows('keypoints', keypointCount * 3),
    keypointCount,
    rotatedBoxes: rows('rotatedBoxes', 5),
    masks: masks && Array.from(merged.kept, (i) => masks[i] as (typeof masks)[number]),
    labels: parts[0]?.labels ?? [],
    width: picture.width,
    height: picture.height,
    timing: {
      decodeMs: picture.decodeMs,
      preprocessMs: sum(parts, 'preprocessMs'),
      queueMs: sum(runs, 'queueMs'),
      computeMs: sum(runs, 'computeMs'),
      transferMs: sum(runs, 'transferMs'),
      postprocessMs: sum(parts, 'postprocessMs') + merged.elapsedMs,
      copiedBytes: picture.copiedBytes + sum(runs, 'copiedBytes'),
    },
  });
}

/** The same objects, in pixels of the picture that the slice is of. */
function movedBy(
  part: Detections,
  { x, y }: Area,
): Pick<DetectionsInit, 'boxes' | 'scores' | 'classIds' | 'keypoints' | 'rotatedBoxes' | 'masks'> {
  const shifted = (values: Float32Array | undefined, period: number): Float32Array | undefined =>
    values?.map((value, i) => (i % period === 0 ? value + x : i % period === 1 ? value + y : value));
  return {
    boxes: part.boxes.map((value, i) => value + (i % 2 === 0 ? x : y)),
    scores: part.scores,
    classIds: part.classIds,
    keypoints: shifted(part.keypoints, 3),
    rotatedBoxes: shifted(part.rotatedBoxes, 5),
    masks: part.masks?.map((mask) => mask.movedBy(x, y)),
  };
}

function concatenated<T extends Float32Array | Int32Array>(Type: new (length: number) => T, arrays: readonly T[]): T {
  const whole = new Type(arrays.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const array of arrays) {
    whole.set(array, offset);
    offset += array.length;
  }
  return whole;
}

/** Rows of `width` values, by index. */
function picked<T extends Float32Array | Int32Array>(values: T, indices: Int32Array, width: number): T {
  const rows = new (values.constructor as new (length: number) => T)(indices.length * width);
  indices.forEach((from, to) => rows.set(values.subarray(from * width, (from + 1) * width), to * width));
  return rows;
}
