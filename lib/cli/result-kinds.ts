import type { Classification, DenseMap, Detections, Embedding, RotatedBox, Segmentation } from '../results/index.js';
import type { TaskName } from '../tasks/index.js';
import type { Cell, CsvField } from '../text/index.js';

export type TaskResult = Classification | Detections | Segmentation | Embedding | DenseMap;

/** How the results of a task are shown: all that the reports have to know of it. */
export interface ResultKind<R extends TaskResult> {
  /** For people: a row for each thing seen. */
  readonly rows: (result: R) => readonly (readonly Cell[])[];
  /** Names of the fields of {@link records}. The same for every result, whatever is seen. */
  readonly columns: readonly string[];
  /** For CSV: a record for each thing seen. */
  readonly records: (result: R) => readonly (readonly CsvField[])[];
}

/** Several numbers in one field. */
function numbersField(numbers: Iterable<number>): CsvField {
  return [...numbers].join(' ');
}

function rotatedBoxNumbers({ centerX, centerY, width, height, angle }: RotatedBox): number[] {
  return [centerX, centerY, width, height, angle];
}

const kinds: {
  readonly classify: ResultKind<Classification>;
  readonly detect: ResultKind<Detections>;
  readonly segment: ResultKind<Segmentation>;
  readonly embed: ResultKind<Embedding>;
  readonly dense: ResultKind<DenseMap>;
} = {
  classify: {
    rows: (result) => [...result].map(({ label, score }) => [label, { number: score.toFixed(3) }]),
    columns: ['rank', 'class_id', 'label', 'score'],
    records: (result) => [...result].map(({ classId, label, score }, i) => [i + 1, classId, label, score]),
  },
  detect: {
    rows: (result) => {
      if (result.length === 0) return [['nothing found']];
      return [...result].map(({ label, score, box }) => [
        label,
        { number: score.toFixed(2) },
        ...box.map((coordinate) => ({ number: coordinate.toFixed(1) })),
      ]);
    },
    columns: ['class_id', 'label', 'score', 'x1', 'y1', 'x2', 'y2', 'rotated_box', 'keypoints'],
    records: (result) =>
      [...result].map(({ classId, label, score, box, rotatedBox, keypoints }) => [
        ...[classId, label, score, ...box],
        rotatedBox && numbersField(rotatedBoxNumbers(rotatedBox)),
        keypoints && numbersField(keypoints.flatMap(({ x, y, score }) => [x, y, score])),
      ]),
  },
  segment: {
    rows: (result) =>
      result.regions.map(({ label, fraction, pixels }) => [
        label,
        { number: `${(fraction * 100).toFixed(1)} %` },
        { number: `${pixels} px` },
      ]),
    columns: ['class_id', 'label', 'pixels', 'fraction'],
    records: (result) => result.regions.map(({ classId, label, pixels, fraction }) => [classId, label, pixels, fraction]),
  },
  embed: {
    rows: ({ vector }) => [
      [`${vector.length} values`, `${[...vector.subarray(0, 4)].map((value) => value.toFixed(4)).join(' ')} ...`],
    ],
    columns: ['vector'],
    records: ({ vector }) => [[numbersField(vector)]],
  },
  dense: {
    rows: ({ min, max }) => [['from', { number: min.toPrecision(5) }, 'to', { number: max.toPrecision(5) }]],
    columns: ['min', 'max'],
    records: ({ min, max }) => [[min, max]],
  },
};

/** For the results of this task, and of no other. */
export function resultKind(task: TaskName): ResultKind<TaskResult> {
  return kinds[task] as ResultKind<TaskResult>;
}
