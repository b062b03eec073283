export {
  declaredLabelCount,
  metadataLabels,
  resolveLabels,
  type LabelsOption,
  type LabelsSource,
  type ResolvedLabels,
  type ResolveLabelsOptions,
} from './resolve-labels.js';
