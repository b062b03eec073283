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
