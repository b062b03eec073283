import { presets, type PreprocessOptions } from '../image/index.js';
import type { InputSize } from './processor-config.js';

/**
 * The preprocessing of a model that Ultralytics exported, by its metadata; undefined for other models. Classifiers take the centre of the
 * picture, without a mean; RT-DETR stretches; all others are letterboxed.
 */
export function ultralyticsOptions(
  metadata: ReadonlyMap<string, string>,
): ((input: InputSize) => Partial<PreprocessOptions>) | undefined {
  const task = metadata.get('task');
  if (metadata.get('author') !== 'Ultralytics' || task === undefined) return undefined;
  return (input) => {
    const preset = task === 'classify' ? presets.imagenet : presets.yolo;
    const [imageHeight, imageWidth] = imageSize(metadata) ?? [preset.height, preset.width];
    const { width = imageWidth, height = imageHeight } = input;
    if (task === 'classify') return classifyOptions(width, height);
    return { ...presets.yolo, width, height, ...(declaredRtDetr(metadata) ? { fit: 'stretch' } : {}) };
  };
}

/** The shortest edge to the input's, and the centre cut out; inputs that are not square are stretched to. */
function classifyOptions(width: number, height: number): Partial<PreprocessOptions> {
  const fit = width === height ? 'crop' : 'stretch';
  const { interpolation, pad } = presets.imagenet;
  return { width, height, fit, resizeEdge: Math.min(width, height), interpolation, pad, scale: 1 / 255 };
}

/**
 * Whether the model is an RT-DETR, and whether it selects the best queries itself; false: another model of Ultralytics. Its last module is named
 * from 8.4 on; before, RT-DETR stands in the description alone.
 */
export function declaredRtDetr(metadata: ReadonlyMap<string, string>): 'concatenated' | 'end-to-end' | false | undefined {
  if (metadata.get('head') === 'RTDETRDecoder') return 'end-to-end';
  const description = metadata.get('description') ?? '';
  if (/rt-?detr/i.test(description)) return 'concatenated';
  return /^Ultralytics yolo/i.test(description) ? false : undefined;
}

/** Height and width out of `imgsz`: "[height, width]", or one number for both. */
export function imageSize(metadata: ReadonlyMap<string, string>): readonly [number, number] | undefined {
  const match = /^\[?\s*(\d+)\s*(?:,\s*(\d+)\s*)?\]?$/.exec(metadata.get('imgsz') ?? '');
  if (match === null) return undefined;
  const height = Number(match[1]);
  return [height, match[2] === undefined ? height : Number(match[2])];
}
