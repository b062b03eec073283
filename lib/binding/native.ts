/**
 * The functions of the addon, as TypeScript sees them. Written by hand beside `native/napi`; `tests/binding` compares the names with what
 * the addon exports. Only `lib/binding` loads the addon; others call through `settle` and `attempt`.
 *
 * An asynchronous function rejects, and any function throws, a plain `{ code, message, hint }`; see `settle` and `attempt`.
 */
import type { DType } from './dtype.js';
import type { NativeCalibration } from './native-calibration.js';
import type {
  NativeBuiltEngine,
  NativeEngineSpec,
  NativeModel,
  NativeNotice,
  NativeSupport,
  NativeTensorRt,
} from './native-engine.js';
import type { NativeMetrics } from './native-metrics.js';
import type {
  NativeGpuStatistics,
  NativeInput,
  NativeLeased,
  NativeRunOptions,
  NativeRunResult,
  NativeSessionOptions,
  NativeTensor,
  NativeTensorInfo,
} from './native-session.js';

declare const tag: unique symbol;
/** A native object that only the addon can look into. */
type Handle<Name extends string> = { readonly [tag]: Name };
export type RuntimeHandle = Handle<'runtime'>;
export type TensorRtHandle = Handle<'tensorrt'>;
export type SessionHandle = Handle<'session'>;
export type OperationHandle = Handle<'operation'>;
export type LeaseHandle = Handle<'lease'>;
export type DeviceTensorHandle = Handle<'device tensor'>;
export type MatchingHandle = Handle<'matching'>;
export type ObserverHandle = Handle<'observer'>;
export type ProductsHandle = Handle<'products'>;

/** Native memory and the one ArrayBuffer that shows it. */
export interface NativeLease {
  readonly handle: LeaseHandle;
  readonly buffer: ArrayBuffer;
}

export interface NativeRuntime {
  readonly handle: RuntimeHandle;
  readonly name: string;
  readonly version: string;
  readonly path: string;
  readonly providers: readonly string[];
}

/** Raw pixels. Without a lease they are copied before the call returns. */
export interface NativeFrame {
  readonly pixels: Uint8Array;
  readonly lease: LeaseHandle | undefined;
  readonly width: number;
  readonly height: number;
  readonly stride: number;
  /** `cmyk` holds inks, 255 being full. */
  readonly format: 'grey' | 'rgb' | 'bgr' | 'rgba' | 'cmyk' | 'nv12' | 'i420' | 'yuyv';
  /** Of nv12, i420 and yuyv only. */
  readonly colorMatrix?: 'bt601' | 'bt709';
  readonly colorRange?: 'limited' | 'full';
}

export type NativePictureSource = { readonly path: string } | { readonly bytes: Uint8Array } | NativeFrame;

/** See `Placement` in lib/image. */
export interface NativePlacement {
  readonly sourceWidth: number;
  readonly sourceHeight: number;
  readonly inputWidth: number;
  readonly inputHeight: number;
  readonly scaleX: number;
  readonly scaleY: number;
  readonly offsetX: number;
  readonly offsetY: number;
}

/** See `PreprocessOptions` in lib/image; all fields present. */
export interface NativePreprocessSpec {
  readonly fit: string;
  readonly width: number;
  readonly height: number;
  readonly resizeEdge: number;
  readonly longestEdge: number;
  readonly multipleOf: number;
  readonly interpolation: string;
  readonly anchor: string;
  readonly rounding: string;
  readonly pad: readonly number[];
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly color: string;
  readonly layout: string;
  readonly dtype: DType;
  readonly jpegDecode: string;
  readonly iccProfile: string;
}

export interface NativePreprocessResult {
  readonly placement: NativePlacement;
  readonly dims: number[];
  readonly copiedBytes: number;
  readonly decodeMs: number;
  readonly preprocessMs: number;
  readonly lease?: NativeLease;
}

/** Of an SSD; no levels: the boxes are decoded. */
export interface NativePriorBoxes {
  readonly levels: readonly {
    readonly columns: number;
    readonly rows: number;
    readonly strideX: number;
    readonly strideY: number;
    readonly sizes: readonly number[];
  }[];
  readonly centerVariance: number;
  readonly sizeVariance: number;
  readonly clip: boolean;
}

