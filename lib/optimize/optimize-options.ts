import { resolve } from 'node:path';

import type { Dataset } from '../dataset/index.js';
import { makeFolder } from '../engine/index.js';
import {
  checkBoolean,
  checkInteger,
  checkOneOf,
  checkOptions,
  checkPath,
  checkSignal,
  invalidArgument,
  MediaError,
} from '../errors/index.js';
import { checkPruning, type Pruning } from '../precision/index.js';
import type { LoadTaskOptions } from '../tasks/index.js';
import { checkedPrecision } from './checked-precision.js';
import { optimizeDevices, type OptimizeDevice } from './optimize-devices.js';
import { gpuPrecisions, quantizedForms, type Precision, type QuantizedFormName } from './quantized-layer.js';
import { checkBudget, type Budget } from './search/budget.js';
import type { OptimizeProgress } from './step-clock.js';

export interface OptimizeOptions {
  /** Pictures as the model will meet them: a folder or what else calibration takes. Some are calibrated with, the others held back to measure what was lost. Needed unless `dataFree`. */
  readonly data?: string | undefined;
  /** In place of `data`: pictures are generated to calibrate with, and what was lost is told by `labelled` alone. Default false. */
  readonly dataFree?: boolean | undefined;
  /**
   * What layers are computed in; INT4 is for weights alone. With 'int8+fp16', what stays float in the form for TensorRT is FP16. FP16 is for GPUs: on a CPU it saves memory alone. BF16 and FP8 are for TensorRT: ONNX Runtime's form
   * is FP32. 'auto' takes of INT8, with more and more in float, FP16 and FP32 the first
   * that keeps to the budget; without one, to a drop of at most 1 %. Default: 'fp32' of a model that is pruned; of others, none.
   */
  readonly precision?: Precision | undefined;
  /** Makes small weights 0 before all else: half of those of each output channel by 'magnitude:0.5', two of each four by '2:4'. Default: none. */
  readonly prune?: Pruning | undefined;
  /** The folder that the bundle is written to, in place of a bundle that is there. */
  readonly output: string;
  /** Labelled pictures, by which the forms are evaluated too; those that were calibrated with are left out. */
  readonly labelled?: Dataset | undefined;
  /** A calibration table to take instead of making one. */
  readonly calibration?: string | undefined;
  /** A folder that each form is written to as well, as a plain .onnx file. */
  readonly exportOnnx?: string | undefined;
  /** How many pictures are calibrated with, where no table is given; with `dataFree`, how many are generated. Default: 32, of fewer than 64 in all half of them, at least 16. */
  readonly pictures?: number | undefined;
  /** Decides which pictures are calibrated with and held back. Default 0. */
  readonly seed?: number | undefined;
  /** Goes on where calibration doubts its pictures. Default false. */
  readonly force?: boolean | undefined;
  /** Limits that the forms have to keep to: see {@link Budget}. What has to stay float for that is searched for. */
  readonly budget?: Budget | undefined;
  /** The only engine to make a form for: the bundle has FP32 for the other. Default: forms for both. */
  readonly device?: OptimizeDevice | undefined;
  /** Latency is measured with one thread and with so many. Default: all cores. */
  readonly threads?: number | undefined;
  /** How the model is opened. */
  readonly task?: Omit<LoadTaskOptions, 'device' | 'threads' | 'signal'> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told as each step goes on. */
  readonly onProgress?: ((progress: OptimizeProgress) => void) | undefined;
}

const optionNames = [
  ...(['data', 'dataFree', 'precision', 'prune', 'output', 'labelled', 'calibration', 'exportOnnx'] as const),
  ...(['pictures', 'seed', 'force', 'budget', 'device', 'threads', 'task', 'signal', 'onProgress'] as const),
] satisfies (keyof OptimizeOptions)[];

/** With defaults. */
export interface CheckedOptions extends OptimizeOptions {
  readonly precision: Precision;
  readonly dataFree: boolean;
  readonly pictures: number | undefined;
  readonly seed: number;
  readonly force: boolean;
  /** Those that are asked for. */
  readonly forms: readonly QuantizedFormName[];
}

/** Ranges of fewer would fit them and no others. */
const fewestGenerated = 16;

