/** Two models on the same pictures. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { measureAgreement } from '../../lib/optimize/agreement.js';
import { Classifier, Detector, Segmenter, Embedder, DensePredictor, type Task } from '../../lib/tasks/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { example } from '../session/fixtures.js';
import { classes, iou, labelled } from '../tasks/labelled-pictures.js';
import { brightness } from '../tasks/made-models.js';

const picturesOf = (task: 'classify' | 'detect' | 'segment'): string[] => labelled(task).map(({ path }) => path);
/** A preprocessing that the models were not trained with: what they find is another thing. */
const strange = { preprocess: { color: 'bgr', scale: 1 / 500 } } as const;
const opened: Task[] = [];
const keep = <T extends Task>(task: T): T => (opened.push(task), task);
afterAll(() => Promise.all(opened.map((task) => task.dispose())));

const metricsOf = ({ metrics }: Awaited<ReturnType<typeof measureAgreement>>): Record<string, number | null> =>
  Object.fromEntries(metrics.map(({ name, value }) => [name, value]));

describe('classifiers', () => {
  const pictures = picturesOf('classify');
  let reference: Classifier;
  let candidate: Classifier;
  beforeAll(async () => {
    reference = keep(await Classifier.load(example('models/shapes-classifier.onnx')));
    candidate = keep(await Classifier.load(example('models/shapes-classifier.onnx'), { preprocess: { scale: 0 } }));
  });

  it('that are the same agree', async () => {
    const agreement = await measureAgreement(reference, reference, pictures);
    expect(agreement).toMatchObject({ task: 'classify', pictures: pictures.length, failures: [] });
    expect(metricsOf(agreement)).toEqual({ 'top-1': 1, 'top-5': 1 });
    expect(agreement.metrics[0]?.interval).toEqual([1, 1]);
  });

  it('that are not agree where they say the same, and are held against labels', async () => {
    const [before, after] = [await reference.classify(pictures), await candidate.classify(pictures)];
    const first = before.map(({ classIds }) => classIds[0] as number);
    const second = after.map(({ classIds }) => classIds[0] as number);
    expect(first).not.toEqual(second);
    const truth = Int32Array.from(labelled('classify'), ({ label }) => classes.indexOf(label as string));
    const share = (one: ArrayLike<number>, other: ArrayLike<number>): number =>
      pictures.filter((_, i) => one[i] === other[i]).length / pictures.length;
    const agreement = await measureAgreement(reference, candidate, pictures, { truth });
    expect(metricsOf(agreement)).toMatchObject({
      'top-1': share(first, second),
      'accuracy before': share(first, truth),
      'accuracy after': share(second, truth),
    });
    // Pictures whose class is not known count for agreement alone.
    const unknown = truth.map((id, i) => (i === 0 ? id : -1));
    expect(metricsOf(await measureAgreement(reference, candidate, pictures, { truth: unknown }))).toMatchObject({
      'top-1': share(first, second),
      'accuracy before': Number(first[0] === truth[0]),
    });
  });

  it('leave out pictures that cannot be read, and tell them', async () => {
    const truth = Int32Array.of(0, classes.indexOf(labelled('classify')[0]?.label as string));
    const agreement = await measureAgreement(reference, reference, ['/nowhere.jpg', pictures[0] as string], { truth });
    expect(agreement.pictures).toBe(1);
    expect(agreement.failures).toEqual([
      { picture: '/nowhere.jpg', code: 'MEDIA_NOT_FOUND', message: expect.stringContaining('nowhere') as string },
    ]);
    expect(metricsOf(agreement)['accuracy before']).toBe(1);
    expect(agreement.metrics[0]).not.toHaveProperty('interval');
    const none = await measureAgreement(reference, reference, ['/nowhere.jpg']);
    expect(none).toMatchObject({ pictures: 0, metrics: [] });
  });

  it('tell of each picture, and can be aborted', async () => {
    const told: number[] = [];
    await measureAgreement(reference, reference, pictures, { onProgress: (done, total) => told.push(done / total) });
    expect(told.at(-1)).toBe(1);
    expect(told).toHaveLength(pictures.length);
    const signal = AbortSignal.abort();
    expectFailure(await rejectionOf(measureAgreement(reference, candidate, pictures, { signal })), 'ABORTED', /./);
  });

  it('are compared with none of another task, nor of other classes, nor without pictures', async () => {
    const detector = keep(await Detector.load(example('models/shapes-detector.onnx')));
    for (const [call, told] of [
      [measureAgreement(reference, detector, pictures), /classify.*detect/],
      [measureAgreement(reference, { ...reference, labels: ['a'] } as never, pictures), /candidate/],
      [measureAgreement(reference, candidate, []), /pictures/],
      [measureAgreement(reference, candidate, pictures, { truth: Int32Array.of(1) }), /truth/],
    ] as const) {
      expectFailure(await rejectionOf(call), 'INVALID_ARGUMENT', told);
    }
    const call = measureAgreement(reference, candidate, pictures, { labels: [] } as object);
    expectFailure(await rejectionOf(call), 'UNKNOWN_OPTION', /labels/);
  });
});

