/** What a model finds in pictures, through foveate's own tasks, kept so that it need not be found again. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';

import { Classifier, Detector, Segmenter, version } from '../../dist/index.js';
import { picturesOf } from './splits.mjs';

/** The lowest score that any comparison needs. */
const lowestScore = 0.2;
/** A mask is compared where the float model sees at least this share of the picture as foreground: a portrait model sees nothing in most streets. */
const leastForeground = 0.003;

export const sha256 = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

/** What the float model finds in all pictures of a model, by name. */
export async function referenceOf(work, shared, model) {
  const source = join(shared, 'models', `${model.name}.onnx`);
  const file = join(work, 'reference', `${model.name}.bin`);
  const hash = sha256(source);
  if (existsSync(file)) {
    const kept = deserialize(readFileSync(file));
    if (kept.hash === hash) return kept.findings;
  }
  const task = await open(model, source, 'all');
  const findings = new Map();
  for (const picture of picturesOf(shared, model)) findings.set(picture, await found(task, join(shared, picture)));
  await task.dispose();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, serialize({ hash, findings }));
  return findings;
}

/**
 * What a file finds in `pictures`, compared with the float model where that is all that is kept of it, as JSON: written to `kept`, and read from there
 * as long as the file is the same.
 */
export async function findingsOf(shared, model, file, form, pictures, reference, kept) {
  const hash = sha256(file);
  if (existsSync(kept)) {
    const known = JSON.parse(readFileSync(kept, 'utf8'));
    if (known.hash === hash && known.pictures.length === pictures.length) return known;
  }
  const told = { hash, version, form, pictures, found: [] };
  try {
    const task = await open(model, file, form === 'onnxruntime' ? 'all' : 'disabled');
    for (const picture of pictures) told.found.push(compared(await found(task, join(shared, picture)), reference.get(picture)));
    await task.dispose();
  } catch (error) {
    told.found = [];
    told.error = `${error.code ?? error.name}: ${error.message}`;
  }
  mkdirSync(dirname(kept), { recursive: true });
  writeFileSync(`${kept}.part`, JSON.stringify(told));
  renameSync(`${kept}.part`, kept);
  return told;
}

function open(model, file, graphOptimization) {
  return model.task.load(file, { ...model.options, graphOptimization });
}

async function found(task, picture) {
  if (task instanceof Classifier) {
    const { classId, score } = (await task.classify(picture, { topK: 1 })).top;
    return { classId, score };
  }
  if (task instanceof Detector) {
    const { boxes, scores, classIds } = await task.detect(picture, { scoreThreshold: lowestScore });
    return { boxes: plain(boxes), scores: plain(scores), classIds: [...classIds] };
  }
  if (task instanceof Segmenter) return { mask: (await task.segment(picture)).mask };
  return { vector: (await task.embed(picture)).vector };
}

/** Masks and vectors are told by how alike they are to the float model's; NaN, which JSON has as null, where there is nothing to compare. */
function compared(candidate, reference) {
  if (candidate.mask !== undefined) return { iou: maskIou(reference.mask, candidate.mask) };
  if (candidate.vector !== undefined) return { cosine: cosine(reference.vector, candidate.vector) };
  return candidate;
}

function maskIou(reference, candidate) {
  let foreground = 0;
  let either = 0;
  let both = 0;
  for (let i = 0; i < reference.length; i++) {
    foreground += reference[i];
    either += reference[i] | candidate[i];
    both += reference[i] & candidate[i];
  }
  return foreground < leastForeground * reference.length ? NaN : both / either;
}

/** Both have length 1. */
function cosine(reference, candidate) {
  return reference.reduce((sum, value, i) => sum + value * candidate[i], 0);
}

/** A hundredth of a pixel, a millionth of a score. */
function plain(values) {
  return Array.from(values, (value) => Number(value.toPrecision(7)));
}
