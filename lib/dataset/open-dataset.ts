import { ArgumentError, checkOneOf, checkOptions, checkPath, checkSignal, invalidArgument } from '../errors/index.js';
import type { LabelsOption } from '../labels/index.js';
import { classesOfOption } from './class-names.js';
import { openCoco } from './coco.js';
import { openCsv } from './csv.js';
import { datasetFormats, type Dataset, type DatasetFormat, type DatasetTask } from './dataset.js';
import { openImageNet } from './imagenet.js';
import { openMasks } from './masks.js';
import { isDirectory } from './picture-files.js';
import { recognize } from './recognize.js';
import { missingAt } from './source-place.js';
import { openVoc } from './voc.js';
import { openYolo } from './yolo.js';

export interface DatasetOptions {
  /** What it is read as; by default, what is there tells. */
  readonly format?: DatasetFormat | undefined;
  /** Which part of it, such as `val`; by default that for validation, else for tests, else for training. */
  readonly split?: string | undefined;
  /** The folder that the names of pictures start from. Of COCO and CSV; by default beside the file, or where COCO has it. */
  readonly images?: string | URL | undefined;
  /**
   * Names of the classes in their order, by id, or a file of them: where the format has no list of them, or to have more classes than this part of the data
   * set. Of ImageNet, masks, VOC and CSV.
   */
  readonly labels?: LabelsOption | undefined;
  /** Of VOC, which labels objects and pixels: which are meant; by default objects, where there are any. */
  readonly task?: DatasetTask | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The options that a format has a use for, besides `format` and `signal`. */
const taken: Readonly<Record<DatasetFormat, readonly (keyof DatasetOptions)[]>> = {
  coco: ['images', 'split'],
  yolo: ['split'],
  imagenet: ['split', 'labels'],
  masks: ['split', 'labels'],
  voc: ['split', 'labels', 'task'],
  csv: ['images', 'split', 'labels'],
};

/**
 * Opens a labelled data set: a COCO file, YOLO's data.yaml, a PASCAL VOC folder, folders of classes as of ImageNet, pictures and masks, or a CSV file. Its format
 * is recognised. Pictures are not decoded. Formats and layouts: docs/datasets.md.
 *
 * Rejects with DATASET_NOT_FOUND, DATASET_INVALID and DATASET_UNSUPPORTED, whose `details` have `file` and, where they are known, `line` and `field`;
 * INVALID_ARGUMENT, UNKNOWN_OPTION, ABORTED.
 */
export async function openDataset(path: string | URL, options: DatasetOptions = {}): Promise<Dataset> {
  const source = checkPath('path', path);
  checkOptions('options', options, ['format', 'split', 'images', 'labels', 'task', 'signal']);
  const { split, labels, signal, task } = options;
  if (options.format !== undefined) checkOneOf('format', options.format, datasetFormats);
  if (split !== undefined && (typeof split !== 'string' || !/^[^/\\\0]+$/.test(split) || split.startsWith('.'))) {
    throw invalidArgument('split', 'the name of a split, such as val', split);
  }
  const images = options.images === undefined ? undefined : checkPath('images', options.images);
  checkSignal(signal);
  const { format, path: found } = await recognize(source, options.format, split);
  checkTaken(format, options);
  if (images !== undefined && !(await isDirectory(images))) throw missingAt({ file: images }, 'there is no such folder');
  const classes = labels === undefined ? undefined : await classesOfOption(labels);
  switch (format) {
    case 'coco':
      return openCoco(found, images, signal);
    case 'yolo':
      return openYolo(found, split, signal);
    case 'imagenet':
      return openImageNet(found, split, classes, signal);
    case 'masks':
      return openMasks(found, split, classes);
    case 'voc':
      return openVoc(found, { split, labels: classes, task, signal });
    case 'csv':
      return openCsv(found, { images, split, labels: classes, signal });
  }
}

function checkTaken(format: DatasetFormat, options: DatasetOptions): void {
  for (const option of ['split', 'images', 'labels', 'task'] as const) {
    if (options[option] === undefined || taken[format].includes(option)) continue;
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `The option ${option} has no meaning for a data set of the format ${format}`,
      hint: `It takes ${taken[format].join(', ')}.`,
      details: { name: option, format },
    });
  }
  if (options.task !== undefined) checkOneOf('task', options.task, ['detect', 'segment']);
}
