/** Whether a classifier is as sure as it is right. */

/** Pictures whose highest score lies in one bin. */
export interface CalibrationBin {
  /** The bin holds what is above `from`, up to and including `to`; the first one holds 0 too. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Mean of the highest scores. NaN where the bin is empty. */
  readonly confidence: number;
  /** Share of right predictions. NaN where the bin is empty. */
  readonly accuracy: number;
}

/** Bins of equal width from 0 to 1: the reliability curve. The edges are those of numpy's linspace, so that ties fall as in scikit-learn's calibration_curve. */
export function calibrationBins(confidence: Float64Array, correct: Uint8Array, bins: number): CalibrationBin[] {
  const width = 1 / bins;
  const edge = (bin: number): number => (bin === bins ? 1 : bin * width);
  const counts = new Float64Array(bins);
  const sums = new Float64Array(bins);
  const hits = new Float64Array(bins);
  for (let i = 0; i < confidence.length; i++) {
    const value = confidence[i] as number;
    let bin = Math.min(Math.max(Math.ceil(value * bins) - 1, 0), bins - 1);
    // The product is rounded, and may fall to the neighbour of the right bin.
    while (bin > 0 && value <= edge(bin)) bin--;
    while (bin < bins - 1 && value > edge(bin + 1)) bin++;
    counts[bin] = (counts[bin] as number) + 1;
    sums[bin] = (sums[bin] as number) + value;
    hits[bin] = (hits[bin] as number) + (correct[i] as number);
  }
  return Array.from(counts, (count, bin) => ({
    from: edge(bin),
    to: edge(bin + 1),
    count,
    confidence: (sums[bin] as number) / count,
    accuracy: (hits[bin] as number) / count,
  }));
}

/** Expected calibration error: the mean distance of confidence and accuracy, each bin weighted by its pictures (Naeini 2015; Guo 2017). */
export function calibrationError(bins: readonly CalibrationBin[]): number {
  let total = 0;
  let error = 0;
  for (const { count, confidence, accuracy } of bins) {
    if (count === 0) continue;
    total += count;
    error += count * Math.abs(accuracy - confidence);
  }
  return error / total;
}
