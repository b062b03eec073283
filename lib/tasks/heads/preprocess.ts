import type { Preprocess, PreprocessOptions, PreprocessPreset } from '../../image/index.js';
import type { ModelInput, PreprocessChoice } from '../model-input.js';
import type { DetectionHead } from './detection-head.js';

interface Usual {
  readonly preset: PreprocessPreset;
  readonly changes?: Partial<PreprocessOptions>;
}

const stretched = { fit: 'stretch' } as const;

/** How the families of detectors were trained, where the model does not say. */
const usual: Readonly<Partial<Record<DetectionHead, Usual>>> = {
  yolox: { preset: 'yolox' },
  // Hugging Face's image processors resize as Pillow does.
  detr: {
    preset: 'imagenet',
    changes: { ...stretched, interpolation: 'bilinear-antialias' },
  },
  'rt-detr': { preset: 'yolo', changes: { ...stretched, interpolation: 'bilinear-antialias' } },
  'rt-detr-concatenated': { preset: 'yolo', changes: stretched },
  'rt-detr-end-to-end': { preset: 'yolo', changes: stretched },
  // The SSDs of PyTorch's lineage, UltraFace among them.
  ssd: { preset: 'yolo', changes: { ...stretched, scale: 1, mean: [127, 127, 127], std: [128, 128, 128] } },
  // InsightFace puts the picture into the top left corner of a black input.
  scrfd: {
    preset: 'yolox',
    changes: { color: 'rgb', pad: [0, 0, 0], mean: [127.5, 127.5, 127.5], std: [128, 128, 128] },
  },
};

/** The preprocessing of a detector: that of its family, unless the user or the model says otherwise. */
export function headPreprocess(input: ModelInput, asked: PreprocessChoice | undefined, head: DetectionHead): Preprocess {
  const { preset, changes = {} } = usual[head] ?? { preset: 'yolo' as const };
  return input.preprocess(asked, preset, input.channels === 1 ? { ...changes, color: 'grey' } : changes);
}
