export { boxAround } from './field-checks.js';
export { openDataset, type DatasetOptions } from './open-dataset.js';
export {
  datasetFormats,
  ignoredPixel,
  type Annotation,
  type AnnotationBox,
  type Attributes,
  type Category,
  type Dataset,
  type DatasetFormat,
  type DatasetImage,
  type DatasetNotice,
  type DatasetTask,
  type LabelMap,
  type RunLengthEncoding,
  type SourcePlace,
} from './dataset.js';
