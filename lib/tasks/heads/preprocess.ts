import type { PreprocessPreset } from '../../image/index.js';
import type { DetectionHead, RecognizedHead } from './detection-head.js';

/** How the families of detectors were trained that are not letterboxed as YOLO's are, where the model does not say. */
const presets: Readonly<Partial<Record<DetectionHead, PreprocessPreset>>> = {
  yolox: 'yolox',
  detr: 'detr',
  'rt-detr': 'rtdetr',
  'rt-detr-concatenated': 'rtdetr',
  'rt-detr-end-to-end': 'rtdetr',
  ssd: 'ssd',
  scrfd: 'scrfd',
};

/** The outputs of RF-DETR, as its own export names them. */
export function isRfDetr(outputs: readonly string[]): boolean {
  return `${outputs}` === 'labels,dets';
}

/** Conditional and Deformable DETR as transformers' exporters name their outputs, with the classes of COCO: RT-DETR has 80 of them. */
function isDetrWithSigmoid({ outputs, classes }: RecognizedHead): boolean {
  return `${outputs}` === 'logits,pred_boxes' && classes === 91;
}

/** Heads of one form were trained in different ways: the graph, or names and numbers of outputs, tell the families apart. */
export function presetOf(recognized: RecognizedHead): PreprocessPreset {
  const { head, outputs, family } = recognized;
  if (family === 'yolox') return 'yolox';
  if (head === 'rt-detr' && isRfDetr(outputs)) return 'rfdetr';
  if (head === 'rt-detr' && isDetrWithSigmoid(recognized)) return 'detr';
  return presets[head] ?? 'yolo';
}
