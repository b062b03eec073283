/** What the steps of `run.mjs` kept, read back: of each tool on each model. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { median } from '../statistics.mjs';
import { referenceOf } from './findings.mjs';
import { statisticsOf } from './metrics.mjs';
import { placesOf } from './quantize.mjs';
import { folds } from './splits.mjs';
import { serves, tools } from './tools.mjs';

export const seeds = [0, 1, 2, 3, 4];
const splits = seeds.flatMap((seed) => folds.map((fold) => ({ seed, fold })));

/** A JSON file within the work folder; undefined where it is not there. */
export function kept(work, ...path) {
  const file = join(work, ...path);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

/** Every picture once. */
export const ones = (count) => new Float64Array(count).fill(1);

/** Of the model: `reference`, what the float model finds, `floatBytes`, `floatEngine`, and `results` of the tools, see {@link resultOf}. */
export async function resultsOf(work, shared, model) {
  const reference = await referenceOf(work, shared, model);
  const floatBytes = statSync(join(shared, 'models', `${model.name}.onnx`)).size;
  return {
    reference,
    floatBytes,
    floatEngine: kept(work, 'engines', model.name, 'fp32', '0.0.json'),
    results: tools.filter((tool) => serves(tool, model)).map((tool) => resultOf(work, model, tool, { reference, floatBytes })),
  };
}

/**
 * Of a tool: `made`, the records of its files, `found`, its findings by split, `engine` and `latency` of the first file, `error`, why there is no file or it
 * does not run, and `measures`: by name, a value of each file or fold.
 */
function resultOf(work, model, tool, { reference, floatBytes }) {
  const records = splits.flatMap(({ seed, fold }) => {
    const { file, record } = placesOf(work, model, tool, seed, fold);
    if (!existsSync(record)) return [];
    return [{ ...JSON.parse(readFileSync(record, 'utf8')), bytes: existsSync(file) ? statSync(file).size : NaN }];
  });
  const findings = splits.flatMap(({ seed, fold }) => {
    const told = kept(work, 'findings', model.name, tool.id, `${seed}.${fold}.json`);
    return told === undefined ? [] : [{ ...told, split: `${seed}.${fold}` }];
  });
  const made = records.filter(({ error }) => error === undefined);
  const found = findings.filter(({ error }) => error === undefined);
  const engine = kept(work, 'engines', model.name, tool.id, '0.0.json');
  const latency = kept(work, 'latency', model.name, tool.id, '0.0.json');
  const measures = new Map([
    ['size', made.map(({ bytes }) => bytes / floatBytes)],
    ['seconds', made.map(({ seconds }) => seconds)],
    ['processor seconds', made.map(({ processorSeconds }) => processorSeconds)],
    ['peak MB', made.map(({ peakMb }) => peakMb)],
    ...(latency?.settings ?? []).map((setting) => [latencyName(setting), setting.int8.map((ms, i) => ms / setting.float[i])]),
  ]);
  for (const { pictures, found: list } of found) {
    for (const { name, compute } of statisticsOf(model, pictures, reference, list)) {
      if (!measures.has(name)) measures.set(name, []);
      measures.get(name).push(compute(ones(pictures.length)));
    }
  }
  const error = [...records, ...findings].find((each) => each.error !== undefined)?.error;
  return { tool, made, found, engine, latency, measures, error };
}

export const latencyNames = ['1 thread', '2 threads', '2 threads, spinning'];

function latencyName({ threads, spinning }) {
  return `${threads} ${threads === 1 ? 'thread' : 'threads'}${spinning ? ', spinning' : ''}`;
}

/** Median of a measure, those that are undefined left out; NaN where there is none. */
export function medianOf({ measures }, name) {
  const known = (measures.get(name) ?? []).filter((value) => Number.isFinite(value));
  return known.length === 0 ? NaN : median(known);
}
