/** What a model found in the pictures of a data set, in memory. */
import type { LabelMap, RunLengthEncoding } from '../dataset/index.js';

export const predictedTasks = ['classify', 'detect', 'segment'] as const;
export type PredictedTask = (typeof predictedTasks)[number];

/** What all predictions of a run have in common. */
export interface PredictionsHeader {
  readonly task: PredictedTask;
  /** Names of the model's classes, by id. */
  readonly labels: readonly string[];
  readonly model?:
    { readonly name: string; readonly sha256: string; readonly bytes: number; readonly device: string } | undefined;
  readonly foveate?: string | undefined;
  /** Options of the task that change what is found, by the library's names. */
  readonly options: Readonly<Record<string, string | number | boolean | null>>;
}

/** What was found in one picture. */
export interface Prediction {
  /** The picture's name in the data set. */
  readonly image: string;
  /** Decoding, preprocessing, the engine and postprocessing, without waiting. */
  readonly ms?: number | undefined;
  readonly found: FoundClasses | FoundObjectList | LabelMap | PredictionFailure;
}

/** The score of every class, by id. */
export interface FoundClasses {
  readonly classScores: Float32Array;
}

/** Objects as structs of arrays. */
export interface FoundObjectList {
  /** x, y, width, height of each, in pixels of the picture. */
  readonly boxes: Float64Array;
  readonly scores: Float64Array;
  readonly classIds: Int32Array;
  /** In square pixels; of results in COCO's form, whose masks and keypoints say it of their boxes. Default: of its mask, or of its box. */
  readonly areas?: Float64Array | undefined;
  readonly masks?: readonly RunLengthEncoding[] | undefined;
  /** x, y, score of each keypoint of each object. */
  readonly keypoints?: Float64Array | undefined;
}

/** Why nothing is known of a picture. */
export interface PredictionFailure {
  readonly error: { readonly code: string; readonly message: string };
}

/** Some objects' rows, of `each` numbers, out of those of all. */
export function rowsAt(places: readonly number[], rows: Float64Array, each: number): Float64Array {
  const picked = new Float64Array(places.length * each);
  places.forEach((i, at) => picked.set(rows.subarray(i * each, (i + 1) * each), at * each));
  return picked;
}
