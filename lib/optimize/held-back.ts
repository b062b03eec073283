/** Pictures that were not calibrated with: only on those does it show what a model lost. */
import { createHash } from 'node:crypto';

import { aborted } from '../binding/index.js';
import type { Dataset, DatasetImage } from '../dataset/index.js';
import { sha256OfFile } from '../engine/index.js';
import { FoveateError } from '../errors/index.js';

/** More pictures take longer and tell hardly more. */
export const mostHeldBack = 1000;
/** From fewer, intervals are too wide to tell forms apart. */
export const enoughHeldBack = 30;

/** How many of so many pictures are calibrated with: ranges settle by 32, and what is held back has to tell something, too. */
export function calibratedOf(pictures: number): number {
  return Math.min(32, Math.max(16, Math.floor(pictures / 2)));
}

/** Which pictures are left out, by the SHA-256 of their files. */
export type LeftOut = (sha256: string) => boolean;

/** Half of the pictures that are held back decide what a search takes; what it took is judged by the others. */
export function decides(sha256: string, seed: number): boolean {
  return Number.parseInt(rankOf(sha256, seed).charAt(0), 16) < 8;
}

/** An order that the content and the seed decide, and neither names nor the file system. */
function rankOf(sha256: string, seed: number): string {
  return createHash('sha256').update(`${seed} ${sha256}`).digest('hex');
}

/**
 * Those of the pictures that are not left out, as the calibrated ones are, each content once: at most {@link mostHeldBack}, in an order of content and seed.
 * Files that cannot be read are left out.
 */
export async function heldBackPictures(
  pictures: readonly string[],
  isLeftOut: LeftOut,
  seed: number,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const byContent = new Map<string, string>();
  for (const picture of pictures) {
    const sha256 = await hashOf(picture, signal);
    if (sha256 !== undefined && !isLeftOut(sha256) && !byContent.has(sha256)) byContent.set(sha256, picture);
  }
  return [...byContent]
    .map(([sha256, picture]) => ({ picture, key: rankOf(sha256, seed) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .slice(0, mostHeldBack)
    .map(({ picture }) => picture);
}

/** The first `count` of the pictures that were calibrated with, by which no form is judged. */
export async function calibratedPictures(
  pictures: readonly string[],
  calibrated: ReadonlySet<string>,
  count: number,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const found: string[] = [];
  for (const picture of pictures) {
    if (found.length === count) break;
    const sha256 = await hashOf(picture, signal);
    if (sha256 !== undefined && calibrated.has(sha256)) found.push(picture);
  }
  return found;
}

/** The pictures of a data set that are not left out, in its order. Those that cannot be read stay: whoever runs them tells. */
export async function heldBackDataset(dataset: Dataset, isLeftOut: LeftOut, signal: AbortSignal | undefined): Promise<Dataset> {
  const left = new Set<string>();
  for await (const { name, path } of dataset.images(signal)) {
    const sha256 = await hashOf(path, signal);
    if (sha256 === undefined || !isLeftOut(sha256)) left.add(name);
  }
  return {
    format: dataset.format,
    task: dataset.task,
    path: dataset.path,
    categories: dataset.categories,
    size: left.size,
    get notices() {
      return dataset.notices;
    },
    images: async function* (ending?: AbortSignal): AsyncGenerator<DatasetImage> {
      for await (const image of dataset.images(ending)) if (left.has(image.name)) yield image;
    },
  };
}

/** A hash of all that is labelled, by name, but for that of pixels, of which the files are told apart by their places alone. */
export async function labelsHash(dataset: Dataset, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([dataset.format, dataset.categories]));
  for await (const image of dataset.images(signal)) hash.update(`${JSON.stringify(image)}\n`);
  return hash.digest('hex');
}

/** undefined where the file cannot be read. */
async function hashOf(path: string, signal: AbortSignal | undefined): Promise<string | undefined> {
  if (signal?.aborted) throw aborted(signal);
  try {
    return await sha256OfFile(path, signal);
  } catch (error) {
    if (signal?.aborted || (error instanceof FoveateError && error.code === 'ABORTED')) throw error;
    return undefined;
  }
}
