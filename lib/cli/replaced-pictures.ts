import { fileStamp } from './file-identity.js';
import type { InputPicture } from './inputs.js';
import type { ResultsFile } from './results-file.js';
import { pictureKey, withoutPictures, type DoneBefore, type RunJournal } from './run-journal.js';

/** Those pictures, by {@link pictureKey}, that were done and have been replaced since, or were not there then. One that is gone keeps its results. */
export async function replacedPictures(pictures: readonly InputPicture[], before: DoneBefore): Promise<string[]> {
  const replaced: string[] = [];
  for (const picture of pictures) {
    const key = pictureKey(picture);
    const done = before.pictures.get(key);
    if (done === undefined || picture.path === undefined) continue;
    const now = await fileStamp(picture.path);
    if (now === null) continue;
    if (now.bytes !== done.file?.bytes || now.modifiedMs !== done.file.modifiedMs) replaced.push(key);
  }
  return replaced;
}

/** Takes the results of pictures out of the file. Whatever ends the process meanwhile, the journal and the file tell the same. */
export async function removeResults(
  pictures: readonly string[],
  before: DoneBefore,
  file: ResultsFile,
  journal: RunJournal,
  signal: AbortSignal,
): Promise<void> {
  const removed = new Set(pictures);
  const spans = [...before.pictures].flatMap(([key, picture]) => (removed.has(key) ? [picture] : []));
  journal.removing(pictures, withoutPictures(before, pictures).end);
  await file.remove(spans, signal);
  journal.removed(pictures);
}
