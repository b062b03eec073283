/** The models that engines are built of, the pictures that they are given, and what their engines must agree in with ONNX Runtime. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

import {
  buildEngine,
  loadTask,
  ModelBundle,
  optimizeModel,
  type EngineBundle,
  type LoadTaskOptions,
  type Task,
} from '../../lib/index.js';
import { projectRoot } from '../package/node-child.js';
import { gpu, work, type GpuMachine } from './machine.js';

export const precisions = ['fp32', 'fp16', 'int8'] as const;
export type Precision = (typeof precisions)[number];

export interface GpuModel {
  readonly name: string;
  readonly path: string;
  readonly pictures: readonly string[];
  /** A folder of pictures to calibrate with. */
  readonly calibration: string;
  /** What the model does not tell by itself. */
  readonly options: LoadTaskOptions;
}

const examples = join(projectRoot, 'examples');
const shared = join(projectRoot, '../shared');

function own(name: string, pictures: RegExp): GpuModel {
  const folder = join(examples, 'pictures');
  return {
    name,
    path: join(examples, `models/${name}.onnx`),
    pictures: readdirSync(folder)
      .filter((file) => pictures.test(file))
      .map((file) => join(folder, file)),
    calibration: folder,
    options: {},
  };
}

function published(name: string, folder: string, options: LoadTaskOptions): GpuModel[] {
  const path = join(shared, `models/${name}.onnx`);
  if (!existsSync(path)) return [];
  const pictures = join(shared, 'images', folder);
  const files = readdirSync(pictures).filter((file) => /\.jpe?g$/i.test(file));
  return [
    {
      name,
      path,
      pictures: files
        .sort()
        .slice(0, 12)
        .map((file) => join(pictures, file)),
      calibration: pictures,
      options,
    },
  ];
}

export const classifier = own('shapes-classifier', /^(?:circle|cross|ring|square|star|triangle)\.jpg$/);
export const detector = own('shapes-detector', /^shapes-.*\.(?:jpg|png)$/);
export const segmenter = own('shapes-segmenter', /^segment-\d+x\d+\.(?:jpg|png)$/);
export const ownModels = [classifier, detector, segmenter];

/** Where ../shared is there. On the stand-ins only the suite is tried: our own models do for that. */
export const publishedModels = gpu?.onStandins
  ? []
  : [
      ...published('mobilenetv2_fp32', 'imagenet', { activation: 'softmax', preprocess: 'imagenet' }),
      ...published('yolov8n_fp32', 'scenes', { head: 'yolov8', preprocess: 'yolo' }),
      ...published('prisma_portrait_seg_256', 'scenes', { activation: 'none' }),
    ];
if (gpu?.onStandins === false && publishedModels.length === 0)
  console.warn(`SKIPPED: there is no ${shared}, so engines are built of the project's own models only`);

/** The model as an engine is built of it: the file itself, or a bundle with the form for TensorRT. Not to be asked for twice at the same time. */
export async function formOf({ name, path, calibration, options }: GpuModel, precision: Precision): Promise<string> {
  if (precision === 'fp32') return path;
  const output = join(work, 'forms', `${name}.${precision}`);
  if (existsSync(output)) return output;
  mkdirSync(dirname(output), { recursive: true });
  const { device } = gpu as GpuMachine;
  await optimizeModel(path, { data: calibration, precision, pictures: 16, output, device, force: true, task: options });
  return output;
}

/** The ONNX file that the engine of a precision is built of. */
export async function onnxOf(model: GpuModel, precision: Precision): Promise<string> {
  const form = await formOf(model, precision);
  return precision === 'fp32' ? form : (await ModelBundle.open(form)).form('tensorrt');
}

/** Takes the model's own input, or pixels where `bake`. FP32 is that, and not TF32. */
export async function engineOf(model: GpuModel, precision: Precision, bake = false): Promise<EngineBundle> {
  const { task, head, preprocess } = model.options;
  const known = precision === 'fp32' ? { task, head, preprocess } : {};
  const { bundle } = await buildEngine(await formOf(model, precision), {
    device: (gpu as GpuMachine).device,
    bake,
    tf32: false,
    ...known,
  });
  return bundle;
}

/** A task on the engine of a bundle, or with ONNX Runtime on the CPU. */
export async function taskOf(model: GpuModel, bundle?: EngineBundle): Promise<Task> {
  return bundle === undefined ? loadTask(model.path, { ...model.options, device: 'cpu' }) : loadTask(bundle.path, model.options);
}
