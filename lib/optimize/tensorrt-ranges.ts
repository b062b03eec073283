import { findRange, type CalibrationTable, type ValueRange } from '../precision/index.js';

/** The symmetric ranges with the least mean square error, of all tensors of a table that have finite elements: for TensorRT's calibration cache. */
export async function tensorRtRanges(table: CalibrationTable, signal?: AbortSignal): Promise<ReadonlyMap<string, ValueRange>> {
  const counted = table.tensors.filter(({ count }) => count > 0);
  const ranges = await Promise.all(counted.map((tensor) => findRange(tensor, { method: 'mse', symmetric: true, signal })));
  return new Map(counted.map(({ name }, i) => [name, ranges[i] as ValueRange]));
}
