/** The addon's observers, ranges and weights, and what they take and give; see `native.ts`. */
import type { ObserverHandle, OperationHandle, ProductsHandle, SessionHandle } from './native.js';
import type { NativeInput, NativeTensor } from './native-session.js';

/** See `TensorStatistics` in lib/precision. Copied before a call returns. */
export interface NativeTensorStatistics {
  readonly name: string;
  readonly count: number;
  readonly nonFinite: number;
  readonly min: number;
  readonly max: number;
  readonly pictures: { readonly min: Float32Array; readonly max: Float32Array };
  readonly histogram: { readonly exponent: number; readonly first: number; readonly counts: Float64Array };
  readonly channels?:
    | {
        readonly min: Float32Array;
        readonly max: Float32Array;
        readonly mean: Float64Array;
        readonly meanSquare: Float64Array;
      }
    | undefined;
}

export interface NativeObserveResult {
  readonly copiedBytes: number;
  readonly queueMs: number;
  readonly computeMs: number;
  readonly observeMs: number;
}

export interface NativeRangeSpec {
  readonly method: string;
  readonly percentile: number;
  readonly symmetric: boolean;
  readonly activation:
    | {
        readonly name: string;
        readonly min?: number | undefined;
        readonly max?: number | undefined;
        readonly alpha?: number | undefined;
        readonly beta?: number | undefined;
      }
    | undefined;
  readonly after: boolean;
}

export interface NativeRange {
  readonly min: number;
  readonly max: number;
  readonly error: number;
  readonly signal: number;
}

export interface NativeQuantizedWeights {
  readonly values: Int8Array;
  readonly scales: Float32Array;
  readonly bias?: Int32Array;
}

export interface NativeTensorDifference {
  readonly count: number;
  readonly referenceNonFinite: number;
  readonly candidateNonFinite: number;
  readonly signal: number;
  readonly candidateSignal: number;
  readonly dot: number;
  readonly noise: number;
  readonly largest: number;
}

/** How a kernel goes along one axis; `begin` and `end` are padding. */
export interface NativeKernelAxis {
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
  readonly end: number;
}

/** What a layer reads, in eight bits: see `LayerInput` in native/calibration/input_products.h. */
export interface NativeLayerInput {
  readonly channels: number;
  readonly groups: number;
  /** The last is the innermost. */
  readonly axes: readonly [NativeKernelAxis, NativeKernelAxis];
  readonly scale: number;
  readonly zeroPoint: number;
  readonly low: number;
  readonly high: number;
}

export interface NativeWeightsLayout {
  readonly outputs: number;
  readonly columns: number;
  readonly outputStride: number;
  readonly columnStride: number;
}

/** The part of the addon's functions that observes activations and makes eight bits of numbers. */
export interface NativeCalibration {
  observerCreate(tensors: readonly { readonly name: string; readonly channelAxis?: number | undefined }[]): ObserverHandle;
  observerRelease(observer: ObserverHandle): void;
  /** Statistics of every tensor, in the order of `observerCreate`. */
  observerAdd(observer: ObserverHandle, statistics: readonly NativeTensorStatistics[]): Promise<void>;
  observerStatistics(observer: ObserverHandle, operation?: OperationHandle): Promise<NativeTensorStatistics[]>;
  sessionObserve(
    session: SessionHandle,
    inputs: readonly NativeInput[],
    observer: ObserverHandle,
    picture: number,
    operation?: OperationHandle,
  ): Promise<NativeObserveResult>;

  rangeFind(statistics: NativeTensorStatistics, spec: NativeRangeSpec, operation?: OperationHandle): Promise<NativeRange>;
  /** All copied before the call returns. */
  weightsQuantize(
    data: Float32Array,
    dims: readonly number[],
    axis: number,
    bias: { readonly values: Float32Array; readonly inputScale: number } | undefined,
    halfScales: boolean,
    operation?: OperationHandle,
  ): Promise<NativeQuantizedWeights>;
  /** `groups`: begin and end of each along the axis of `dims`, which both have. */
  tensorsCompare(
    reference: NativeTensor,
    candidate: NativeTensor,
    dims: readonly number[],
    axis: number,
    groups: Uint32Array,
    operation?: OperationHandle,
  ): Promise<NativeTensorDifference[]>;

  productsCreate(input: NativeLayerInput): ProductsHandle;
  productsRelease(products: ProductsHandle): void;
  productsAdd(products: ProductsHandle, tensor: NativeTensor, picture: number, operation?: OperationHandle): Promise<void>;
  /** Arrays are copied before the call returns. `inputs`: each once. */
  weightsRound(
    data: Float32Array,
    layout: NativeWeightsLayout,
    scales: Float32Array,
    inputs: readonly { readonly products: ProductsHandle; readonly square: number }[],
    operation?: OperationHandle,
  ): Promise<Int8Array | undefined>;
}
