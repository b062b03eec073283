import { mkdir } from 'node:fs/promises';
import { join, parse } from 'node:path';

import type { ModelProto } from '../graph/index.js';
import type { FormFile } from './form-judge.js';
import type { FormName } from './optimization-report.js';
import type { OptimizedSource, OptimizeSteps } from './optimize-steps.js';
import type { PrunedSource } from './pruned-source.js';
import type { FormPrecision, Precision, QuantizedFormName, QuantizedForms } from './quantized-layer.js';

/** What is judged. */
export interface JudgedModels {
  readonly source: OptimizedSource;
  readonly pruned: PrunedSource | undefined;
  readonly quantized: QuantizedForms;
  /** Those that were asked for. */
  readonly forms: readonly QuantizedFormName[];
  /** Each form is put into a folder of its own within it, where a large one keeps its weights beside it. */
  readonly folder: string;
}

/** Writes the files of what is judged, the model as it was given first. */
export async function writeFormFiles(
  { source, pruned, quantized, forms, folder }: JudgedModels,
  writeModel: OptimizeSteps<never>['writeModel'],
): Promise<FormFile[]> {
  const { name } = parse(source.path);
  const normalized = join(folder, `${name}.onnx`);
  await writeModel(source.model, normalized);
  const files: FormFile[] = [{ form: 'float32', precision: 'float32', file: source.path, timed: normalized }];
  if (pruned !== undefined) files.push({ form: 'pruned', precision: 'float32', file: pruned.path });
  // Both forms are the pruned model then.
  if (source.precision === 'fp32') return files;
  const write = async (place: string, model: ModelProto): Promise<string> => {
    await mkdir(join(folder, place));
    const file = join(folder, place, `${name}.onnx`);
    await writeModel(model, file);
    return file;
  };
  const { precision, simulated } = quantized;
  for (const form of forms) {
    files.push({
      form,
      precision: precision[form],
      isGiven: precision[form] === 'float32',
      file: await write(form, quantized[form]),
      simulated: form === 'tensorrt' && simulated !== undefined ? await write('simulated', simulated) : undefined,
    });
  }
  return files;
}

/** Whether a form is in the bundle, for one engine at least; `keepFloat`: whether that for ONNX Runtime is the model as it was given. */
export function isShipped(
  { form, precision }: { readonly form: FormName; readonly precision: FormPrecision },
  options: { readonly precision: Precision; readonly forms: readonly QuantizedFormName[] },
  keepFloat: boolean,
): boolean {
  const hasTensorRt = options.forms.includes('tensorrt');
  if (form === 'float32') return keepFloat || !hasTensorRt;
  if (form === 'pruned') return options.precision === 'fp32' && (hasTensorRt || !keepFloat);
  // FP32 is the model as it was given.
  return form === 'tensorrt' || !keepFloat || precision === 'float32';
}
