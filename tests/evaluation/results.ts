/** Results of evaluations, made by hand with numbers as they come up, for each task. */
import { join } from 'node:path';

import type { EvaluationExample, EvaluationResult } from '../../lib/evaluation/index.js';

export const pictures = join(import.meta.dirname, '../../examples/pictures');

const base = {
  format: 1,
  foveate: '0.1.0',
  made: '2026-11-28T20:27:32.000Z',
  options: { batch: 8, scoreThreshold: 0.001, maxDetections: 100, seed: 1, area: null, fp16: false },
} as const;

/** Where there is nothing to tell but what was run. */
export const emptyResult: EvaluationResult = {
  ...base,
  task: 'classify',
  dataset: { name: 'nothing', format: 'imagenet', images: 0, annotations: 0 },
  options: {},
  metrics: {},
  intervals: {},
  classes: [],
  slices: [],
  curves: [],
  examples: [],
  failures: [],
};

const cocoNames =
  'person bicycle car motorcycle airplane bus train truck boat,traffic light,fire hydrant,stop sign,parking meter,bench bird cat dog horse sheep cow elephant bear zebra giraffe backpack umbrella handbag tie suitcase frisbee skis snowboard,sports ball,kite,baseball bat,baseball glove,skateboard surfboard,tennis racket,bottle,wine glass,cup fork knife spoon bowl banana apple sandwich orange broccoli carrot,hot dog,pizza donut cake chair couch,potted plant,bed,dining table,toilet tv laptop mouse remote keyboard,cell phone,microwave oven toaster sink refrigerator book clock vase scissors,teddy bear,hair drier,toothbrush'
    .split(',')
    .flatMap((part) =>
      /^(traffic|fire|stop|parking|sports|baseball|tennis|wine|hot|potted|dining|cell|teddy|hair) /.test(part)
        ? [part]
        : part.split(' '),
    );

/** Numbers that look like chance and are the same each time: from 0 to 1. */
export function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const examples: readonly EvaluationExample[] = [
  {
    image: 'val2017/shapes-1280x720.jpg',
    path: join(pictures, 'shapes-1280x720.jpg'),
    kind: 'false-positive',
    caption: 'A ring was found where nothing is labelled',
    score: 0.912,
    boxes: [{ box: [881, 300, 1052, 461], role: 'found', label: 'ring 0.91' }],
  },
  {
    image: 'val2017/shapes-640x480.jpg',
    path: join(pictures, 'shapes-640x480.jpg'),
    kind: 'wrong-class',
    caption: 'A cross was taken for a square',
    score: 0.87,
    boxes: [
      { box: [245, 175, 372, 300], role: 'truth', label: 'cross' },
      { box: [249, 171, 368, 304], role: 'found', label: 'square 0.87' },
    ],
  },
  {
    image: 'val2017/shapes-500x700.jpg',
    path: join(pictures, 'shapes-500x700.jpg'),
    kind: 'false-negative',
    caption: 'A triangle was not found',
    boxes: [{ box: [375, 47, 448, 115], role: 'truth', label: 'triangle' }],
  },
  {
    image: 'val2017/shapes-480x360.png',
    path: join(pictures, 'shapes-480x360.png'),
    kind: 'low-iou',
    caption: 'Overlap of 0.41 with what is labelled',
    score: 0.66,
    boxes: [
      { box: [219, 135, 318, 222], role: 'truth', label: 'cross' },
      { box: [250, 128, 402, 232], role: 'found', label: 'cross 0.66' },
    ],
  },
  { image: 'val2017/gone.jpg', path: join(pictures, 'gone.jpg'), kind: 'false-negative', caption: 'A circle was not found' },
  { image: 'val2017/no-path.jpg', kind: 'false-positive', caption: 'A circle was found where nothing is labelled', score: 0.55 },
];

