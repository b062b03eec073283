import { checkOneOf, invalidArgument } from '../errors/index.js';
import type { OptimizeOptions } from './optimize-options.js';
import { precisions, type Precision } from './quantized-layer.js';

/** Without FP32, which is for pruning alone. */
const choices = precisions.filter((name) => name !== 'fp32').join(', ');

/** FP32 where a model is pruned and nothing else is asked for. Throws INVALID_ARGUMENT, also for options that have no meaning beside it. */
export function checkedPrecision({ precision, prune, calibration, pictures, budget, dataFree }: OptimizeOptions): Precision {
  if (precision === undefined && prune === undefined) {
    throw invalidArgument('precision', `one of ${choices}`, precision, 'It may be left out where the model is pruned.');
  }
  const checked = checkOneOf('precision', precision ?? 'fp32', precisions);
  if (prune !== undefined && calibration !== undefined) {
    const hint = 'Leave it out: the pruned model is calibrated, as its ranges are others.';
    throw invalidArgument('calibration', 'nothing beside prune', calibration, hint);
  }
  if (checked !== 'fp32') return checked;
  if (prune === undefined) {
    throw invalidArgument(
      'precision',
      `one of ${choices} without prune`,
      checked,
      'In FP32 alone, nothing becomes smaller or faster.',
    );
  }
  if (pictures !== undefined) {
    const hint = 'Leave it out: in FP32, nothing is calibrated, and all pictures measure.';
    throw invalidArgument('pictures', 'nothing in FP32', pictures, hint);
  }
  if (dataFree === true) {
    throw invalidArgument('dataFree', 'nothing in FP32', true, 'Give pictures to measure with: nothing is calibrated in FP32.');
  }
  if (budget !== undefined) {
    const hint = 'Give a precision, too, or leave the budget out: the report says what pruning loses.';
    throw invalidArgument('budget', 'nothing in FP32, of which there is one form', budget, hint);
  }
  return checked;
}
