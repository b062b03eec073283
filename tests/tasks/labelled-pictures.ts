/** The pictures of examples/, with what is to be seen in them. */
import { readFileSync } from 'node:fs';
import { example } from '../session/fixtures.js';

export interface LabelledObject {
  readonly label: string;
  readonly box: readonly [number, number, number, number];
}

export interface LabelledPicture {
  readonly file: string;
  readonly task: 'detect' | 'classify' | 'segment';
  readonly width: number;
  readonly height: number;
  /** For 'classify'. */
  readonly label?: string;
  /** For 'detect'. */
  readonly objects?: readonly LabelledObject[];
  /** For 'segment': a grey PNG of class ids. */
  readonly mask?: string;
}

/** The classes in the order of their ids. */
export const classes = (JSON.parse(readFileSync(example('pictures/labels.json'), 'utf8')) as { classes: string[] }).classes;

/** The labelled pictures of a task. */
export function labelled(task: LabelledPicture['task']): readonly (LabelledPicture & { path: string })[] {
  const { pictures } = JSON.parse(readFileSync(example('pictures/labels.json'), 'utf8')) as { pictures: LabelledPicture[] };
  return pictures
    .filter((picture) => picture.task === task)
    .map((picture) => ({ ...picture, path: example(`pictures/${picture.file}`) }));
}

/** Intersection over union of two boxes xyxy. */
export function iou(a: readonly number[], b: readonly number[]): number {
  const [ax1, ay1, ax2, ay2] = a as [number, number, number, number];
  const [bx1, by1, bx2, by2] = b as [number, number, number, number];
  const shared = Math.max(0, Math.min(ax2, bx2) - Math.max(ax1, bx1)) * Math.max(0, Math.min(ay2, by2) - Math.max(ay1, by1));
  return shared / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared);
}