function detection(): EvaluationResult {
  const random = numbersFrom(7);
  const classes = cocoNames.map((name, i) => {
    const ap = i === 78 ? null : Math.min(0.92, Math.max(0.02, 0.12 + 0.62 * random()));
    const count = Math.round(11_000 / (1 + i)) + Math.round(90 * random());
    const metrics = {
      AP: ap,
      AP50: ap === null ? null : Math.min(1, ap * 1.4),
      AP75: ap === null ? null : ap * 1.06,
      AR100: ap === null ? null : Math.min(1, ap * 1.35),
    };
    return { name, count, metrics };
  });
  const size = cocoNames.length + 1;
  const matrix = Array.from({ length: size }, (_, actual) =>
    Array.from({ length: size }, (_, predicted) => {
      if (actual === predicted)
        return actual === size - 1 ? 0 : Math.round((classes[actual]?.count as number) * (0.45 + 0.4 * random()));
      if (predicted === size - 1) return Math.round((classes[actual]?.count as number) * 0.25 * random());
      if (actual === size - 1) return Math.round(60 * random() ** 3);
      return random() > 0.985 ? Math.round(24 * random()) : 0;
    }),
  );
  const recall = Array.from({ length: 101 }, (_, i) => i / 100);
  const curve = (name: string, reach: number): EvaluationResult['curves'][number] => ({
    kind: 'precision-recall',
    name,
    x: recall,
    y: recall.map((r) => (r > reach ? 0 : Math.max(0, 0.99 - 0.5 * (r / reach) ** 3))),
  });
  const confidence = Array.from({ length: 101 }, (_, i) => i / 100);
  return {
    ...base,
    task: 'detect',
    model: {
      name: 'yolov8n.onnx',
      sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      bytes: 12_853_112,
      device: 'cpu',
    },
    dataset: {
      name: 'coco-val2017',
      format: 'coco',
      images: 5000,
      annotations: 36_335,
      sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    },
    metrics: {
      AP: 0.3721,
      AP50: 0.5254,
      AP75: 0.4037,
      APs: 0.1862,
      APm: 0.4098,
      APl: 0.5347,
      AR1: 0.3184,
      AR10: 0.5312,
      AR100: 0.5891,
      'mask.AP': 0.3054,
      'mask.AP50': 0.4982,
      'mask.APs': null,
    },
    intervals: {
      AP: [0.3612, 0.3829],
      AP50: [0.5131, 0.5377],
      AP75: [0.3909, 0.4158],
      APs: [0.1702, 0.2031],
      'mask.AP': [0.2951, 0.3162],
    },
    classes,
    slices: [
      {
        attribute: 'light',
        value: 'day',
        images: 3120,
        metrics: { AP: 0.3922, AP50: 0.5461 },
        intervals: { AP: [0.379, 0.4055] },
      },
      {
        attribute: 'light',
        value: 'dusk',
        images: 1130,
        metrics: { AP: 0.3601, AP50: 0.5102 },
        intervals: { AP: [0.3372, 0.3812] },
      },
      {
        attribute: 'light',
        value: 'night',
        images: 750,
        metrics: { AP: 0.2814, AP50: 0.4193 },
        intervals: { AP: [0.2551, 0.3087] },
      },
      {
        attribute: 'camera',
        value: 'roof',
        images: 4210,
        metrics: { AP: 0.3733, AP50: 0.526 },
        intervals: { AP: [0.3601, 0.3859] },
      },
      {
        attribute: 'camera',
        value: 'gate',
        images: 790,
        metrics: { AP: 0.3588, AP50: 0.511 },
        intervals: { AP: [0.3301, 0.3874] },
      },
      { attribute: 'camera', value: 'cellar', images: 0, metrics: { AP: null, AP50: null }, intervals: {} },
    ],
    curves: [
      curve('IoU 0.50', 0.93),
      curve('IoU 0.75', 0.7),
      curve('IoU 0.95', 0.22),
      {
        kind: 'confidence-f1',
        name: 'all classes',
        x: confidence,
        y: confidence.map((c) => Math.max(0, 0.61 * Math.sin(Math.PI * c ** 0.55))),
      },
    ],
    confusion: { classes: [...cocoNames, 'background'], matrix },
    latencyMs: { images: 5000, mean: 31.42, p50: 30.87, p95: 38.21, p99: 52.9 },
    examples,
    failures: [
      { image: 'val2017/000000000139.jpg', code: 'MEDIA_INVALID', message: 'The picture is damaged: premature end of JPEG data' },
    ],
  };
}

function classification(): EvaluationResult {
  const names = ['circle', 'square', 'triangle', 'star', 'ring', 'cross'];
  const matrix = [
    [482, 0, 0, 1, 17, 0],
    [1, 471, 22, 0, 0, 6],
    [0, 14, 479, 7, 0, 0],
    [2, 0, 9, 488, 0, 1],
    [31, 0, 0, 0, 469, 0],
    [0, 3, 0, 4, 0, 493],
  ];
  const bins = [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95];
  return {
    ...base,
    task: 'classify',
    model: { name: 'shapes-classifier.onnx', sha256: 'ab'.repeat(32), bytes: 81_242 },
    dataset: { name: 'shapes', format: 'imagenet', images: 3000, annotations: 3000 },
    metrics: { top1: 0.9607, top5: 1, F1: 0.9606, ECE: 0.0213, AUROC: 0.9981 },
    intervals: { top1: [0.9537, 0.9673], ECE: [0.0162, 0.0271] },
    classes: names.map((name, i) => ({
      name,
      count: 500,
      metrics: { recall: (matrix[i]?.[i] as number) / 500, precision: 0.95 + i / 125, F1: 0.955 },
    })),
    slices: [],
    curves: [
      { kind: 'reliability', name: 'all classes', x: bins, y: [0.02, 0.11, 0.18, 0.31, 0.38, 0.47, 0.61, 0.7, 0.83, 0.97] },
      ...names.map((name, i) => ({
        kind: 'roc' as const,
        name,
        x: [0, 0.002 * i, 0.01, 0.05, 0.2, 1],
        y: [0, 0.7, 0.93 - i / 60, 0.985, 0.999, 1],
      })),
    ],
    confusion: { classes: names, matrix },
    examples: [
      {
        image: 'ring/ring.jpg',
        path: join(pictures, 'ring.jpg'),
        kind: 'wrong-class',
        caption: 'ring was taken for circle',
        score: 0.71,
      },
      {
        image: 'star/star.jpg',
        path: join(pictures, 'star.jpg'),
        kind: 'wrong-class',
        caption: 'star was taken for triangle',
        score: 0.64,
      },
    ],
    failures: [],
  };
}

