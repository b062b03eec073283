/** A report with numbers of every kind, as of a detector of 60 layers. */
import type { Latency, OptimizationReport, QuantizedLayer, ReportedForm } from '../../lib/optimize/index.js';

export const layers: readonly QuantizedLayer[] = Array.from({ length: 60 }, (_, i): QuantizedLayer => {
  const isStem = i === 0;
  const isHead = i > 54;
  const depthwise = i % 7 === 3;
  return {
    name: `/model.${i}/conv/Conv`,
    operator: depthwise ? 'Conv (depthwise)' : i === 57 ? 'Resize' : 'Conv',
    macs: i === 57 ? null : depthwise ? 900_000 : Math.round(4e6 * (30 + 25 * Math.sin(i / 5))),
    precision: { onnxruntime: isStem || isHead ? 'float32' : 'int8', tensorrt: depthwise || isHead ? 'float32' : 'int8' },
    reasons: {
      ...(isStem && { onnxruntime: 'few input channels: the integer kernel is slower' }),
      ...(isHead && { onnxruntime: 'after the last layer with weights', tensorrt: 'after the last layer with weights' }),
      ...(depthwise && !isHead && { tensorrt: 'depthwise: TensorRT pads it' }),
    },
    ...(!isHead && { range: { min: -(2 + (i % 9) ** 2), max: 4 + ((i * 7) % 23) ** 1.5 } }),
    noiseDb: isHead ? {} : { onnxruntime: 38 + 9 * Math.sin(i * 1.7) - (depthwise ? 14 : 0) - (isStem ? 30 : 0) },
  };
});

export const latency = (name: string, threads: number, medianMs: number, ratio: number): Latency => ({
  name,
  threads,
  runs: 120,
  medianMs,
  quartilesMs: [medianMs * 0.98, medianMs * 1.05],
  p95Ms: medianMs * 1.2,
  throughput: 1000 / medianMs,
  ratio,
  ratioRange: [ratio * 0.97, ratio * 1.04],
  verdict: ratio < 1 ? 'faster' : ratio > 1 ? 'slower' : 'same',
  joules: 0.04 * medianMs,
});

const agreement = (recall: number): ReportedForm['agreement'] => ({
  task: 'detect',
  pictures: 96,
  metrics: [
    { name: 'recall', value: recall, interval: [recall - 0.03, recall + 0.02] },
    { name: 'precision', value: 0.961, interval: [0.94, 0.98] },
    { name: 'mean IoU', value: 0.969, interval: [0.965, 0.972] },
    { name: 'score error', value: 0.0352, interval: [0.03, 0.04] },
    { name: 'hysteresis recall', value: 0.99, interval: [0.98, 1] },
    { name: 'hysteresis precision', value: null },
  ],
  worst: [
    { picture: 'pictures/crowded <street>.jpg', value: 0.5 },
    { picture: 'pictures/night.jpg', value: null },
  ],
  failures: [],
});

const metrics = (AP: number): NonNullable<ReportedForm['accuracy']> => ({
  dataset: 'instances_val2017.json',
  pictures: 96,
  metrics: { AP, AP50: AP + 0.15 },
  intervals: { AP: [AP - 0.02, AP + 0.02] },
  comparison: [],
});

type Searched = NonNullable<NonNullable<OptimizationReport['search']>['forms']['tensorrt']>;

const searched = (latencies: readonly (number | null)[]): Searched => {
  const candidates = latencies.map((latencyMs, rung) => ({
    ...{ rung, precision: rung === 3 ? ('float32' as const) : ('int8' as const), floatMacs: [0, 0.1, 0.35, 1][rung]! },
    ...{ bytes: [3_520_000, 3_600_000, 3_900_000, 12_837_000][rung]!, latencyMs },
    ...{
      drop: [0.28, 0.3, 0.004, 0][rung]!,
      dropInterval: [0.9, 1.2].map((times) => [0.28, 0.3, 0.004, 0][rung]! * times) as [number, number],
    },
  }));
  return { candidates, chosen: candidates[2]! };
};

/** What a search adds. */
export const search: NonNullable<OptimizationReport['search']> = {
  ...{
    budget: { maxDrop: 0.01, bytes: 5e6 },
    metric: 'hysteresis recall and hysteresis precision',
    byLabels: false,
    pictures: 96,
  },
  forms: { onnxruntime: searched([24.1, 25.3, 28.4, 44.5]), tensorrt: searched([null, null, null, null]) },
};

export const report: OptimizationReport = {
  format: 1,
  foveate: '0.1.0',
  made: '2026-11-28T23:00:00.000Z',
  task: 'detect',
  precision: 'int8',
  model: { name: 'yolov8n.onnx', bytes: 12_837_000, sha256: 'a1'.repeat(32) },
  machine: { cpu: 'AMD EPYC 9R14', cores: 2, platform: 'linux x64', node: 'v22.12.0', runtime: 'onnxruntime 1.30.0' },
  calibration: { pictures: 32, seconds: 4.21, seed: 0, heldBack: 96 },
  forms: [
    {
      form: 'float32',
      precision: 'float32',
      bytes: 12_837_000,
      sizeRatio: 1,
      shipped: false,
      judged: '',
      latency: [latency('float32', 1, 44.5, 1), latency('float32', 2, 24.2, 1)],
      accuracy: metrics(0.372),
    },
    {
      form: 'onnxruntime',
      precision: 'int8',
      bytes: 3_520_000,
      sizeRatio: 0.274,
      shipped: true,
      judged: 'ONNX Runtime, as it is served',
      latency: [latency('onnxruntime', 1, 24.1, 0.541), latency('onnxruntime', 2, 15.1, 0.624)],
      agreement: agreement(0.944),
      accuracy: {
        ...metrics(0.365),
        comparison: [
          {
            ...{ name: 'AP', before: 0.372, after: 0.365, difference: -0.007, interval: [-0.011, -0.003] },
            ...{ verdict: 'worse', words: 'AP: worse. 0.3720 became 0.3650.' },
          },
          {
            ...{ name: 'AP50', before: 0.522, after: 0.515, difference: -0.007, interval: [-0.02, 0.01] },
            ...{ verdict: 'no difference that shows', words: 'AP50: no difference that shows.' },
          },
        ],
      },
    },
    {
      form: 'tensorrt',
      precision: 'int8',
      bytes: 3_610_000,
      sizeRatio: 0.281,
      shipped: true,
      judged: 'ONNX Runtime, graph optimisations off: float simulation of Q/DQ',
      latency: [],
      agreement: agreement(0.925),
      accuracy: metrics(0.366),
    },
  ],
  layers,
  decisions: ['6 of 60 layers stay FP32 in the form for ONNX Runtime (5: after the last layer with weights).'],
  notices: ['The form for TensorRT was judged on ONNX Runtime with graph optimisations off.'],
  seconds: { normalise: 0.4, calibrate: 4.21, quantise: 12.3, latency: 6.1, agreement: 9.4, accuracy: 22, write: 0.2 },
};
