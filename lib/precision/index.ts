export { allFloatPoints, floatCalibrationPoints } from './float-points.js';
export { FloatValues } from './float-values.js';
export { writeHalfForm } from './half-form.js';
export { planHalf, type HalfPlan, type HalfType } from './plan-half.js';
export { firstOpset, inOpset } from './in-opset.js';
export { simulateHalf } from './simulated-half.js';
export { calibrationPoints, layerPoints, tappedModel, type CalibrationPoint } from './calibration-points.js';
export { tableText } from './calibration-file.js';
export { deadChannels } from './calibration-report.js';
export {
  CalibrationTable,
  type CalibratedPicture,
  type CalibrationContents,
  type CalibrationDoubt,
} from './calibration-table.js';
export {
  findRange,
  rangeActivations,
  rangeMethods,
  type RangeActivation,
  type RangeMethod,
  type RangeSpec,
  type TensorRange,
} from './range.js';
export { compareTensors, type CompareTensorsOptions, type TensorDifference } from './tensor-difference.js';
export { TensorObserver, type ObservedTensor } from './tensor-observer.js';
export { maxBins, type ChannelStatistics, type TensorStatistics } from './tensor-statistics.js';
export { quantizeWeights, type QuantizedWeights, type QuantizeWeightsOptions } from './weights.js';
export {
  readTensorRtCache,
  writeTensorRtCache,
  type TensorRtCache,
  type TensorRtCacheOptions,
  type ValueRange,
} from './tensorrt-cache.js';
export { writeOnnxRuntimeForm, type FormNumbers } from './form-onnxruntime.js';
export { pruneWeights, type PrunedLayer, type PruneWeightsOptions } from './prune-weights.js';
export { checkPruning, prunedPart, type Pruning } from './pruning.js';
export { int4Weights, packInt4, type Int4Weights } from './int4-weights.js';
export { type LayerWeights } from './layer-weights.js';
export { trialsAtEightBits } from './four-bits.js';
export { int4Trials, planInt4, type Int4Plan } from './plan-int4.js';
export { writeWeightOnlyForm } from './weight-only-form.js';
export { InputProducts, roundWeights, type LayerInput } from './input-products.js';
export { weightsToRound, withRounding, type RoundedLayer, type WeightsToRound } from './weight-rounding.js';
export { correctedBiases, valuesToCorrect } from './bias-correction.js';
export { meansModel, quantizedKey, type ChannelMeans, type QuantizedValue } from './channel-means.js';
export { numbersFor, withBiases, type RangeQuestion } from './form-numbers.js';
export { nothingKept, type FormPlan, type KeptFloat } from './form-plan.js';
export { writeTensorRtForm } from './form-tensorrt.js';
export { writeMixedForm, type MixedForm } from './mixed-form.js';
export { logitsOf, outputGroups, type ChannelGroup } from './head.js';
export { planOnnxRuntime } from './plan-onnxruntime.js';
export { planFloat8 } from './plan-float8.js';
export { planTensorRt } from './plan-tensorrt.js';
export { Structure } from './structure.js';
export { switchedModel } from './switched-model.js';
export { floatLimits, trialsToKeepFloat, type FloatLimits, type MeasureTrials } from './float-search.js';
export { trialsOf, type Trial } from './trials.js';
