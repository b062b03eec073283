/** The addon's metrics, and what they take and give; see `native.ts`. */
import type { MatchingHandle, OperationHandle } from './native.js';

/** One row for each object in each frame. */
export interface NativeTrackedObjects {
  readonly frames: Int32Array;
  readonly ids: Int32Array;
  /** x, y, width, height of each. */
  readonly boxes: Float64Array;
  readonly confidences?: Float64Array | undefined;
  readonly classes?: Int32Array | undefined;
}

export interface NativeTrackingOptions {
  readonly benchmark: 'none' | 'mot17' | 'mot20';
  readonly rules: 'trackeval' | 'py-motmetrics';
}

/** What is summed up over sequences. */
export interface NativeTrackingParts {
  readonly truthBoxes: number;
  readonly foundBoxes: number;
  readonly truthTracks: number;
  readonly foundTracks: number;
  readonly clear: {
    readonly truePositives: number;
    readonly falseNegatives: number;
    readonly falsePositives: number;
    readonly switches: number;
    readonly fragmentations: number;
    readonly mostlyTracked: number;
    readonly partlyTracked: number;
    readonly mostlyLost: number;
    readonly iouSum: number;
  };
  readonly identity: {
    readonly truePositives: number;
    readonly falseNegatives: number;
    readonly falsePositives: number;
  };
  /** At each of 19 thresholds. */
  readonly hota: {
    readonly truePositives: Float64Array;
    readonly falseNegatives: Float64Array;
    readonly falsePositives: Float64Array;
    readonly association: Float64Array;
    readonly associationRecall: Float64Array;
    readonly associationPrecision: Float64Array;
    readonly localisation: Float64Array;
  };
}

export interface NativeLabelMapsSpec {
  readonly width: number;
  readonly height: number;
  readonly classes: number;
  /** In pixels; without it, boundaries are not counted. */
  readonly radius: number | undefined;
}

export interface NativeLabelMapCounts {
  /** classes * classes pixels, a row for each true class. */
  readonly confusion: Uint32Array;
  /** Of each class: pixels of its boundary in the true map, and those matched; the same of the predicted map. */
  readonly boundaries?: Uint32Array;
}

/** See `RunLengthMasks` in lib/metrics. */
export interface NativeMasks {
  readonly maskSizes: Int32Array;
  readonly maskText: Uint8Array;
  readonly maskEnds: Uint32Array;
}

/** See `TruthObjects` and `FoundObjects` in lib/metrics. Copied before the call returns. */
export interface NativeObjects extends Partial<NativeMasks> {
  readonly images: Int32Array;
  readonly categories: Int32Array;
  readonly boxes: Float64Array;
  readonly scores?: Float64Array | undefined;
  readonly areas?: Float64Array | undefined;
  readonly crowd?: Uint8Array | undefined;
  readonly ignored?: Uint8Array | undefined;
  readonly keypoints?: Float64Array | undefined;
}

/** All present, those that the kind has no use for empty. */
export interface NativeFound extends NativeMasks {
  readonly images: Int32Array;
  readonly categories: Int32Array;
  readonly boxes: Float64Array;
  readonly scores: Float64Array;
  readonly areas: Float64Array;
  readonly keypoints: Float64Array;
}

export interface NativeMatchSpec {
  readonly kind: string;
  readonly images: number;
  readonly categories: number;
  readonly thresholds: Float64Array;
  readonly maxDetections: readonly number[];
  readonly sigmas: Float64Array;
}

/** -1 where there is nothing to count. */
export interface NativeMatched {
  readonly matching: MatchingHandle;
  readonly truths: Int32Array;
  readonly overlaps: Float64Array;
  readonly ignored: Uint8Array;
  /** [categories, areas, maxDetections, thresholds, 101] */
  readonly precision: Float64Array;
  readonly scores: Float64Array;
  /** [categories, areas, maxDetections, thresholds] */
  readonly meanPrecision: Float64Array;
  readonly recall: Float64Array;
  readonly summary: Float64Array;
}

/** The part of the addon's functions that counts. */
export interface NativeMetrics {
  /** The maps are copied before the call returns. */
  labelMapsCompare(
    truth: Uint8Array,
    predicted: Uint8Array,
    spec: NativeLabelMapsSpec,
    operation?: OperationHandle,
  ): Promise<NativeLabelMapCounts>;

  trackingMeasure(
    truth: NativeTrackedObjects,
    found: NativeTrackedObjects,
    options: NativeTrackingOptions,
    operation?: OperationHandle,
  ): Promise<NativeTrackingParts>;

  objectsMatch(
    truth: NativeObjects,
    found: NativeObjects,
    spec: NativeMatchSpec,
    operation?: OperationHandle,
  ): Promise<NativeMatched>;
  /** Summaries, one after the other. */
  matchingResample(
    matching: MatchingHandle,
    seed: number,
    first: number,
    count: number,
    operation?: OperationHandle,
  ): Promise<Float64Array>;
  matchingConfusion(matching: MatchingHandle, overlap: number, score: number, operation?: OperationHandle): Promise<Uint32Array>;
  polygonsRasterize(
    points: Float64Array,
    polygonEnds: Uint32Array,
    objectEnds: Uint32Array,
    sizes: Int32Array,
    operation?: OperationHandle,
  ): Promise<NativeMasks>;
  /** Nobody may change the file meanwhile. */
  cocoResultsRead(
    path: string,
    spec: { readonly kind: string; readonly points: number; readonly imageIds: Float64Array; readonly categoryIds: Float64Array },
    operation?: OperationHandle,
  ): Promise<NativeFound>;
}
