import { DatasetError } from '../errors/index.js';
import type { PredictedRun } from './evaluate.js';
import type { EvaluationFailure, LatencyMs } from './evaluation-result.js';
import type { PredictionSource } from './prediction-source.js';
import type { Truth } from './truth.js';

/** Which pictures came, what they took, and which failed: none may be missing, unknown or told twice, and one at least has to be run. */
export class Account {
  readonly #path: string;
  readonly #source: PredictionSource;
  readonly #truth: Truth;
  readonly #times: number[] = [];
  readonly #failures = new Map<string, EvaluationFailure>();

  constructor(path: string, source: PredictionSource, truth: Truth) {
    this.#path = path;
    this.#source = source;
    this.#truth = truth;
  }

  async *read(signal: AbortSignal | undefined): PredictedRun['predictions'] {
    const seen = new Set<string>();
    for await (const { image, ms, found } of this.#source.pictures(signal)) {
      if (!this.#truth.images.has(image)) throw strangeImage(this.#path, image);
      if (seen.has(image)) throw otherDataset(this.#path, `it holds ${JSON.stringify(image)} twice`);
      if ('error' in found) {
        this.#failures.set(image, { image, ...found.error });
        continue;
      }
      this.#failures.delete(image);
      seen.add(image);
      if (ms !== undefined) this.#times.push(ms);
      yield { image, ms, found };
    }
    const missing = this.#truth.images.size - seen.size - this.#failures.size;
    if (missing > 0)
      throw otherDataset(this.#path, `${missing} of ${this.#truth.images.size} pictures of the data set are not in it`);
    if (seen.size === 0) throw nothingRun(this.#truth, this.failures()[0]);
  }

  failures(): EvaluationFailure[] {
    return [...this.#failures.values()];
  }

  latency(): LatencyMs | undefined {
    const times = this.#times.sort((left, right) => left - right);
    if (times.length === 0) return undefined;
    const at = (part: number): number => times[Math.min(times.length - 1, Math.ceil(part * times.length) - 1)] as number;
    const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
    return { images: times.length, mean, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  }
}

/** For predictions of a picture that the data set does not have. */
export function strangeImage(path: string, image: string): DatasetError {
  return otherDataset(path, `it holds ${JSON.stringify(image)}, which the data set does not`);
}

function otherDataset(path: string, reason: string): DatasetError {
  return new DatasetError('DATASET_INVALID', {
    message: `The predictions ${path} are not of this data set: ${reason}`,
    hint: 'Evaluate the model on this data set; with --resume a run goes on that was interrupted.',
    details: { file: path },
  });
}

/** Where nothing was run at all, the first failure says why. */
function nothingRun(truth: Truth, failure: EvaluationFailure | undefined): DatasetError {
  return new DatasetError('DATASET_INVALID', {
    message:
      failure === undefined
        ? 'The data set has no pictures'
        : `None of ${truth.images.size} pictures could be read, the first: ${failure.message} [${failure.code}]`,
    hint: failure === undefined ? 'Check its path, and the split.' : 'Check where the pictures are: --images names their folder.',
  });
}
