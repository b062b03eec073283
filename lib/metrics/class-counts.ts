/** Precision, recall and F1 from what is counted of each class. */

/** Of each class: how many are of it, were said to be of it, and both. Whole numbers, or sums of weights. */
export interface ClassCounts {
  readonly correct: Float64Array;
  readonly support: Float64Array;
  readonly predicted: Float64Array;
}

/** Counts pictures, each with its weight (1 without weights). A predicted class of -1 is none: it misses, and is nobody's false alarm. */
export function countClasses(truth: Int32Array, predicted: Int32Array, classes: number, weights?: Float64Array): ClassCounts {
  const counts = {
    correct: new Float64Array(classes),
    support: new Float64Array(classes),
    predicted: new Float64Array(classes),
  };
  for (let i = 0; i < truth.length; i++) {
    const weight = weights === undefined ? 1 : (weights[i] as number);
    if (weight === 0) continue;
    const label = truth[i] as number;
    const prediction = predicted[i] as number;
    counts.support[label] = (counts.support[label] as number) + weight;
    if (prediction < 0) continue;
    counts.predicted[prediction] = (counts.predicted[prediction] as number) + weight;
    if (prediction === label) counts.correct[label] = (counts.correct[label] as number) + weight;
  }
  return counts;
}

export interface PrecisionRecall {
  /** Share of those said to be of a class that are. */
  readonly precision: number;
  /** Share of those of a class that were said to be. */
  readonly recall: number;
  /** Harmonic mean of both. */
  readonly f1: number;
}

/** As scikit-learn with zero_division=0: 0 where nothing was said to be of the class, or nothing is. */
export function precisionRecall(correct: number, support: number, predicted: number): PrecisionRecall {
  return {
    precision: predicted > 0 ? correct / predicted : 0,
    recall: support > 0 ? correct / support : 0,
    f1: support + predicted > 0 ? (2 * correct) / (support + predicted) : 0,
  };
}

/** Means over the classes that occur in labels or predictions, as scikit-learn takes them; classes in neither are left out. */
export interface AveragedPrecisionRecall {
  /** Each class counts the same. */
  readonly macro: PrecisionRecall;
  /** Each class counts by its support. */
  readonly weighted: PrecisionRecall;
  /** From the counts of all classes together. */
  readonly micro: PrecisionRecall;
  /** Mean recall of the classes that occur in the labels. NaN without any. */
  readonly balancedAccuracy: number;
}

export function averagePrecisionRecall({ correct, support, predicted }: ClassCounts): AveragedPrecisionRecall {
  const macro = { precision: 0, recall: 0, f1: 0 };
  const weighted = { precision: 0, recall: 0, f1: 0 };
  const all = { correct: 0, support: 0, predicted: 0 };
  let occurring = 0;
  let labelled = 0;
  let recalls = 0;
  for (let c = 0; c < correct.length; c++) {
    const counts = [correct[c] as number, support[c] as number, predicted[c] as number] as const;
    if (counts[1] === 0 && counts[2] === 0) continue;
    const values = precisionRecall(...counts);
    for (const key of ['precision', 'recall', 'f1'] as const) {
      macro[key] += values[key];
      weighted[key] += values[key] * counts[1];
    }
    occurring++;
    if (counts[1] > 0) {
      labelled++;
      recalls += values.recall;
    }
    all.correct += counts[0];
    all.support += counts[1];
    all.predicted += counts[2];
  }
  for (const key of ['precision', 'recall', 'f1'] as const) {
    macro[key] /= occurring;
    weighted[key] /= all.support;
  }
  return {
    macro,
    weighted,
    micro: precisionRecall(all.correct, all.support, all.predicted),
    balancedAccuracy: recalls / labelled,
  };
}
