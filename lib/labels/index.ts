export {
  declaredLabelCount,
  metadataLabels,
  resolveLabels,
  type LabelsOption,
  type LabelsSource,
  type NamesBeside,
  type ResolvedLabels,
  type ResolveLabelsOptions,
} from './resolve-labels.js';
