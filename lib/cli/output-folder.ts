import { mkdir, stat } from 'node:fs/promises';
import { dirname, join, parse, resolve } from 'node:path';

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
  /** The same in colours, for people. */
  readonly colors?: string;
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
   * Makes the folder. Throws OUTPUT_NOT_WRITABLE where it cannot be made and, unless told to `overwrite`, where it holds a file of a name
   * that is needed, whatever made it.
   */
  static async create(folder: string, pictures: readonly InputPicture[], overwrite: boolean): Promise<OutputFolder> {
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
    for (const { path } of pictures) {
      const identity = path === undefined ? undefined : await fileIdentity(path);
      if (identity !== undefined) inputs.add(identity);
    }
    const taken = new Set<string>();
    const existing: string[] = [];
    const names = new Map<InputPicture, Required<WrittenFiles>>();
    const attempts = new Map<string, number>();
    for (const picture of pictures) {
      const { name, ext } = parse(picture.path ?? 'stdin');
      const extension = keptExtensions.includes(ext.toLowerCase()) ? ext : '.png';
      for (let attempt = attempts.get(name) ?? 1; ; attempt++) {
        const stem = join(folder, attempt === 1 ? name : `${name}-${attempt}`);
        const files = { output: `${stem}${extension}`, mask: `${stem}.mask.png`, colors: `${stem}.colors.png` };
        const paths = Object.values(files);
        const identities = await Promise.all(paths.map(fileIdentity));
        const isInput = identities.some((identity) => identity !== undefined && inputs.has(identity));
        if (isInput || paths.some((path) => taken.has(path))) continue;
        for (const path of paths) taken.add(path);
        existing.push(...paths.filter((_, i) => identities[i] !== undefined));
        attempts.set(name, attempt + 1);
        names.set(picture, files);
        break;
      }
    }
    if (existing.length > 0 && !overwrite) {
      throw new MediaError('OUTPUT_NOT_WRITABLE', {
        message: `The output would overwrite ${existing[0]}${existing.length === 1 ? '' : ` and ${existing.length - 1} more`}`,
        hint: 'Name another folder with --output, or give --overwrite.',
        details: { existing },
      });
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
    const { output, mask, colors } = this.#names.get(picture) as Required<WrittenFiles>;
    using drawn = await result.draw(image, { signal });
    await drawn.toFile(output);
    if (!(result instanceof Segmentation)) return { output };
    await result.toFile(mask);
    await result.toFile(colors, 'color');
    return { output, mask, colors };
  }
}

/** Makes a folder and those that it lies in. Part by part: in /proc, the recursive mkdir of Node 20 never comes to an end. */
async function makeFolder(path: string): Promise<void> {
  const isThere = async (): Promise<boolean> => (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  if (await isThere()) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  try {
    await mkdir(path);
  } catch (error) {
    // Somebody else may have been faster.
    if (!(await isThere())) throw error;
  }
}

/** The same for every path that leads to one file: links too. undefined where there is none. */
async function fileIdentity(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.dev}:${found.ino}`;
}
