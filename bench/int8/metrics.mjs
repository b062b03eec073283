/** How alike what a quantized model finds is to what the float model finds: statistics over pictures, which can be weighed. */
import { Classifier, Detector, Segmenter } from '../../dist/index.js';
import { classOf } from './splits.mjs';

/** Boxes of one class that overlap by this IoU are the same object. */
const sameObject = 0.5;
/** With hysteresis, what one model is sure of has to be found by the other at a lower score: a box on the threshold says nothing. */
const sure = 0.35;
const hint = 0.2;

/**
 * Statistics as foveate's `compareRuns` takes them: of the pictures, each counting as often as its weight says. The first is what the best peer is
 * chosen by.
 */
export function statisticsOf(model, pictures, reference, found) {
  if (model.task === Detector) return boxStatistics(model, pictures, reference, found);
  if (model.task === Classifier) {
    const ids = pictures.map((picture) => reference.get(picture).classId);
    return [
      ratio(
        'top-1 agreement',
        found.map(({ classId }, i) => [Number(classId === ids[i]), 1]),
      ),
      ratio(
        'accuracy',
        found.map(({ classId }, i) => [Number(classId === classOf(pictures[i])), 1]),
      ),
    ];
  }
  if (model.task === Segmenter) {
    const ious = found.map(({ iou }) => iou ?? NaN);
    return [
      ratio(
        'mean IoU',
        ious.map((iou) => (Number.isNaN(iou) ? [0, 0] : [iou, 1])),
      ),
      lowest('worst IoU', ious),
    ];
  }
  const cosines = found.map(({ cosine }) => cosine);
  return [{ name: 'median cosine', compute: (weights) => weightedMedian(cosines, weights) }, lowest('lowest cosine', cosines)];
}

function boxStatistics(model, pictures, reference, found) {
  const statistics = model.scores.flatMap((score, level) => {
    const rows = pictures.map((picture, i) => agreement(above(reference.get(picture), score), above(found[i], score)));
    const name = (text) => (level === 0 ? text : `${text} at ${score}`);
    return [
      ratio(
        name('F1'),
        rows.map((row) => [2 * row.matched, row.reference + row.candidate]),
      ),
      ratio(
        name('recall'),
        rows.map((row) => [row.matched, row.reference]),
      ),
      ratio(
        name('precision'),
        rows.map((row) => [row.matched, row.candidate]),
      ),
      ratio(
        name('mean IoU'),
        rows.map((row) => [row.iou, row.matched]),
      ),
      {
        ...ratio(
          name('score error'),
          rows.map((row) => [row.scoreError, row.matched]),
        ),
        lowerIsBetter: true,
      },
    ];
  });
  const oneWay = (from, to) => pictures.map((_, i) => agreement(above(from(i), sure), above(to(i), hint)));
  const ofReference = (i) => reference.get(pictures[i]);
  const ofCandidate = (i) => found[i];
  const share = (row) => [row.matched, row.reference];
  return [
    ...statistics,
    ratio('hysteresis recall', oneWay(ofReference, ofCandidate).map(share)),
    ratio('hysteresis precision', oneWay(ofCandidate, ofReference).map(share)),
  ];
}

/** The objects of at least that score. */
function above({ boxes, scores, classIds }, least) {
  const places = scores.flatMap((score, i) => (score >= least ? [i] : []));
  return places.map((i) => ({ box: boxes.slice(4 * i, 4 * i + 4), score: scores[i], classId: classIds[i] }));
}

/** Pairs the objects, those that overlap most first, each in one pair at most. */
function agreement(reference, candidate) {
  const pairs = reference.flatMap((one, a) =>
    candidate.flatMap((other, b) => {
      const iou = one.classId === other.classId ? overlap(one.box, other.box) : 0;
      return iou >= sameObject ? [{ a, b, iou }] : [];
    }),
  );
  pairs.sort((x, y) => y.iou - x.iou || x.a - y.a || x.b - y.b);
  const [takenA, takenB] = [new Set(), new Set()];
  const total = { reference: reference.length, candidate: candidate.length, matched: 0, iou: 0, scoreError: 0 };
  for (const { a, b, iou } of pairs) {
    if (takenA.has(a) || takenB.has(b)) continue;
    takenA.add(a);
    takenB.add(b);
    total.matched++;
    total.iou += iou;
    total.scoreError += Math.abs(reference[a].score - candidate[b].score);
  }
  return total;
}

function overlap(a, b) {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const area = ([left, top, right, bottom]) => (right - left) * (bottom - top);
  const union = area(a) + area(b) - width * height;
  return union > 0 ? (width * height) / union : 0;
}

/** Sum of the first numbers over the sum of the second, of all pictures together. */
function ratio(name, rows) {
  return {
    name,
    compute: (weights) => {
      let [above, below] = [0, 0];
      for (const [i, [numerator, denominator]] of rows.entries()) {
        above += weights[i] * numerator;
        below += weights[i] * denominator;
      }
      return above / below;
    },
  };
}

function lowest(name, values) {
  return {
    name,
    compute: (weights) => values.reduce((least, value, i) => (weights[i] > 0 && value < least ? value : least), Infinity),
  };
}

function weightedMedian(values, weights) {
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
  const half = weights.reduce((sum, weight) => sum + weight, 0) / 2;
  let sum = 0;
  for (const i of order) {
    sum += weights[i];
    if (sum >= half) return values[i];
  }
  return NaN;
}

/**
 * A statistic of findings in several splits, as one of the pictures of all: a picture that is drawn counts in every split that it is in. `owners`: of
 * each finding, the place of its picture among all.
 */
export function pooled(statistic, owners) {
  return { ...statistic, compute: (weights) => statistic.compute(Float64Array.from(owners, (picture) => weights[picture])) };
}
