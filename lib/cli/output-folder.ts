import { mkdir, stat } from 'node:fs/promises';
import { join, parse } from 'node:path';

import { MediaError } from '../errors/index.js';
import type { PictureInput } from '../image/index.js';
import { Segmentation, type Classification, type Detections } from '../results/index.js';
import type { InputPicture } from './inputs.js';

/** What was written for one picture. */
export interface WrittenFiles {
  /** The annotated picture. */
  readonly output: string;
  /** The class of each pixel, for segmentation. */
  readonly mask?: string;
}

/** Formats that can be written as they came; others become PNG. */
const keptExtensions = ['.jpg', '.jpeg', '.png', '.webp'];

/**
 * The folder that annotated pictures go to. Names are given beforehand, in the order of the inputs: no two inputs share one, and none is that of
 * an input file, however it is reached. Files of an earlier call are overwritten.
 */
export class OutputFolder {
  readonly #names: ReadonlyMap<InputPicture, Required<WrittenFiles>>;

  private constructor(names: ReadonlyMap<InputPicture, Required<WrittenFiles>>) {
    this.#names = names;
  }

  /** Makes the folder. Throws OUTPUT_NOT_WRITABLE. */
  static async create(folder: string, pictures: readonly InputPicture[]): Promise<OutputFolder> {
    try {
      await mkdir(folder, { recursive: true });
    } catch (cause) {
      throw new MediaError('OUTPUT_NOT_WRITABLE', {
        message: `Cannot make the folder ${folder}: ${cause instanceof Error ? cause.message : String(cause)}`,
        hint: 'Name another folder with --output.',
        cause,
      });
    }
    const inputs = new Set<string>();
    for (const { path } of pictures) {
      const identity = path === undefined ? undefined : await fileIdentity(path);
      if (identity !== undefined) inputs.add(identity);
    }
    const taken = new Set<string>();
    const free = async (path: string): Promise<boolean> => {
      if (taken.has(path)) return false;
      const identity = await fileIdentity(path);
      return identity === undefined || !inputs.has(identity);
    };
    const names = new Map<InputPicture, Required<WrittenFiles>>();
    const attempts = new Map<string, number>();
    for (const picture of pictures) {
      const { name, ext } = parse(picture.path ?? 'stdin');
      const extension = keptExtensions.includes(ext.toLowerCase()) ? ext : '.png';
      for (let attempt = attempts.get(name) ?? 1; ; attempt++) {
        const stem = join(folder, attempt === 1 ? name : `${name}-${attempt}`);
        const files = { output: `${stem}${extension}`, mask: `${stem}.mask.png` };
        if (!((await free(files.output)) && (await free(files.mask)))) continue;
        taken.add(files.output).add(files.mask);
        attempts.set(name, attempt + 1);
        names.set(picture, files);
        break;
      }
    }
    return new OutputFolder(names);
  }

  /** Draws `result` over `image`, the picture it is about, and writes it. Throws OUTPUT_NOT_WRITABLE. */
  async write(
    picture: InputPicture,
    image: PictureInput,
    result: Classification | Detections | Segmentation,
    signal: AbortSignal,
  ): Promise<WrittenFiles> {
    const { output, mask } = this.#names.get(picture) as Required<WrittenFiles>;
    using drawn = await result.draw(image, { signal });
    await drawn.toFile(output);
    if (!(result instanceof Segmentation)) return { output };
    await result.toFile(mask);
    return { output, mask };
  }
}

/** The same for every path that leads to one file: links too. undefined where there is none. */
async function fileIdentity(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.dev}:${found.ino}`;
}
