/** What a gallery says of a detector's mistakes. */
import { expect, it } from 'vitest';

import type { DatasetImage } from '../../lib/dataset/index.js';
import { matchObjects } from '../../lib/evaluation/detected-objects.js';
import { detectionExamples } from '../../lib/evaluation/detection-examples.js';

const categories = [
  { id: 1, name: 'cat' },
  { id: 2, name: 'dog' },
];
const annotation = { isCrowd: false, isIgnored: false, attributes: {} };
const image: DatasetImage = {
  ...{ id: 1, name: 'a.jpg', path: '/nowhere/a.jpg', width: 500, height: 500, categories: [], attributes: {} },
  annotations: [
    { ...annotation, category: 0, box: [0, 0, 100, 100] },
    { ...annotation, category: 1, box: [200, 0, 100, 100] },
    { ...annotation, category: 0, box: [0, 300, 90, 90] },
    { ...annotation, category: 1, box: [200, 300, 80, 80], isCrowd: true },
  ],
};

it('tells each mistake by what it is, the surest first', async () => {
  const objects: readonly (readonly [category: number, score: number, box: readonly number[]])[] = [
    [0, 0.9, [0, 0, 100, 100]], // right
    [0, 0.8, [5, 5, 100, 100]], // the same again
    [0, 0.7, [200, 0, 100, 100]], // a dog
    [1, 0.6, [400, 400, 50, 50]], // nothing
    [1, 0.5, [230, 60, 100, 100]], // a dog, badly
    [1, 0.4, [200, 300, 80, 80]], // on a crowd: neither right nor wrong
    [0, 0.2, [400, 0, 50, 50]], // would not be shown
  ];
  const found = {
    boxes: Float64Array.from(objects.flatMap(([, , box]) => box)),
    scores: Float64Array.from(objects, ([, score]) => score),
    classIds: Int32Array.from(objects, ([category]) => category),
  };
  const examples = detectionExamples(
    await matchObjects('box', [{ image, found }], { categories: 2, points: 0 }, undefined),
    categories,
    0.25,
  );
  expect(examples.map(({ kind, caption }) => [kind, caption])).toEqual([
    ['false-positive', 'cat, found a second time'],
    ['wrong-class', 'dog, taken for cat'],
    ['false-positive', 'dog, where nothing is'],
    ['low-iou', 'dog, off: IoU 0.16'],
    ['false-negative', 'dog, missed'],
    ['false-negative', 'cat, missed'],
  ]);
  expect(examples[0]).toMatchObject({ image: 'a.jpg', path: '/nowhere/a.jpg', score: 0.8 });
  expect(examples[0]?.boxes?.map(({ role, box }) => [role, box])).toEqual([
    ['truth', [0, 0, 100, 100]],
    ['found', [5, 5, 105, 105]],
  ]);
  expect(examples[2]?.boxes).toHaveLength(1);
});
