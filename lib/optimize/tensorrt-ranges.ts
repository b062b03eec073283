import type { CalibrationTable, ValueRange } from '../precision/index.js';
import { percentileOf } from '../precision/calibration-report.js';

/** Symmetric ranges of all tensors of a table, for TensorRT's calibration cache. */
export function tensorRtRanges(table: CalibrationTable): ReadonlyMap<string, ValueRange> {
  return new Map(
    table.tensors.map((tensor) => {
      const max = percentileOf(tensor, 0.9999);
      return [tensor.name, { min: -max, max }];
    }),
  );
}
