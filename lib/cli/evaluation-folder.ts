import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { makeFolder } from '../engine/index.js';
import { MediaError } from '../errors/index.js';
import { csvReport, htmlReport, junitReport, type EvaluationResult } from '../evaluation/index.js';
import { notWritable, writeWhole } from '../text/index.js';

/** What is written of an evaluation, in one folder. */
export class EvaluationFolder {
  readonly names = ['results.json', 'report.html', 'results.csv', 'junit.xml'];
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Makes the folder. Throws OUTPUT_NOT_WRITABLE where it cannot be made, or holds an evaluation that is neither gone on with nor to be replaced. */
  static async create(
    path: string,
    { resume = false, overwrite = false }: { readonly resume?: boolean | undefined; readonly overwrite?: boolean | undefined },
  ): Promise<EvaluationFolder> {
    const folder = new EvaluationFolder(path);
    let present: string[];
    try {
      await makeFolder(path);
      present = await readdir(path);
    } catch (cause) {
      throw notWritable(path, cause);
    }
    const inTheWay = present.find((name) => name === 'predictions.ndjson' || folder.names.includes(name));
    if (inTheWay === undefined || resume || overwrite) return folder;
    throw new MediaError('OUTPUT_NOT_WRITABLE', {
      message: `The results would overwrite ${join(path, inTheWay)}`,
      hint: 'Name another folder with --output, or give --overwrite; --resume goes on with a run that was interrupted.',
      details: { path },
    });
  }

  /** Where predictions are kept. */
  get predictions(): string {
    return join(this.#path, 'predictions.ndjson');
  }

  /** Writes each file whole or not at all. Throws OUTPUT_NOT_WRITABLE. */
  async write(result: EvaluationResult, signal: AbortSignal): Promise<void> {
    const contents = [
      `${JSON.stringify(result, null, 1)}\n`,
      await htmlReport(result, { signal }),
      csvReport(result),
      junitReport(result),
    ];
    for (const [i, name] of this.names.entries()) {
      await writeWhole(join(this.#path, name), (partial) => writeFile(partial, contents[i] as string));
    }
  }
}
