import { native, settle } from '../binding/index.js';
import { checkInteger, checkOneOf, checkOptions, checkPath, checkSignal, invalidArgument } from '../errors/index.js';
import { cocoKeypointSigmas } from './detection-metrics.js';
import { detectionKinds, type DetectionKind, type FoundObjects } from './detection-objects.js';
import { RunLengthMasks } from './run-length-masks.js';

export interface CocoResultsOptions {
  readonly kind: DetectionKind;
  /** The `image_id` of each picture: its place here is what {@link FoundObjects.images} says. Ascending, to equal pycocotools where scores are equal. */
  readonly imageIds: readonly number[];
  /** The `category_id` of each category, in the same way. */
  readonly categoryIds: readonly number[];
  /** Of each object, for keypoints. Default 17. */
  readonly keypointCount?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What a detector found, from a file as COCO's tools exchange it: `[{ image_id, category_id, bbox, score, segmentation?, keypoints? }]`. As in pycocotools,
 * whether the first result has a box decides for all: with boxes, areas are those of the boxes, also of masks; without, of the masks, or of the
 * box around the keypoints. Nobody may change the file meanwhile. Rejects with DATASET_NOT_FOUND; DATASET_INVALID, naming `[index].field`: what is no
 * finite number, a picture or category that is none of those given, a damaged mask; INVALID_ARGUMENT, ABORTED.
 */
export async function readCocoResults(path: string | URL, options: CocoResultsOptions): Promise<FoundObjects> {
  checkOptions('options', options, ['kind', 'imageIds', 'categoryIds', 'keypointCount', 'signal']);
  const file = checkPath('path', path);
  const kind = checkOneOf('kind', options.kind, detectionKinds);
  const spec = {
    kind,
    points: checkInteger('keypointCount', options.keypointCount ?? cocoKeypointSigmas.length, 1, 10_000),
    imageIds: checkIds('imageIds', options.imageIds),
    categoryIds: checkIds('categoryIds', options.categoryIds),
  };
  checkSignal(options.signal);
  const { images, categories, boxes, scores, areas, keypoints, ...masks } = await settle(
    (operation) => native().cocoResultsRead(file, spec, operation),
    options.signal,
  );
  return {
    ...{ images, categories, boxes, scores },
    ...(areas.length > 0 ? { areas } : {}),
    ...(kind === 'keypoints' ? { keypoints } : {}),
    ...(kind === 'mask' ? { masks: new RunLengthMasks(masks.maskSizes, masks.maskText, masks.maskEnds) } : {}),
  };
}

function checkIds(name: string, ids: readonly number[]): Float64Array {
  if (!Array.isArray(ids)) throw invalidArgument(name, 'an array of ids', ids);
  ids.forEach((id, i) => checkInteger(`${name}[${i}]`, id, Number.MIN_SAFE_INTEGER));
  if (new Set(ids).size !== ids.length) throw invalidArgument(name, 'ids that differ', ids);
  return Float64Array.from(ids);
}
