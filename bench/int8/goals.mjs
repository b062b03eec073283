/** What the two forms are to reach, and whether they do. */
import { medianOf } from './results.mjs';

const both = ['foveate-c', 'foveate-t'];

/** Ratios of size and latency are at most `value`, all else is at least that. Latency needs a CPU with VNNI. */
export const goals = [
  goal('yolov8n_fp32', both, { size: 0.3 }),
  goal('yolov8n_fp32', ['foveate-c'], { recall: 0.93, precision: 0.95, 'mean IoU': 0.965 }),
  goal('yolov8n_fp32', ['foveate-c'], { 'hysteresis recall': 0.985, 'hysteresis precision': 0.985 }),
  goal('yolov8n_fp32', ['foveate-c'], { '1 thread': 0.57, '2 threads': 0.66 }),
  goal('yolov8n_fp32', ['foveate-t'], { recall: 0.91, precision: 0.95 }),
  goal('mobilenetv2_fp32', both, { size: 0.3, 'top-1 agreement': 0.92 }),
  goal('mobilenetv2_fp32', ['foveate-c'], { '1 thread': 0.46, '2 threads': 0.52 }),
  goal('yolox_nano_416', ['foveate-c'], { recall: 0.9, precision: 0.94 }),
  goal('yolox_nano_416', ['foveate-t'], { recall: 0.88, precision: 0.92 }),
  goal('yolox_nano_416', both, { 'hysteresis recall': 0.97, 'hysteresis precision': 0.97 }),
  goal('prisma_portrait_seg_256', both, { 'mean IoU': 0.9 }),
  goal('prisma_portrait_seg_256', ['foveate-c'], { '1 thread': 1 }),
  goal('ultraface_rfb_320', both, { recall: 0.985, precision: 0.96 }),
  goal('mobilefacenet_112', both, { 'lowest cosine': 0.99, 'median cosine': 0.996 }),
  goal('mobilefacenet_112', ['foveate-c'], { '1 thread': 0.48, '2 threads': 0.55 }),
].flat();

function goal(model, forms, values) {
  return Object.entries(values).flatMap(([measure, value]) => forms.map((form) => ({ model, form, measure, value })));
}

/** The other models have no size of their own to keep to: it is that of onnxruntime's file, and a tenth more. */
const mostOverOnnxRuntime = 1.1;

/** Rows of a table: model, form, measure, goal, median, whether it is reached, and what `goal-split.mjs` found (`split`); of what was measured. */
export function goalRows(model, results, split = []) {
  const known = goals.filter((each) => each.model === model.name);
  const ort = results.find(({ tool }) => tool.id === 'ort-minmax');
  const sizes = known.some(({ measure }) => measure === 'size')
    ? []
    : goal(model.name, both, { size: mostOverOnnxRuntime * medianOf(ort, 'size') });
  return [...sizes, ...known].flatMap(({ form, measure, value }) => {
    const result = results.find(({ tool }) => tool.id === form);
    if (!result.measures.get(measure)?.length || Number.isNaN(value)) return [];
    const reached = medianOf(result, measure);
    const isRatio = measure === 'size' || measure.includes('thread');
    const isReached = isRatio ? reached <= value : reached >= value;
    const sign = isRatio ? '≤' : '≥';
    // Precision is undefined where nothing is found.
    const told = Number.isNaN(reached) ? 'undefined' : reached.toFixed(3);
    const there = split
      .find((each) => each.model === model.name && each.form === form)
      ?.measures.find(([name]) => name === measure);
    const verdict = isReached ? 'yes' : '**no**';
    return [[model.name, form, measure, `${sign} ${value.toFixed(3)}`, told, verdict, there?.[1]?.toFixed(3)]];
  });
}