export interface NativeDetectionSpec {
  readonly head: string;
  readonly classes: number;
  readonly anchors: number;
  readonly strides: readonly number[];
  readonly priors: NativePriorBoxes | undefined;
  readonly activation: string;
  readonly pointsPerCell: number;
  readonly keypoints: number;
  readonly keypointValues: number;
  readonly maskCoefficients: number;
  readonly rotated: boolean;
  readonly scoreThreshold: number;
  readonly iouThreshold: number;
  readonly maxDetections: number;
  readonly classAgnostic: boolean;
  readonly classFilter: readonly number[];
}

export interface NativeDetections {
  readonly boxes: Float32Array;
  readonly scores: Float32Array;
  readonly classIds: Int32Array;
  readonly keypoints?: Float32Array;
  readonly rotatedBoxes?: Float32Array;
  /** x, y, width, height of each mask; the lease holds them one after the other, and is missing where no mask has a pixel. */
  readonly masks?: { readonly areas: Int32Array; readonly lease?: NativeLease };
  /** On the lane, waiting not counted. */
  readonly elapsedMs: number;
}

export interface NativeMergeOptions {
  readonly metric: string;
  readonly threshold: number;
  readonly grow: boolean;
  readonly classAgnostic: boolean;
  readonly maxDetections: number;
}

export interface NativeDenseMapSpec {
  readonly height: number;
  readonly width: number;
  readonly scaling: string;
  readonly interpolation: string;
}

export interface NativeDenseMap {
  readonly values: NativeLease;
  readonly min: number;
  readonly max: number;
  readonly elapsedMs: number;
}

export interface NativeMaskSpec {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly layout: string;
  readonly activation: string;
  readonly threshold: number;
}

export interface NativeDecodedMask {
  readonly mask: NativeLease;
  /** Pixels of each of the 256 class ids. */
  readonly counts: Uint32Array;
  readonly elapsedMs: number;
}

/** Class ids. Without a lease they are copied before the call returns. */
export interface NativeMask {
  readonly data: Uint8Array;
  readonly lease: LeaseHandle | undefined;
}

export type NativeColor = readonly [red: number, green: number, blue: number];

/** The mask of one object. Without a lease it is copied before the call returns. */
export interface NativeInstanceMark {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  readonly lease: LeaseHandle | undefined;
  readonly color: NativeColor;
}

export interface NativeMarks {
  readonly boxes: readonly {
    readonly box: readonly number[];
    readonly color: NativeColor;
    readonly text: string;
    /** false: the text alone is drawn. */
    readonly outlined: boolean;
  }[];
  /** The most important first. */
  readonly instances?: readonly NativeInstanceMark[];
  readonly lines?: readonly { readonly points: readonly number[]; readonly closed: boolean; readonly color: NativeColor }[];
  readonly points?: readonly { readonly x: number; readonly y: number; readonly color: NativeColor }[];
  readonly caption: readonly string[];
  readonly mask:
    | (NativeMask & {
        readonly palette: readonly NativeColor[];
        readonly opacity: number;
        readonly transparent: number;
        readonly outlined: boolean;
      })
    | undefined;
}

/** A log line of a vendor library. */
export interface NativeLogLine {
  readonly level: 'verbose' | 'info' | 'warning' | 'error';
  /** Whose line it is, such as 'onnxruntime'. */
  readonly runtime: string;
  /** The model that it is about, '' where it is about none. */
  readonly origin: string;
  readonly message: string;
  /** As given with the run that was under way on the thread of the line. */
  readonly requestIds: readonly string[];
}

export interface NativeMemoryStatistics {
  readonly liveBytes: number;
  readonly pooledBytes: number;
  readonly allocations: number;
  readonly reuses: number;
}

export interface Native extends NativeMetrics, NativeCalibration {
  environmentStop(): void;

  leaseAllocate(bytes: number): NativeLease;
  leaseRelease(lease: LeaseHandle, buffer: ArrayBuffer): void;
  memoryStatistics(): NativeMemoryStatistics;
  memoryTrim(): void;

  logListen(listener: (line: NativeLogLine) => void): void;

  runtimeOpen(path: string): Promise<NativeRuntime>;
  /** Why no GPU can be used; undefined where one can. */
  gpuObstacle(): Promise<string | undefined>;
  tensorrtOpen(path: string, parserPath: string | undefined): Promise<NativeTensorRt>;

