/** What stands above the numbers, in words. */
import type { OptimizationReport } from '../optimization-report.js';
import { precisionTitles } from '../quantized-layer.js';

/** Such as `yolov8n.onnx in INT8, pruned (2:4)`. */
export function reportTitle(report: OptimizationReport): string {
  const { model, precision, pruning } = report;
  if (pruning === undefined) return `${model.name} in ${precisionTitles[precision]}`;
  return `${model.name} ${precision === 'fp32' ? '' : `in ${precisionTitles[precision]}, `}pruned (${pruning.scheme})`;
}

/** Without a full stop. */
export function machineText({ machine: { cpu, cores, runtime, platform } }: OptimizationReport): string {
  return `${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${platform}, ${runtime}`;
}

/** Without a full stop. */
export function calibrationText({ calibration }: OptimizationReport): string {
  const { pictures, seconds, table, heldBack, seed, generated } = calibration;
  const how = table === undefined ? (seconds === undefined ? '' : ` in ${seconds.toFixed(1)} s`) : `, by the table ${table}`;
  if (generated === true)
    return `Calibrated with ${pictures} generated pictures${how} (seed ${seed}), with none to measure agreement on`;
  if (pictures === 0) return `Measured on ${countText(heldBack)} (seed ${seed})`;
  return `Calibrated with ${countText(pictures)}${how}, measured on ${countText(heldBack)} held back (seed ${seed})`;
}

function countText(pictures: number): string {
  return `${pictures.toLocaleString('en-US')} ${pictures === 1 ? 'picture' : 'pictures'}`;
}
