/** A data set in memory: what every format that is read can say, in one form. */

/** Formats that are read. */
export const datasetFormats = ['coco', 'yolo', 'imagenet', 'masks', 'voc', 'csv'] as const;
export type DatasetFormat = (typeof datasetFormats)[number];

/** What is labelled: whole pictures, objects, or pixels. */
export type DatasetTask = 'classify' | 'detect' | 'segment';

/** A class of a data set. {@link Annotation.category} and {@link DatasetImage.categories} are places in {@link Dataset.categories}. */
export interface Category {
  /** As the data set numbers it: COCO's begin at 1 and have gaps. */
  readonly id: number;
  readonly name: string;
  readonly supercategory?: string | undefined;
  /** Names of its keypoints, in their order. */
  readonly keypoints?: readonly string[] | undefined;
  /** Pairs of places in {@link keypoints}, from 0, that are joined. */
  readonly skeleton?: readonly (readonly [number, number])[] | undefined;
  /** ImageNet: WordNet's identifier, such as n01440764. */
  readonly wnid?: string | undefined;
  /** Red, green, blue, 0 to 255: what stands for it in a mask of colours. */
  readonly color?: readonly [number, number, number] | undefined;
}

/** x, y, width, height in pixels, x and y from the outer edge of the first pixel, not rounded: as in COCO. */
export type AnnotationBox = readonly [x: number, y: number, width: number, height: number];

/** COCO's run-length encoding of a whole picture, column by column: lengths of runs of 0 and 1 in turn, or its compressed text. */
export interface RunLengthEncoding {
  readonly size: readonly [height: number, width: number];
  readonly counts: readonly number[] | string;
}

/** Where something stands in the files of a data set, for messages. */
export interface SourcePlace {
  /** Path of the file. */
  readonly file: string;
  /** From 1; in formats of lines. */
  readonly line?: number | undefined;
  /** As in `annotations[12].bbox` or `object[2].bndbox.xmin`. */
  readonly field?: string | undefined;
}

/** What a format says besides. Objects within are spread (`attributes.occluded`, `part[0].name`), other lists are JSON. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** One labelled object. */
export interface Annotation {
  readonly id?: number | undefined;
  /** A place in {@link Dataset.categories}. */
  readonly category: number;
  readonly box?: AnnotationBox | undefined;
  /** Polygons, x, y, x, y and so on, whose union is the object; or runs. */
  readonly segmentation?: readonly (readonly number[])[] | RunLengthEncoding | undefined;
  /** In pixels, as the data set gives it. */
  readonly area?: number | undefined;
  /** A crowd of objects that are not told apart: what is found there is neither right nor wrong. */
  readonly isCrowd: boolean;
  /** Not to be counted, such as what VOC calls difficult. */
  readonly isIgnored: boolean;
  /** x, y and visibility (0: not labelled, 1: hidden, 2: visible) of each keypoint. */
  readonly keypoints?: readonly number[] | undefined;
  /** Oriented boxes: x and y of four corners, clockwise, in pixels. YOLO writes quadrilaterals like them: there, {@link segmentation} has them too. */
  readonly corners?: readonly number[] | undefined;
  /** Whatever else the format says of it: VOC's pose and truncated, COCO's own fields of a data set. */
  readonly attributes: Attributes;
}

/** One picture and what is labelled in it. */
export interface DatasetImage {
  /** COCO's id; elsewhere the place in the data set, from 0. */
  readonly id: number;
  /** As the data set names it, with `/`: the same on every machine. */
  readonly name: string;
  /** Where the picture is. It need not be there: metrics do without. */
  readonly path: string;
  /** In pixels; undefined where the data set does not say. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Classes of the whole picture: places in {@link Dataset.categories}. Empty where objects or pixels are labelled, and for pictures that have none. */
  readonly categories: readonly number[];
  readonly annotations: readonly Annotation[];
  /** For labelled pixels: reads the class of each, row by row, a place in {@link Dataset.categories}, or 255 where it is not to be counted. */
  readonly labelMap?: ((signal?: AbortSignal) => Promise<LabelMap>) | undefined;
  /** Whatever else the format says of the picture: for slices. */
  readonly attributes: Attributes;
}

/** Pixels of a {@link LabelMap} that are not to be counted. */
export const ignoredPixel = 255;

export interface LabelMap {
  /** height * width, row by row. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface Dataset {
  readonly format: DatasetFormat;
  readonly task: DatasetTask;
  /** The file or folder that was opened. */
  readonly path: string;
  readonly categories: readonly Category[];
  /** How many pictures there are. */
  readonly size: number;
  /**
   * What was found and is no error, one of each kind, with how often and where first: pictures without labels, labels without pictures. Of formats that
   * are read as they are asked for, complete once {@link images} has come to its end.
   */
  readonly notices: readonly DatasetNotice[];
  /**
   * Pictures in the order of the data set, each read as it is asked for where the format allows. Can be gone through any number of times.
   * Rejects with DATASET_INVALID, DATASET_NOT_FOUND, ABORTED.
   */
  images(signal?: AbortSignal): AsyncIterable<DatasetImage>;
}

export interface DatasetNotice extends SourcePlace {
  readonly message: string;
}
