export { imagenet1000 } from './imagenet-1000.js';
export { imagenetWnids } from './imagenet-wnids.js';
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
export { voc20, voc21 } from './voc-20.js';
