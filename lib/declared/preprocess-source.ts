import type { PreprocessOptions, PreprocessPreset } from '../image/index.js';
import type { BesideModel, ConfigFile } from './beside-model.js';
import { isJsonObject } from './config-fields.js';
import { processorOptions, type InputSize } from './processor-config.js';
import { timmOptions } from './timm-config.js';
import { ultralyticsOptions } from './ultralytics-metadata.js';

/**
 * Where a task's preprocessing came from: the user's option, the bundle of an optimised model, a file beside the model, the model's metadata, the model's own first
 * operators together with a preset, a preset for the task, or what is usual for the task where no preset is that. An option that changes only some of it leaves the source as it is.
 */
export type PreprocessSource =
  'option' | 'bundle' | 'preprocessor_config.json' | 'config.json' | 'metadata' | 'graph' | 'task' | `preset ${PreprocessPreset}`;

/** Preprocessing that a file or the model itself tells. */
export interface DeclaredPreprocess {
  readonly source: PreprocessSource;
  /** For an input of this size. Throws PREPROCESS_INVALID for what cannot be expressed. */
  readonly options: (input: InputSize) => Partial<PreprocessOptions>;
}

/** What the bundle of a model tells of its preprocessing, or the files beside it, else what its metadata does; undefined where neither does. */
export function declaredPreprocess(
  { processor, model, bundle }: BesideModel,
  metadata: ReadonlyMap<string, string>,
): DeclaredPreprocess | undefined {
  const told = bundle?.preprocess;
  if (told !== undefined) return { source: 'bundle', options: () => told };
  const timm = [processor, model].find((file) => file !== undefined && timmFields(file) !== undefined);
  if (timm !== undefined) {
    const { name: source, path } = timm;
    return { source, options: (input) => timmOptions(timmFields(timm) ?? {}, path, input) };
  }
  if (processor !== undefined) {
    const { name: source, path, values } = processor;
    return { source, options: (input) => processorOptions(values, model?.values['model_type'], path, input) };
  }
  const options = ultralyticsOptions(metadata);
  return options && { source: 'metadata', options };
}

/** timm's `pretrained_cfg`, which older versions wrote without that name. */
function timmFields({ values }: ConfigFile): ConfigFile['values'] | undefined {
  if (isJsonObject(values['pretrained_cfg'])) return values['pretrained_cfg'];
  return values['architecture'] !== undefined && values['input_size'] !== undefined ? values : undefined;
}
