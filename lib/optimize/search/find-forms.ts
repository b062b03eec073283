import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import type { Dataset } from '../../dataset/index.js';
import { DatasetError } from '../../errors/index.js';
import type { ModelProto } from '../../graph/index.js';
import type { Task } from '../../tasks/index.js';
import { decides, heldBackDataset, heldBackPictures } from '../held-back.js';
import type { OptimizedSource, StepOptions } from '../optimize-steps.js';
import type { QuantizedFormName, QuantizedForms } from '../quantized-layer.js';
import type { StepClock } from '../step-clock.js';
import type { Budget } from './budget.js';
import { CandidateJudge, fewestPictures } from './candidate-judge.js';
import type { SearchJournal } from './journal.js';
import type { Ladder } from './ladder.js';
import { searchForms, type ReportedSearch } from './search-model.js';

export interface FormsToFind {
  readonly source: OptimizedSource;
  readonly task: Task;
  readonly budget: Budget;
  /** Those that are asked for. */
  readonly forms: readonly QuantizedFormName[];
  /** All that there are, and the SHA-256 of those that were calibrated with. */
  readonly pictures: readonly string[];
  readonly calibrated: ReadonlySet<string>;
  readonly labelled: Dataset | undefined;
  readonly seed: number;
  readonly threads: number | undefined;
  readonly ladder: (step: StepOptions) => Promise<Ladder>;
  readonly writeModel: (model: ModelProto, path: string) => Promise<void>;
  readonly journal: SearchJournal;
  /** For models that are measured. */
  readonly folder: string;
  readonly clock: StepClock;
}

/**
 * Measures forms with more and less in float on pictures that nothing else is judged by, and takes those that keep to the budget. Rejects with BUDGET_NOT_MET,
 * DATASET_INVALID where too few pictures are left to decide by, ABORTED.
 */
export async function findForms(given: FormsToFind): Promise<{ forms: QuantizedForms; search: ReportedSearch }> {
  const { source, task, budget, calibrated, labelled, seed, journal, folder, clock } = given;
  const isLeftOut = (sha256: string): boolean => calibrated.has(sha256) || !decides(sha256, seed);
  const pictures = await heldBackPictures(given.pictures, isLeftOut, seed, clock.signal);
  const decidingLabels = labelled && (await heldBackDataset(labelled, isLeftOut, clock.signal));
  const count = decidingLabels?.size ?? pictures.length;
  if (count < fewestPictures || pictures.length === 0) {
    throw new DatasetError('DATASET_INVALID', {
      message: `Expected at least ${fewestPictures} pictures to decide by, which are neither calibrated with nor judged by, but there are ${Math.min(count, pictures.length)}`,
      hint: 'Give more pictures: of those that are not calibrated with, half decide and half judge what was taken.',
    });
  }
  const write = async (name: string, model: ModelProto): Promise<string> => {
    const place = join(folder, 'search', name);
    await mkdir(place, { recursive: true });
    await given.writeModel(model, join(place, 'model.onnx'));
    return join(place, 'model.onnx');
  };
  const normalized = await write('float32', source.model);
  const ladder = await clock.step('convert', given.ladder);
  const judge = new CandidateJudge({
    ...{ task, taskOptions: source.taskOptions, source: source.path, normalized, pictures, labelled: decidingLabels },
    ...{ threads: given.threads ?? availableParallelism(), folder, clock },
  });
  return await clock.step('search', ({ onProgress }) =>
    searchForms({
      ...{ model: source.model, forms: given.forms, ladder, budget, judge, journal, pictures: count, write, onProgress },
    }),
  );
}
