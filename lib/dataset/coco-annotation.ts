import type { Annotation, AnnotationBox, Category, DatasetImage, SourcePlace } from './dataset.js';
import { boxAround, checkAtLeast, checkFinite, checkFlag, checkId, checkPolygon, extraAttributes } from './field-checks.js';
import { checkRunLength } from './run-length.js';
import { invalidAt, unexpected, within } from './source-place.js';

/** Read into fields of their own. `ignore` is not: pycocotools puts `iscrowd` in its place. */
const annotationKeys = new Set([
  'id',
  'image_id',
  'category_id',
  'bbox',
  'segmentation',
  'area',
  'iscrowd',
  'keypoints',
  'num_keypoints',
]);

/** One of COCO's annotations, of a picture and a category that are known. Throws DATASET_INVALID. */
export function cocoAnnotation(
  raw: Readonly<Record<string, unknown>>,
  image: Pick<DatasetImage, 'width' | 'height'>,
  category: { readonly index: number; readonly of: Category },
  place: SourcePlace,
): Annotation {
  const segmentation = readSegmentation(raw['segmentation'], image, place);
  const keypoints = readKeypoints(raw['keypoints'], category.of, place);
  const box = readBox(raw['bbox'], segmentation, place);
  if (box === undefined && segmentation === undefined && keypoints === undefined) {
    throw invalidAt(place, 'expected bbox, segmentation or keypoints but it has none');
  }
  const { id, area, iscrowd } = raw;
  return {
    id: id === undefined ? undefined : checkId(id, place, 'id'),
    category: category.index,
    box,
    segmentation,
    area: area === undefined || area === null ? undefined : checkAtLeast(area, 0, place, 'area'),
    isCrowd: checkFlag(iscrowd, place, 'iscrowd'),
    isIgnored: false,
    keypoints,
    attributes: extraAttributes(raw, annotationKeys),
  };
}

const boxFields = ['bbox[0]', 'bbox[1]', 'bbox[2]', 'bbox[3]'] as const;

/** Where no box is given, the one around the polygons. */
function readBox(bbox: unknown, segmentation: Annotation['segmentation'], place: SourcePlace): AnnotationBox | undefined {
  if (bbox === undefined || bbox === null) {
    return Array.isArray(segmentation) ? boxAround(segmentation as readonly number[][]) : undefined;
  }
  if (!Array.isArray(bbox) || bbox.length !== 4)
    throw unexpected(within(place, 'bbox'), 'four numbers, x, y, width and height,', bbox);
  for (let i = 0; i < 4; i++) {
    if (i < 2) checkFinite(bbox[i], place, boxFields[i]);
    else checkAtLeast(bbox[i], 0, place, boxFields[i]);
  }
  return bbox as unknown as AnnotationBox;
}

function readSegmentation(
  value: unknown,
  { width, height }: Pick<DatasetImage, 'width' | 'height'>,
  place: SourcePlace,
): Annotation['segmentation'] {
  // Tools write an empty list for "no outline".
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return undefined;
  if (Array.isArray(value)) return value.map((polygon, i) => checkPolygon(polygon, place, `segmentation[${i}]`));
  if (typeof value !== 'object') throw unexpected(within(place, 'segmentation'), 'polygons or run-length encoding', value);
  const picture = width === undefined || height === undefined ? undefined : ([height, width] as const);
  return checkRunLength(value as Record<string, unknown>, picture, within(place, 'segmentation'));
}

function readKeypoints(value: unknown, { name, keypoints }: Category, place: SourcePlace): readonly number[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw unexpected(within(place, 'keypoints'), 'a list of x, y and visibility in turn', value);
  const expected = 3 * (keypoints?.length ?? Math.ceil(value.length / 3));
  if (value.length !== expected) {
    const why =
      keypoints === undefined ? 'x, y and visibility in turn' : `the ${keypoints.length} keypoints of ${JSON.stringify(name)}`;
    throw invalidAt(within(place, 'keypoints'), `expected ${expected} numbers, ${why}, but received ${value.length}`);
  }
  for (let i = 0; i < value.length; i++) {
    const number = value[i] as number;
    if (!Number.isFinite(number)) checkFinite(number, place, `keypoints[${i}]`);
    if (i % 3 === 2 && number !== 0 && number !== 1 && number !== 2)
      throw unexpected(within(place, `keypoints[${i}]`), '0, 1 or 2, whether it is seen,', number);
  }
  return value as number[];
}
