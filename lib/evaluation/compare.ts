import type { Dataset } from '../dataset/index.js';
import { checkOptions, DatasetError } from '../errors/index.js';
import { compareSamples, type Comparison } from '../metrics/index.js';
import { countPredictions, defaultResamples, type EvaluatePredictionsOptions, type Findings } from './evaluate.js';
import { seed } from './sampling.js';
import { readTruth } from './truth.js';

/**
 * Compares what two models found in the same pictures: the differences of their metrics, each with an interval from draws of pictures that both share, and in
 * words whether it shows. Pictures that either could not read are left out.
 *
 * Throws DATASET_INVALID where the predictions are not of this data set, or of different tasks, and as `evaluatePredictions` does.
 */
export async function comparePredictions(
  baseline: string,
  candidate: string,
  dataset: Dataset,
  options: EvaluatePredictionsOptions = {},
): Promise<Comparison[]> {
  checkOptions('comparison options', options, ['resamples', 'signal']);
  const { resamples: samples = defaultResamples, signal } = options;
  const truth = await readTruth(dataset, signal);
  const [first, second] = [
    await countPredictions(baseline, dataset, truth, signal),
    await countPredictions(candidate, dataset, truth, signal),
  ];
  if (first.header.task !== second.header.task) {
    throw new DatasetError('DATASET_INVALID', {
      message: `Expected predictions of the same task but received ${first.header.task} and ${second.header.task}`,
      hint: 'Compare two models that are for the same.',
    });
  }
  const names = [first, second].map(({ findings }) => new Set(findings.images.map(({ name }) => name)));
  const isShared = (name: string): boolean => names.every((set) => set.has(name));
  const [before, after] = await Promise.all(
    [first, second].map(({ findings }) => findings.sampler(placesOf(findings, isShared), { samples, seed })),
  );
  const pictures = placesOf(first.findings, isShared).length;
  return (before ?? []).flatMap((estimate) => {
    const other = after?.find(({ name }) => name === estimate.name);
    if (other === undefined) return [];
    return [compareSamples({ name: estimate.name, pictures, baseline: estimate, candidate: other })];
  });
}

/** The places of some of the pictures, by name, so that the same draw is of the same pictures. */
function placesOf({ images }: Findings, isWanted: (name: string) => boolean): Uint32Array {
  const named = [...images.entries()].filter(([, { name }]) => isWanted(name));
  return Uint32Array.from(named.sort(([, left], [, right]) => (left.name < right.name ? -1 : 1)).map(([place]) => place));
}
