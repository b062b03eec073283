export { compareModels, type CompareModelsOptions } from './compare/compare-models.js';
export type {
  ComparedLayer,
  ComparedLayers,
  ComparedModel,
  ComparedOutput,
  CompareVerdict,
  LayerInput,
  LeftOut,
  ModelComparison,
} from './compare/model-comparison.js';
export type { PairedBy } from './compare/corresponding-values.js';
export type { ChannelDifference, ValueDifference } from './compare/value-difference.js';
