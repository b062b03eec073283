/**
 * Quantizes every model of the shared set with foveate and what people use today, and measures the files: two folds of the pictures, five seeds. What was
 * made and measured stays in the work folder, and is not done again; `report.mjs` makes the tables of it.
 *
 *     python3 -m venv build/ort && build/ort/bin/pip install -r bench/int8/requirements-onnxruntime.txt
 *     python3 -m venv build/modelopt && build/modelopt/bin/pip install -r bench/int8/requirements-modelopt.txt    # 6.4 GB
 *     FOVEATE_PYTHON=build/ort/bin/python FOVEATE_MODELOPT_PYTHON=build/modelopt/bin/python node bench/int8/run.mjs quantize evaluate engines
 *     node bench/int8/run.mjs latency    # on a machine that does nothing else
 *
 * `--models`, `--tools` and `--seeds` take lists with commas; `--again` makes the files of these anew. Engines and latency are of the first seed and fold.
 */
import { existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { engineOf } from './engines.mjs';
import { findingsOf, referenceOf } from './findings.mjs';
import { latencyOf } from './latency.mjs';
import { modelsNamed } from './models.mjs';
import { placesOf, quantize } from './quantize.mjs';
import { folds, listsOf } from './splits.mjs';
import { tensorsOf } from './tensors.mjs';
import { serves, toolsNamed } from './tools.mjs';

const steps = ['quantize', 'evaluate', 'engines', 'latency'];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    shared: { type: 'string', default: join(import.meta.dirname, '../../../shared') },
    work: { type: 'string', default: join(import.meta.dirname, '../../build/int8') },
    models: { type: 'string' },
    tools: { type: 'string' },
    seeds: { type: 'string', default: '0,1,2,3,4' },
    again: { type: 'boolean', default: false },
  },
});
const wanted = positionals.length === 0 ? steps.slice(0, 3) : positionals;
const unknown = wanted.find((step) => !steps.includes(step));
if (unknown !== undefined) throw new Error(`There is no step ${unknown}; there are ${steps.join(', ')}`);
const [work, shared] = [resolve(values.work), resolve(values.shared)];
const [models, tools] = [modelsNamed(values.models), toolsNamed(values.tools)];
const seeds = values.seeds.split(',').map(Number);

/** One line a job, so that a run of hours can be followed. */
function say(...words) {
  console.error(new Date().toISOString().slice(11, 19), ...words);
}

for (const seed of seeds) {
  for (const model of models) {
    const source = join(shared, 'models', `${model.name}.onnx`);
    const tensors = await tensorsOf(work, shared, model);
    const reference = wanted.includes('evaluate') ? await referenceOf(work, shared, model) : undefined;
    const renewed = new Set();
    for (const fold of folds) {
      const lists = listsOf(work, shared, model, seed, fold);
      for (const tool of tools.filter((each) => serves(each, model))) {
        const places = placesOf(work, model, tool, seed, fold);
        const what = `${model.name} ${tool.id} ${seed}.${fold}`;
        const kept = (step) => join(work, step, model.name, tool.id, `${seed}.${fold}.json`);
        if (wanted.includes('quantize')) {
          // One record serves both of foveate's forms.
          if (values.again && !renewed.has(places.record)) rmSync(places.record, { force: true });
          renewed.add(places.record);
          const isNew = !existsSync(places.record);
          const record = await quantize(model, tool, places, {
            shared,
            source,
            tensors: tensors.index,
            list: lists.calibrationFile,
          });
          if (isNew) say(what, record.error ?? `${record.seconds.toFixed(1)} s, ${record.peakMb.toFixed(0)} MB`);
        }
        if (!existsSync(places.file)) continue;
        if (reference !== undefined) {
          const told = await findingsOf(shared, model, places.file, tool.form, lists.evaluation, reference, kept('findings'));
          if (told.error !== undefined) say(what, told.error);
        }
        if (seed !== seeds[0] || fold !== 0) continue;
        if (wanted.includes('engines')) {
          const engine = await engineOf(places.file, kept('engines'));
          say(
            what,
            engine.error ?? `engine of ${(engine.engineBytes / 1e6).toFixed(1)} MB, ${engine.int8} of ${engine.convolutions}`,
          );
        }
        if (wanted.includes('latency')) await latencyOf(source, places.file, tensors, kept('latency'));
      }
    }
    if (wanted.includes('engines')) await engineOf(source, join(work, 'engines', model.name, 'fp32', '0.0.json'));
  }
}
