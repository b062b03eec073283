import { join, parse, resolve } from 'node:path';

import { makeFolder } from '../engine/index.js';
import { MediaError } from '../errors/index.js';
import type { PictureInput } from '../image/index.js';
import { DenseMap, Embedding, Segmentation } from '../results/index.js';
import { fileIdentity } from './file-identity.js';
import type { InputPicture } from './inputs.js';
import type { TaskResult } from './result-kinds.js';
import type { DoneBefore } from './run-journal.js';
import { writeWhole } from '../text/index.js';

/** What was written for one picture. */
export interface WrittenFiles {
  /** The annotated picture. */
  readonly output: string;
  /** The class of each pixel, for segmentation; the value of each in levels of grey, for dense maps. */
  readonly mask?: string;
  /** The same in colours, for people. */
  readonly colors?: string;
}

interface OutputFolderInit {
  readonly pictures: readonly InputPicture[];
  readonly inputs: readonly InputPicture[];
  readonly overwrite: boolean;
  readonly before: DoneBefore | undefined;
}

/** Formats that can be written as they came; others become PNG. */
const keptExtensions = ['.jpg', '.jpeg', '.png', '.webp'];

/**
 * The folder that annotated pictures go to. Names are given beforehand, in the order of the inputs: no two inputs share one, and none is that of
 * an input file, however it is reached.
 */
export class OutputFolder {
  readonly #names: ReadonlyMap<InputPicture, Required<WrittenFiles>>;

  private constructor(names: ReadonlyMap<InputPicture, Required<WrittenFiles>>) {
    this.#names = names;
  }

  /**
   * Makes the folder, and names the files of `pictures`, which are some of the `inputs`, or all. `before`: what an earlier run left, which this one
   * goes on with.
   *
   * Throws OUTPUT_NOT_WRITABLE where it cannot be made and, unless told to `overwrite`, where it holds a file of a name that is needed, whatever
   * made it, other than an unfinished one of that run.
   */
  static async create(folder: string, { pictures, inputs: all, overwrite, before }: OutputFolderInit): Promise<OutputFolder> {
    try {
      await makeFolder(resolve(folder));
    } catch (cause) {
      throw new MediaError('OUTPUT_NOT_WRITABLE', {
        message: `Cannot make the folder ${folder}: ${cause instanceof Error ? cause.message : String(cause)}`,
        hint: 'Name another folder with --output.',
        cause,
      });
    }
    const inputs = new Set<string>();
    for (const { path } of all) {
      const identity = path === undefined ? undefined : await fileIdentity(path);
      if (identity !== undefined) inputs.add(identity);
    }
    const taken = new Set(before?.files);
    const existing: string[] = [];
    const names = new Map<InputPicture, Required<WrittenFiles>>();
    const attempts = new Map<string, number>();
    for (const picture of pictures) {
      const { name, ext } = parse(picture.path ?? 'stdin');
      const extension = keptExtensions.includes(ext.toLowerCase()) ? ext : '.png';
      for (let attempt = attempts.get(name) ?? 1; ; attempt++) {
        const stem = join(folder, attempt === 1 ? name : `${name}-${attempt}`);
        const files = { output: `${stem}${extension}`, mask: `${stem}.mask.png`, colors: `${stem}.colors.png` };
        const named = Object.values(files);
        const paths = named.map((path) => resolve(path));
        const identities = await Promise.all(paths.map(fileIdentity));
        const isInput = identities.some((identity) => identity !== undefined && inputs.has(identity));
        if (isInput || paths.some((path) => taken.has(path))) continue;
        for (const path of paths) taken.add(path);
        existing.push(...named.filter((_, i) => identities[i] !== undefined && !before?.unfinished.has(paths[i] as string)));
        attempts.set(name, attempt + 1);
        names.set(picture, files);
        break;
      }
    }
    if (existing.length > 0 && !overwrite) {
      throw new MediaError('OUTPUT_NOT_WRITABLE', {
        message: `The output would overwrite ${existing[0]}${existing.length === 1 ? '' : ` and ${existing.length - 1} more`}`,
        hint: 'Name another folder with --output, or give --overwrite; --resume goes on with a run that was interrupted.',
        details: { existing },
      });
    }
    return new OutputFolder(names);
  }

  /** The files that may be written for a picture. */
  filesOf(picture: InputPicture): readonly string[] {
    return Object.values(this.#names.get(picture) as Required<WrittenFiles>);
  }

  /** Draws `result` over `image`, the picture it is about, and writes it; each file whole or not at all. Throws OUTPUT_NOT_WRITABLE. */
  async write(picture: InputPicture, image: PictureInput, result: TaskResult, signal: AbortSignal): Promise<WrittenFiles> {
    const { output, mask, colors } = this.#names.get(picture) as Required<WrittenFiles>;
    if (result instanceof Embedding) return { output };
    using drawn = await result.draw(image, { signal });
    await writeWhole(output, (path) => drawn.toFile(path));
    if (result instanceof DenseMap) {
      await writeWhole(mask, (path) => result.toFile(path));
      return { output, mask };
    }
    if (!(result instanceof Segmentation)) return { output };
    await writeWhole(mask, (path) => result.toFile(path));
    await writeWhole(colors, (path) => result.toFile(path, 'color'));
    return { output, mask, colors };
  }
}
