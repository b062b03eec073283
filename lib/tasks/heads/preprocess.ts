import type { PreprocessPreset } from '../../image/index.js';
import type { DetectionHead } from './detection-head.js';

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

export function presetOf(head: DetectionHead): PreprocessPreset {
  return presets[head] ?? 'yolo';
}