function segmentation(): EvaluationResult {
  const names = [
    'road',
    'sidewalk',
    'building',
    'wall',
    'fence',
    'pole',
    'traffic light',
    'traffic sign',
    'vegetation',
    'terrain',
    'sky',
    'person',
    'rider',
    'car',
    'truck',
    'bus',
    'train',
    'motorcycle',
    'bicycle',
  ];
  const random = numbersFrom(3);
  return {
    ...base,
    task: 'segment',
    model: { name: 'segformer-b0.onnx', sha256: 'cd'.repeat(32), bytes: 15_024_118, device: 'cuda' },
    dataset: { name: 'cityscapes-val', format: 'masks', images: 500, annotations: 9500 },
    metrics: { mIoU: 0.7614, pixelAccuracy: 0.9581, dice: 0.8522 },
    intervals: { mIoU: [0.7452, 0.7758] },
    classes: names.map((name) => ({ name, count: Math.round(1e8 * random() ** 4), metrics: { IoU: 0.45 + 0.5 * random() } })),
    slices: [],
    curves: [],
    confusion: {
      classes: names,
      matrix: names.map((_, i) => names.map((__, j) => Math.round((i === j ? 1e7 : 3e5 * random() ** 6) * (0.2 + random())))),
    },
    latencyMs: { images: 500, mean: 8.21, p50: 8.1, p95: 9.4, p99: 11.9 },
    examples: [
      {
        image: 'frankfurt/segment-400x300.jpg',
        path: join(pictures, 'segment-400x300.jpg'),
        kind: 'low-iou',
        caption: 'IoU 0.31 over the classes of the picture',
        score: 0.31,
      },
    ],
    failures: [],
  };
}

function tracking(): EvaluationResult {
  const alpha = Array.from({ length: 19 }, (_, i) => 0.05 * (i + 1));
  const falling = (start: number): number[] => alpha.map((a) => start * (1 - a ** 4));
  return {
    ...base,
    task: 'track',
    dataset: { name: 'MOT17-train', format: 'mot', images: 5316, annotations: 112_297 },
    metrics: {
      HOTA: 0.6283,
      DetA: 0.6431,
      AssA: 0.6177,
      MOTA: 0.7712,
      IDF1: 0.7448,
      MOTP: 0.832,
      IDSW: 412,
      Frag: 1021,
      MT: 270,
      ML: 0,
      FP: 1,
    },
    intervals: { HOTA: [0.591, 0.6642] },
    classes: [{ name: 'pedestrian', count: 112_297, metrics: { HOTA: 0.6283, MOTA: 0.7712, IDSW: 412 } }],
    slices: ['MOT17-02', 'MOT17-04', 'MOT17-05', 'MOT17-09'].map((value, i) => ({
      attribute: 'sequence',
      value,
      images: 600 + 150 * i,
      metrics: { HOTA: 0.48 + 0.07 * i, MOTA: 0.6 + 0.06 * i, IDSW: 90 - 12 * i },
      intervals: {},
    })),
    curves: [
      { kind: 'alpha', name: 'HOTA', x: alpha, y: falling(0.74) },
      { kind: 'alpha', name: 'DetA', x: alpha, y: falling(0.79) },
      { kind: 'alpha', name: 'AssA', x: alpha, y: falling(0.7) },
    ],
    examples: [],
    failures: [],
  };
}

export const results = { classify: classification(), detect: detection(), segment: segmentation(), track: tracking() };

/** As of ImageNet: a thousand classes, each mostly right. */
export function resultOfClasses(count: number): EvaluationResult {
  const random = numbersFrom(11);
  const names = Array.from({ length: count }, (_, i) => `class number ${i}`);
  const matrix = names.map((_, actual) => {
    const row = new Array<number>(count).fill(0);
    row[actual] = 30 + Math.round(20 * random());
    for (let k = 0; k < 6; k++) row[(actual + Math.round(12 * random() ** 2)) % count]! += 1;
    row[Math.floor(count * random())]! += 2;
    return row;
  });
  return {
    ...results.classify,
    classes: names.map((name) => ({ name, count: 50, metrics: { recall: random(), precision: random(), F1: random() } })),
    curves: names.slice(0, 120).map((name) => ({
      kind: 'precision-recall' as const,
      name,
      x: [0, 0.5, 0.8 + 0.2 * random(), 1],
      y: [1, 0.9, 0.6 + 0.3 * random(), 0],
    })),
    confusion: { classes: names, matrix },
  };
}
