/** What the addon's metrics take and give; see `native.ts`. */

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
