/** What the addon's functions around sessions and GPUs take and give; the functions are in native.ts. */
import type { DType } from './dtype.js';
import type { DeviceTensorHandle, LeaseHandle, NativeLease, NativeMemoryStatistics } from './native.js';

export interface NativeTensorInfo {
  readonly name: string;
  readonly dtype: DType;
  /** -1 where only a run tells. */
  readonly dims: readonly number[];
  readonly symbols: readonly string[];
}

export interface NativeSessionOptions {
  readonly intraOpThreads: number;
  readonly interOpThreads: number;
  readonly intraOpSpinning: boolean;
  readonly memoryPattern: boolean;
  readonly graphOptimization: number;
  readonly providers: readonly { readonly name: string; readonly options: Readonly<Record<string, string>> }[];
  readonly config: Readonly<Record<string, string>>;
  readonly lanes: number;
  /** Ordinals of the GPUs that lanes of an engine are spread over in turn; empty: the first. */
  readonly gpus: readonly number[];
  /** Whether an engine's runs are recorded for each shape and replayed. */
  readonly cudaGraphs: boolean;
}

/** An array over the buffer of a lease. */
export interface NativeLeased {
  readonly lease: LeaseHandle;
  readonly data: ArrayBufferView;
}

/** Without a lease the data is copied before the call returns. */
export interface NativeTensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly data: ArrayBufferView;
  readonly lease: LeaseHandle | undefined;
}

/** A tensor of the host, or one in the memory of a GPU. */
export type NativeInput = NativeTensor | (Pick<NativeTensor, 'dtype' | 'dims'> & { readonly device: DeviceTensorHandle });

export interface NativeOutput {
  readonly dtype: DType;
  readonly dims: number[];
  /** Neither this nor `device`: it was written to the tensor that was given for it. */
  readonly lease?: NativeLease;
  readonly device?: DeviceTensorHandle;
  /** Ordinal of the GPU that `device` is on. */
  readonly gpu?: number;
}

export interface NativeRunOptions {
  /** Whether outputs stay on the GPU that computes them; of an engine alone. */
  readonly onDevice: boolean;
  readonly layerTimes: boolean;
  /** For log lines. */
  readonly requestIds?: readonly string[] | undefined;
}

export interface NativeRunResult {
  readonly outputs: readonly NativeOutput[];
  readonly copiedBytes: number;
  readonly queueMs: number;
  readonly computeMs: number;
  /** To and from a device; 0 where there is none. */
  readonly uploadMs: number;
  readonly downloadMs: number;
  readonly layers?: readonly { readonly name: string; readonly ms: number }[];
}

export interface NativeCopies {
  readonly count: number;
  readonly bytes: number;
}

/** Of one GPU that something was opened on. */
export interface NativeGpuStatistics {
  readonly gpu: number;
  readonly name: string;
  /** How it came to be lost; absent while it works. */
  readonly lost?: string;
  readonly freeBytes?: number;
  readonly totalBytes?: number;
  readonly device: NativeMemoryStatistics;
  readonly pinned: NativeMemoryStatistics;
  readonly toDevice: NativeCopies;
  readonly toHost: NativeCopies;
  readonly onDevice: NativeCopies;
}
