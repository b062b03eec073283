import { mkdir } from 'node:fs/promises';
import { join, parse } from 'node:path';

import type { ModelProto } from '../graph/index.js';
import type { FormFile } from './form-judge.js';
import type { FormName } from './optimization-report.js';
import type { OptimizedSource, OptimizeSteps } from './optimize-steps.js';
import type { PrunedSource } from './pruned-source.js';
import type { Precision, QuantizedForms } from './quantized-layer.js';

/** Writes what is judged: each form in a folder of its own within `work`, where a large one keeps its weights beside it. */
export async function writeFormFiles(
  source: OptimizedSource,
  pruned: PrunedSource | undefined,
  { onnxruntime, tensorrt, simulated }: QuantizedForms,
  work: string,
  writeModel: OptimizeSteps<never>['writeModel'],
): Promise<FormFile[]> {
  const { name } = parse(source.path);
  const normalized = join(work, `${name}.onnx`);
  await writeModel(source.model, normalized);
  const files: FormFile[] = [{ form: 'float32', file: source.path, timed: normalized }];
  if (pruned !== undefined) files.push({ form: 'pruned', file: pruned.path });
  // Both forms are the pruned model then.
  if (source.precision === 'fp32') return files;
  const write = async (folder: string, model: ModelProto): Promise<string> => {
    await mkdir(join(work, folder));
    const file = join(work, folder, `${name}.onnx`);
    await writeModel(model, file);
    return file;
  };
  files.push({ form: 'onnxruntime', file: await write('onnxruntime', onnxruntime) });
  files.push({
    form: 'tensorrt',
    file: await write('tensorrt', tensorrt),
    simulated: simulated && (await write('simulated', simulated)),
  });
  return files;
}

/** Whether a form is in the bundle; `keepFloat`: whether that for ONNX Runtime is the model as it was given. */
export function isShipped(form: FormName, precision: Precision, keepFloat: boolean): boolean {
  if (form === 'float32') return keepFloat;
  if (form === 'pruned') return precision === 'fp32';
  return form === 'tensorrt' || !keepFloat;
}
