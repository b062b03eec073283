import type { Preprocess, PreprocessOptions } from '../image/index.js';
import { Detector, taskNameOf, type PreprocessSource, type Task, type TaskName } from '../tasks/index.js';
import type { DetectionHead } from '../tasks/heads/detection-head.js';

/** What a model was taken for, as data. */
export interface Recognized {
  readonly task: TaskName;
  /** For detectors. */
  readonly head?: DetectionHead;
  readonly preprocess: Preprocess;
  readonly preprocessSource: PreprocessSource;
}

export function recognizedOf(task: Task): Recognized {
  const { preprocess, preprocessSource } = task;
  if (task instanceof Detector) return { task: 'detect', head: task.head, preprocess, preprocessSource };
  return { task: taskNameOf(task), preprocess, preprocessSource };
}

/** What a model of each task is called. */
export const nouns = {
  classify: 'Classifier',
  detect: 'Detector',
  segment: 'Segmenter',
  embed: 'Embedder',
  dense: 'DensePredictor',
} as const satisfies Record<TaskName, string>;

/** The same in a line: `Detector: yolov8 head, letterbox to 640 x 640, rgb, scale 1/255, from the metadata.` */
export function recognizedLine(model: Task): string {
  const { task, head, preprocess, preprocessSource } = recognizedOf(model);
  const parts = [...(head === undefined ? [] : [`${head} head`]), ...preprocessWords(preprocess.options)];
  return `${nouns[task]}: ${parts.join(', ')}, ${sourceWords(preprocessSource)}.`;
}

function sourceWords(source: PreprocessSource): string {
  if (source === 'option') return 'as asked';
  if (source === 'task') return 'as usual for the task';
  return source === 'metadata' || source === 'graph' || source === 'bundle' ? `from the ${source}` : `from ${source}`;
}

/** What is as in most models goes without saying: bilinear, centred, no mean, no deviation. */
export function preprocessWords(options: PreprocessOptions): string[] {
  const { fit, width, height, resizeEdge, longestEdge, multipleOf, interpolation, anchor, color, scale, mean, std } = options;
  const size = `${width} x ${height}`;
  const fits = {
    letterbox: [`letterbox to ${size}`, ...(anchor === 'center' ? [] : [anchor])],
    stretch: [`stretch to ${size}`],
    crop: [`shortest edge to ${resizeEdge}`, `crop to ${size}`],
    'stretch-crop': [`stretch to ${resizeEdge} x ${resizeEdge}`, `crop to ${size}`],
    'shortest-edge': [
      `shortest edge to ${resizeEdge}`,
      ...(longestEdge === 0 ? [] : [`longest at most ${longestEdge}`]),
      ...(multipleOf === 1 ? [] : [`multiples of ${multipleOf}`]),
    ],
    'least-scale': [`scaled to ${width} or ${height}`, ...(multipleOf === 1 ? [] : [`multiples of ${multipleOf}`])],
    none: ['own size'],
  } as const satisfies Record<PreprocessOptions['fit'], readonly string[]>;
  return [
    ...fits[fit],
    ...(interpolation === 'bilinear' || fit === 'none' ? [] : [interpolation]),
    color,
    `scale ${scale === 1 / 255 ? '1/255' : scale}`,
    ...(mean.every((value) => value === 0) ? [] : [`mean ${mean.join(' ')}`]),
    ...(std.every((value) => value === 1) ? [] : [`std ${std.join(' ')}`]),
  ];
}
