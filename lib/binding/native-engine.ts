/** What the addon's functions around TensorRT take and give; the functions are in native.ts. */
import type { NativeLease, RuntimeHandle, TensorRtHandle } from './native.js';

/** A TensorRT library that was opened: 'tensorrt-lean' is its runtime alone. */
export interface NativeTensorRt {
  readonly handle: TensorRtHandle;
  /** What runs its engines. */
  readonly runtime: RuntimeHandle;
  readonly family: 'tensorrt' | 'tensorrt-rtx' | 'tensorrt-lean';
  /** Which layout of the library's tables it has, such as 'trt10'. */
  readonly profile: string;
  /** `10.15.1` */
  readonly version: string;
  readonly path: string;
  /** The ONNX parser that goes with it. */
  readonly parserPath: string | undefined;
  /** Why it cannot build engines on this machine; undefined where it can. */
  readonly buildObstacle: string | undefined;
  /** Why it cannot run engines on this machine; undefined where it can. */
  readonly runObstacle: string | undefined;
  /** Those of this machine. */
  readonly gpus: readonly NativeGpu[];
  /** The first, which engines are built for where none is named, and run on; absent where there is none. */
  readonly gpu?: NativeGpu;
}

export interface NativeGpu {
  /** What CUDA calls it in this process. */
  readonly ordinal: number;
  /** As its driver calls it: 'NVIDIA H200' */
  readonly name: string;
  /** 90 for 9.0 */
  readonly computeCapability: number;
  /** Of this very card, in hexadecimal digits. */
  readonly uuid: string;
}

/** A model, and where it came from: external data is looked for beside that. */
export interface NativeModel {
  readonly bytes: Uint8Array;
  readonly path: string | undefined;
}

/** The limits of one input under one optimization profile. */
export interface NativeInputRange {
  readonly input: string;
  readonly min: readonly number[];
  readonly opt: readonly number[];
  readonly max: readonly number[];
}

/** How an engine is built. What is undefined is left as the library has it. */
export interface NativeEngineSpec {
  /** Part of the engine's bytes. */
  readonly networkName: string;
  readonly profiles: readonly (readonly NativeInputRange[])[];
  readonly workspaceBytes: number | undefined;
  readonly optimizationLevel: number | undefined;
  readonly maxAuxStreams: number | undefined;
  /** Bits, as the release numbers them. */
  readonly tacticSources: number | undefined;
  readonly dlaCore: number | undefined;
  readonly hardwareCompatibility: 'none' | 'ampere-plus' | 'same-compute-capability';
  /** Names as in NVIDIA's BuilderFlag, without the k: `SPARSE_WEIGHTS`. */
  readonly flags: readonly string[];
  /** Of those that the library sets by itself. */
  readonly clearedFlags: readonly string[];
  readonly computeCapabilities: readonly number[];
  readonly pluginLibraries: readonly string[];
  /** Whether the listener hears what the library logs. */
  readonly log: boolean;
}

/** What a build tells while it runs: a phase begins (`text` within `detail`, of `number` steps), takes a step, ends; a line of the log (its level is `detail`). */
export interface NativeNotice {
  readonly kind: 'phase' | 'step' | 'end' | 'log';
  readonly text: string;
  readonly detail: string;
  readonly number: number;
}

export interface NativeNetworkTensor {
  readonly name: string;
  /** As TensorRT calls it: 'float32', 'bfloat16'. */
  readonly dtype: string;
  /** -1 where the profiles tell. */
  readonly dims: readonly number[];
}

export interface NativeBuiltEngine {
  readonly engine: NativeLease;
  readonly timingCache: NativeLease | undefined;
  readonly inputs: readonly NativeNetworkTensor[];
  readonly outputs: readonly NativeNetworkTensor[];
  /** Before the builder fused them. */
  readonly networkLayers: number;
  /** Of the engine, a line each; '' where the library told none. */
  readonly layers: string;
  readonly buildMs: number;
}

/** What of a model the parser does not take. */
export interface NativeSupport {
  readonly supported: boolean;
  readonly faults: readonly {
    readonly reason: string;
    readonly node: string;
    readonly op: string;
    /** Of the graph's nodes; -1 where unknown. */
    readonly nodeIndex: number;
    /** In the parser's source: 'ModelImporter.cpp:732'; '' where unknown. */
    readonly where: string;
  }[];
}
