import { checkOptions } from '../../errors/index.js';
import type { ModelProto } from '../onnx_pb.js';
import { foldBatchNorm } from './fold-batch-norm.js';
import { foldConstants, type EvaluateConstants } from './fold-constants.js';
import { inlineConstants } from './inline-constants.js';
import { normalizeConv } from './normalize-conv.js';
import { removeUnused } from './remove-unused.js';
import { upgradeOpset } from './upgrade-opset.js';

export interface NormalizeModelOptions {
  /** Opset of the result, 15 to 22; newer models keep theirs. Default 17. */
  readonly opset?: number | undefined;
  /** Runs a model without inputs once: `evaluateConstants` of lib/optimize does so by ONNX Runtime. */
  readonly evaluate: EvaluateConstants;
}

/**
 * The same model in the form that quantisation starts from: constants as initializers, in opset 17, nothing that nobody reads, what constants alone make
 * computed, layers in their normal form with batch normalisation folded. What is so already is kept: a model in this form is returned itself.
 *
 * Outputs are those of the model up to rounding. `model` is left as it is and shares the weights that are not folded. Rejects as the passes throw:
 * see {@link inlineConstants}, {@link upgradeOpset}, {@link removeUnused}, {@link foldConstants}, {@link normalizeConv}, {@link foldBatchNorm}.
 */
export async function normalizeModel(model: ModelProto, options: NormalizeModelOptions): Promise<ModelProto> {
  checkOptions('normalizeModel options', options, ['opset', 'evaluate']);
  const upgraded = removeUnused(inlineConstants(upgradeOpset(model, options.opset)));
  const folded = await foldConstants(upgraded, options.evaluate);
  return removeUnused(foldBatchNorm(normalizeConv(folded)));
}
