/** The models that are quantized, how each is opened, and which pictures serve it. */
import { Classifier, Detector, Embedder, Segmenter } from '../../dist/index.js';

/** UltraFace's boxes are offsets from these. */
const ultraface = {
  boxes: 'raw',
  clip: true,
  activation: 'none',
  priors: [
    { grid: [40, 30], sizes: [10, 16, 24] },
    { grid: [20, 15], sizes: [32, 48] },
    { grid: [10, 8], sizes: [64, 96] },
    { grid: [5, 4], sizes: [128, 192, 256] },
  ],
};
const face = { fit: 'crop', resizeEdge: 112, scale: 1, mean: [127.5, 127.5, 127.5], std: [128, 128, 128], color: 'bgr' };

/**
 * `options` say what the float model tells by itself, because a quantizer drops metadata and puts its own nodes behind the last one. `pictures`: 'classes'
 * are those of ImageNet, 'all' these and the scenes. `scores`: thresholds at which boxes are compared, the first the one that decides.
 */
export const models = [
  { name: 'yolov8n_fp32', task: Detector, options: { head: 'yolov8', preprocess: 'yolo' }, pictures: 'all', scores: [0.25] },
  {
    name: 'mobilenetv2_fp32',
    task: Classifier,
    options: { activation: 'softmax', preprocess: 'imagenet' },
    pictures: 'classes',
  },
  { name: 'yolox_nano_416', task: Detector, options: { head: 'yolox', preprocess: 'yolox' }, pictures: 'all', scores: [0.25] },
  { name: 'prisma_portrait_seg_256', task: Segmenter, options: { activation: 'none' }, pictures: 'all' },
  {
    name: 'ultraface_rfb_320',
    task: Detector,
    // 0.6 is the threshold that the model was published with.
    options: { head: 'ssd', ssd: ultraface, preprocess: 'ssd', labels: ['face'] },
    pictures: 'all',
    scores: [0.25, 0.6],
  },
  { name: 'mobilefacenet_112', task: Embedder, options: { preprocess: face }, pictures: 'all' },
];

/** Those named in a list with commas, or all. */
export function modelsNamed(list) {
  if (list === undefined) return models;
  return list.split(',').map((name) => {
    const model = models.find((known) => known.name === name);
    if (model === undefined)
      throw new Error(`There is no model ${name}; there are ${models.map((known) => known.name).join(', ')}`);
    return model;
  });
}

/** What `loadTask` calls the model's task. */
export function taskNameOf({ task }) {
  return new Map([
    [Detector, 'detect'],
    [Classifier, 'classify'],
    [Segmenter, 'segment'],
    [Embedder, 'embed'],
  ]).get(task);
}