  /** The model's file is mapped into memory: nobody may change it, or external data beside it, meanwhile. */
  engineBuild(
    library: TensorRtHandle,
    modelPath: string,
    spec: NativeEngineSpec,
    timingCache: Uint8Array | undefined,
    listener: (notice: NativeNotice) => void,
    operation: OperationHandle | undefined,
  ): Promise<NativeBuiltEngine>;
  /** What two timing caches of one library and GPU know together; undefined where the library does not take them. */
  timingCacheCombine(library: TensorRtHandle, first: Uint8Array, second: Uint8Array): Promise<NativeLease | undefined>;
  engineSupport(library: TensorRtHandle, model: NativeModel, operation: OperationHandle | undefined): Promise<NativeSupport>;

  sessionOpen(
    runtime: RuntimeHandle,
    source: string | Uint8Array,
    options: NativeSessionOptions,
    operation?: OperationHandle,
  ): Promise<SessionHandle>;
  sessionDescribe(session: SessionHandle): {
    readonly inputs: readonly NativeTensorInfo[];
    readonly outputs: readonly NativeTensorInfo[];
  };
  sessionRun(
    session: SessionHandle,
    inputs: readonly NativeInput[],
    outputs: readonly { readonly index: number; readonly tensor: NativeTensor | undefined }[],
    options: NativeRunOptions,
    operation?: OperationHandle,
  ): Promise<NativeRunResult>;
  /** Memory for an input: where the session reads it without another copy. */
  sessionAllocate(session: SessionHandle, bytes: number): NativeLease;
  sessionRefit(
    session: SessionHandle,
    weights: readonly { readonly name: string; readonly tensor: NativeTensor }[],
  ): Promise<void>;
  sessionClose(session: SessionHandle): Promise<void>;

  /** A copy in host memory. */
  deviceTensorRead(tensor: DeviceTensorHandle): Promise<NativeLease>;
  deviceTensorFree(tensor: DeviceTensorHandle): void;
  gpuStatistics(): Promise<readonly NativeGpuStatistics[]>;

  operationCreate(): OperationHandle;
  operationCancel(operation: OperationHandle): void;

  visionLanes(): number;
  pictureDecode(
    source: NativePictureSource,
    iccProfile: string,
    pixelLimit: number,
    operation?: OperationHandle,
  ): Promise<{ readonly width: number; readonly height: number; readonly lease: NativeLease; readonly copiedBytes: number }>;
  preprocessRun(
    source: NativePictureSource,
    spec: NativePreprocessSpec,
    slot: NativeLeased | undefined,
    pixelLimit: number,
    operation?: OperationHandle,
  ): Promise<NativePreprocessResult>;
  pictureDraw(
    picture: NativeLeased & { readonly width: number; readonly height: number },
    marks: NativeMarks,
    operation?: OperationHandle,
  ): Promise<void>;

  detectionsDecode(
    outputs: readonly NativeLeased[],
    spec: NativeDetectionSpec,
    prototypes: readonly number[] | undefined,
    placement: NativePlacement,
    operation?: OperationHandle,
  ): Promise<NativeDetections>;
  detectionsMerge(
    boxes: Float32Array,
    scores: Float32Array,
    classIds: Int32Array,
    options: NativeMergeOptions,
    operation?: OperationHandle,
  ): Promise<{ readonly kept: Int32Array; readonly boxes: Float32Array; readonly elapsedMs: number }>;
  classesRank(
    output: NativeLeased,
    activation: string,
    k: number,
    operation?: OperationHandle,
  ): Promise<{ readonly classIds: Int32Array; readonly scores: Float32Array; readonly elapsedMs: number }>;
  maskDecode(
    output: NativeLeased,
    spec: NativeMaskSpec,
    placement: NativePlacement,
    operation?: OperationHandle,
  ): Promise<NativeDecodedMask>;
  denseMapDecode(
    output: NativeLeased,
    spec: NativeDenseMapSpec,
    placement: NativePlacement,
    operation?: OperationHandle,
  ): Promise<NativeDenseMap>;
  denseMapLevels(values: NativeLeased, min: number, max: number, operation?: OperationHandle): Promise<NativeLease>;
  maskColor(mask: NativeMask, palette: readonly NativeColor[], operation?: OperationHandle): Promise<NativeLease>;
}
