import { boxAround, type Annotation, type DatasetImage, type RunLengthEncoding } from '../dataset/index.js';
import { createError } from '../errors/index.js';
import { cocoKeypointSigmas } from './detection-metrics.js';
import type { DetectionKind, TruthObjects } from './detection-objects.js';
import { rasterizePolygons, type PolygonObject } from './run-length-masks.js';

/** What is true of the pictures of a data set. */
export interface DatasetTruth {
  readonly truth: TruthObjects;
  /** Ids of the pictures, ascending: what `images` of {@link truth} are places in. */
  readonly imageIds: readonly number[];
}

export interface TruthOptions {
  readonly kind: DetectionKind;
  /** Of each object, for keypoints. Default 17. */
  readonly keypointCount?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The annotations of a data set as {@link evaluateDetections} takes them, pictures by ascending id, as pycocotools has them. A box is as annotated, else around
 * the mask's polygons. Rejects with DATASET_UNSUPPORTED where an annotation lacks what the kind compares, or a picture with polygons its
 * size; DATASET_INVALID for polygons that are none; ABORTED.
 */
export async function truthOfDataset(images: readonly DatasetImage[], options: TruthOptions): Promise<DatasetTruth> {
  const { kind, signal } = options;
  const points = options.keypointCount ?? cocoKeypointSigmas.length;
  const ordered = [...images].sort((a, b) => a.id - b.id);
  const objects = ordered.flatMap((image, place) => image.annotations.map((annotation) => ({ image, place, annotation })));
  const count = objects.length;
  const truth = {
    images: Int32Array.from(objects, ({ place }) => place),
    categories: Int32Array.from(objects, ({ annotation }) => annotation.category),
    boxes: new Float64Array(4 * count),
    areas: new Float64Array(count),
    crowd: Uint8Array.from(objects, ({ annotation }) => Number(annotation.isCrowd)),
    ignored: Uint8Array.from(objects, ({ annotation }) => Number(annotation.isIgnored)),
    ...(kind === 'keypoints' ? { keypoints: new Float64Array(3 * points * count) } : {}),
  };
  const allHaveAreas = objects.every(({ annotation }) => annotation.area !== undefined);
  objects.forEach(({ image, annotation }, i) => {
    const box = boxOf(annotation);
    if (box === undefined && kind !== 'mask') throw lacking(image, annotation, 'box');
    truth.boxes.set(box ?? [0, 0, 0, 0], 4 * i);
    truth.areas[i] = annotation.area ?? (box === undefined ? 0 : box[2] * box[3]);
    if (truth.keypoints === undefined) return;
    // COCO's persons without keypoints have zeros, or none at all.
    const keypoints = annotation.keypoints ?? [];
    if (keypoints.length !== 0 && keypoints.length !== 3 * points) throw lacking(image, annotation, `${points} keypoints`);
    truth.keypoints.set(keypoints, 3 * points * i);
  });
  const imageIds = ordered.map((image) => image.id);
  if (kind !== 'mask') return { truth, imageIds };
  const masks = await masksOf(objects, signal);
  const { areas, ...others } = truth;
  return { truth: { ...others, masks, ...(allHaveAreas ? { areas } : {}) }, imageIds };
}

interface DatasetObject {
  readonly image: DatasetImage;
  readonly annotation: Annotation;
}

async function masksOf(objects: readonly DatasetObject[], signal: AbortSignal | undefined): Promise<RunLengthEncoding[]> {
  const isPolygons = ({ annotation }: DatasetObject): boolean => Array.isArray(annotation.segmentation);
  const drawn = objects.filter(isPolygons).map(({ image, annotation }): PolygonObject => {
    const { width, height } = image;
    if (width === undefined || height === undefined) throw lacking(image, annotation, 'size of its picture');
    return { polygons: annotation.segmentation as readonly (readonly number[])[], width, height };
  });
  const rasterized = await rasterizePolygons(drawn, { signal });
  let next = 0;
  return objects.map((object) => {
    if (isPolygons(object)) return rasterized.at(next++);
    if (object.annotation.segmentation === undefined) throw lacking(object.image, object.annotation, 'mask');
    return object.annotation.segmentation as RunLengthEncoding;
  });
}

function boxOf(annotation: Annotation): readonly [number, number, number, number] | undefined {
  if (annotation.box !== undefined || !Array.isArray(annotation.segmentation)) return annotation.box;
  const polygons = annotation.segmentation as readonly (readonly number[])[];
  return polygons.some(({ length }) => length >= 2) ? boxAround(polygons) : undefined;
}

function lacking(image: DatasetImage, annotation: Annotation, what: string): Error {
  const id = annotation.id === undefined ? '' : ` ${annotation.id}`;
  return createError('DATASET_UNSUPPORTED', {
    message: `Expected a ${what} of annotation${id} in picture ${JSON.stringify(image.name)} but there is none`,
    hint: 'Evaluate what the data set labels, or leave the picture out.',
    details: { image: image.name, annotation: annotation.id },
  });
}