describe('detectors', () => {
  it('are compared box by box', async () => {
    const reference = keep(await Detector.load(example('models/shapes-detector.onnx')));
    const candidate = keep(await Detector.load(example('models/shapes-detector.onnx'), strange));
    const pictures = picturesOf('detect');
    const [before, after] = [await reference.detect(pictures), await candidate.detect(pictures)];
    // The shapes lie apart: whichever box comes first, none has two to choose from.
    let found = 0;
    let all = 0;
    for (const [i, boxes] of before.entries()) {
      const others = [...(after[i] as (typeof after)[number])];
      for (const { box, classId } of boxes) {
        all++;
        found += Number(others.some((other) => other.classId === classId && iou(box, other.box) >= 0.5));
      }
    }
    const agreement = await measureAgreement(reference, candidate, pictures);
    expect(found).toBeLessThan(all);
    expect(metricsOf(agreement)['recall']).toBeCloseTo(found / all, 12);
    expect(agreement.worst.map(({ value }) => value)).toEqual(agreement.worst.map(({ value }) => value).toSorted());
    expect(metricsOf(await measureAgreement(reference, reference, pictures))).toEqual({
      ...{ recall: 1, precision: 1, 'mean IoU': 1, 'score error': 0 },
      ...{ 'hysteresis recall': 1, 'hysteresis precision': 1 },
    });
  });
});

describe('segmenters', () => {
  it('are compared by their classes, the background left out', async () => {
    const reference = keep(await Segmenter.load(example('models/shapes-segmenter.onnx')));
    const candidate = keep(await Segmenter.load(example('models/shapes-segmenter.onnx'), strange));
    const pictures = picturesOf('segment');
    const [before, after] = [await reference.segment(pictures), await candidate.segment(pictures)];
    const means = before.map(({ mask, labels, background }, i) => {
      const other = (after[i] as (typeof after)[number]).mask;
      const ious: number[] = [];
      for (let id = 0; id < labels.length; id++) {
        let [both, either] = [0, 0];
        for (const [at, value] of mask.entries()) {
          both += Number(value === id && other[at] === id);
          either += Number(value === id || other[at] === id);
        }
        if (id !== background && either > 0) ious.push(both / either);
      }
      return ious.reduce((sum, value) => sum + value, 0) / ious.length;
    });
    const { 'mean IoU': mean, 'lowest IoU': lowest } = metricsOf(await measureAgreement(reference, candidate, pictures));
    expect(mean).toBeCloseTo(means.reduce((sum, value) => sum + value, 0) / means.length, 12);
    expect(lowest).toBeCloseTo(Math.min(...means), 12);
    expect(lowest).toBeLessThan(1);
  });
});

describe('embedders and dense predictors', () => {
  const pictures = picturesOf('classify');
  it('are compared by angles', async () => {
    const model = example('models/shapes-classifier.onnx');
    const reference = keep(await Embedder.load(model, { preprocess: { color: 'rgb' } }));
    const candidate = keep(await Embedder.load(model, strange));
    const cosines = (await reference.embed(pictures)).map(async (one, i) =>
      one.similarity(await candidate.embed(pictures[i] as string)),
    );
    const sorted = (await Promise.all(cosines)).toSorted((a, b) => a - b);
    const metrics = metricsOf(await measureAgreement(reference, candidate, pictures));
    expect(metrics['lowest cosine']).toBe(sorted[0]);
    const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]] as [number, number];
    expect(metrics['median cosine']).toBe((low + high) / 2);
  });

  it('are compared by the length of the difference', async () => {
    const options = { fit: 'stretch', mean: [0, 0, 0], std: [1, 1, 1] } as const;
    const load = async (scale: number): Promise<DensePredictor> =>
      keep(await DensePredictor.load(brightness(), { preprocess: { ...options, scale } }));
    const [reference, candidate, broken] = [await load(1 / 255), await load(1.25 / 255), await load(0)];
    const same = metricsOf(await measureAgreement(reference, reference, pictures));
    expect(same).toEqual({ 'relative error': 0, 'highest relative error': 0 });
    const other = metricsOf(await measureAgreement(reference, candidate, pictures));
    expect(other['relative error']).toBeCloseTo(0.25, 5);
    expect(other['highest relative error']).toBeCloseTo(0.25, 5);
    // A reference that is 0 everywhere has no relative error.
    expect(metricsOf(await measureAgreement(broken, candidate, pictures))).toEqual({
      ...{ 'relative error': null, 'highest relative error': null },
    });
  });
});