/** What `auto` keeps to where nothing else is asked. */
const autoBudget: Budget = { maxDrop: 0.01 };

/** Throws UNKNOWN_OPTION, INVALID_ARGUMENT. */
export function checkedOptions(options: OptimizeOptions): CheckedOptions {
  checkOptions('optimize options', options, optionNames);
  checkSignal(options.signal);
  const precision = checkedPrecision(options);
  if (options.threads !== undefined) checkInteger('threads', options.threads, 1, 1024);
  if (options.calibration !== undefined && options.pictures !== undefined) {
    throw invalidArgument(
      'pictures',
      'nothing beside a calibration, which has its pictures',
      options.pictures,
      'Leave out either.',
    );
  }
  const dataFree = checkBoolean('dataFree', options.dataFree ?? false);
  if (dataFree) checkDataFree(options);
  if (options.device !== undefined) checkOneOf('device', options.device, optimizeDevices);
  if (options.device === 'cpu' && gpuPrecisions.has(precision)) {
    const hint = 'CPUs have no kernels for it: give int8, or a device of TensorRT.';
    throw invalidArgument('precision', 'one that ONNX Runtime has kernels for, with the device cpu', precision, hint);
  }
  if (options.device === 'cpu' && precision === 'int8+fp16') {
    throw invalidArgument(
      'precision',
      'one of ONNX Runtime, with the device cpu',
      precision,
      'Give int8: FP16 is for TensorRT alone.',
    );
  }
  const isTimed = options.device === undefined || options.device === 'cpu';
  if (options.budget?.latencyMs !== undefined && !isTimed) {
    throw invalidArgument(
      'budget.latencyMs',
      `no limit of time for ${options.device as string}, which is not timed`,
      options.budget.latencyMs,
      'Limit the drop or the size, or leave the device out: ONNX Runtime is timed.',
    );
  }
  const budget =
    options.budget === undefined ? (options.precision === 'auto' ? autoBudget : undefined) : checkBudget(options.budget);
  return {
    ...options,
    precision,
    prune: options.prune === undefined ? undefined : checkPruning(options.prune),
    ...(!dataFree && { data: checkPath('data', options.data) }),
    dataFree,
    output: checkPath('output', options.output),
    ...(options.calibration !== undefined && { calibration: checkPath('calibration', options.calibration) }),
    ...(options.exportOnnx !== undefined && { exportOnnx: checkPath('exportOnnx', options.exportOnnx) }),
    pictures: options.pictures === undefined ? undefined : checkInteger('pictures', options.pictures, 1, 100_000),
    seed: checkInteger('seed', options.seed ?? 0, 0, 2 ** 32 - 1),
    force: checkBoolean('force', options.force ?? false),
    budget,
    forms: formsFor(options.device),
  };
}

function checkDataFree({ data, calibration, budget, precision, pictures }: OptimizeOptions): void {
  for (const [name, value] of Object.entries({ data, calibration })) {
    if (value !== undefined)
      throw invalidArgument(name, 'nothing beside dataFree, which generates pictures', value, 'Leave out either.');
  }
  if (pictures !== undefined && pictures < fewestGenerated) {
    throw invalidArgument(
      'pictures',
      `at least ${fewestGenerated} that are generated`,
      pictures,
      'Leave it out: they cost next to nothing.',
    );
  }
  if (precision !== 'auto' && budget === undefined) return;
  throw invalidArgument(
    'dataFree',
    'pictures by which a search can tell what is lost',
    true,
    'Generated pictures show nothing that a model knows: give data, or leave the budget out.',
  );
}

/** Throws OUTPUT_NOT_WRITABLE. */
export async function makeExportFolder(folder: string): Promise<void> {
  try {
    await makeFolder(resolve(folder));
  } catch (cause) {
    throw new MediaError('OUTPUT_NOT_WRITABLE', {
      message: `Cannot make the folder ${folder}: ${(cause as Error).message}`,
      hint: 'Check that the folder that it is to lie in may be written to.',
      cause,
    });
  }
}

function formsFor(device: OptimizeDevice | undefined): readonly QuantizedFormName[] {
  if (device === undefined) return quantizedForms;
  return [device === 'cpu' ? 'onnxruntime' : 'tensorrt'];
}
