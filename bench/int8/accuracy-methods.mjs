/**
 * What methods that correct an INT8 form gain: noise in the outputs, and agreement with the float model, on pictures that nothing was fitted to.
 *
 *     FOVEATE_PYTHON=build/ort/bin/python node bench/int8/accuracy-methods.mjs [--models ...] [--splits 0.0,0.1] > bench/results/accuracy-methods.md
 *
 * `plain`: the forms as they are without any; `biases`: with corrected biases, `rounded`: with weights rounded together and biases with them, in any case; `taken`: what foveate
 * decides by calibrated pictures. `equalised` is not in foveate: `accuracy_methods.py` has it. A form is judged once; what was found stays in the work folder.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { readModel } from '../../dist/graph/index.js';
import { loadTask } from '../../dist/index.js';
import { correctionSamples } from '../../dist/optimize/form-correction.js';
import { orderPictures } from '../../dist/optimize/calibration-pictures.js';
import { formSessions } from '../../dist/optimize/form-judge.js';
import { modelSteps, quantizeModel } from '../../dist/optimize/index.js';
import { prepareInputs } from '../../dist/optimize/latency-inputs.js';
import { OutputNoise } from '../../dist/optimize/output-noise.js';
import { outputGroups, Structure } from '../../dist/precision/index.js';
import { findingsOf, referenceOf } from './findings.mjs';
import { statisticsOf } from './metrics.mjs';
import { modelsNamed, taskNameOf } from './models.mjs';
import { calibrationCount, listsOf } from './splits.mjs';
import { tensorsOf } from './tensors.mjs';

const { values } = parseArgs({
  options: {
    models: { type: 'string' },
    splits: { type: 'string', default: '0.0,0.1' },
    methods: { type: 'string', default: 'plain,biases,rounded,equalised' },
    shared: { type: 'string', default: join(import.meta.dirname, '../../../shared') },
    work: { type: 'string', default: join(import.meta.dirname, '../../build/int8') },
  },
});
const [work, shared] = [resolve(values.work), resolve(values.shared)];
const forms = ['onnxruntime', 'tensorrt'];
const methods = values.methods.split(',');
/** Noise is measured on so many of the pictures that evaluate. */
const noisePictures = 24;
const python = process.env.FOVEATE_PYTHON ?? 'python3';

/** Everything of one model and split. */
class Split {
  constructor(model, split) {
    this.model = model;
    this.split = split;
    this.source = join(shared, 'models', `${model.name}.onnx`);
    this.folder = join(work, 'methods', model.name, split);
    const [seed, fold] = split.split('.').map(Number);
    this.lists = listsOf(work, shared, model, seed, fold);
    this.taskOptions = { task: taskNameOf(model), ...model.options };
    mkdirSync(this.folder, { recursive: true });
  }

  file(method, form) {
    return join(this.folder, `${method}.${form}.onnx`);
  }

  /** Writes the forms of a float file by each correction that is asked for; what each took in seconds of all cores, and what was decided. */
  async #quantize(path, names) {
    const task = await loadTask(path, this.taskOptions);
    const source = {
      path,
      precision: 'int8',
      taskOptions: this.taskOptions,
      model: await modelSteps.normalize(path, 'int8', {}),
    };
    const pictures = this.lists.calibration.map((name) => resolve(shared, name));
    const { paths } = await orderPictures(pictures, 0, undefined);
    const table = await modelSteps.calibrate(source, { data: paths, pictures: calibrationCount, seed: 0, force: true });
    const inputs = await prepareInputs([task.session], task.preprocess, paths, undefined, correctionSamples(source.model));
    const seconds = {};
    let corrections;
    for (const [name, correction] of Object.entries(names)) {
      const begin = process.cpuUsage();
      const made = await quantizeModel(source.model, table.tensors, inputs.of(0).tensors, { correction });
      const { user, system } = process.cpuUsage(begin);
      seconds[name] = (user + system) / 1e6;
      for (const form of forms) await modelSteps.writeModel(made[form], this.file(name, form));
      corrections ??= made.corrections;
    }
    await inputs[Symbol.asyncDispose]();
    await task.dispose();
    return { corrections, seconds };
  }

  async make() {
    const float = join(this.folder, 'float.onnx');
    const kept = join(this.folder, 'decided.json');
    if (!existsSync(kept)) {
      await modelSteps.writeModel(await modelSteps.normalize(this.source, 'int8', {}), float);
      const names = { plain: 'none', biases: 'biases', rounded: 'rounded', taken: 'measured' };
      writeFileSync(kept, JSON.stringify(await this.#quantize(this.source, names)));
    }
    const { corrections, seconds } = JSON.parse(readFileSync(kept, 'utf8'));
    this.decided = corrections;
    this.seconds = seconds;
    if (!methods.includes('equalised') || existsSync(this.file('equalised', forms[0]))) return;
    const equalised = join(this.folder, 'equalised.onnx');
    const { index } = await tensorsOf(work, shared, this.model);
    const script = join(import.meta.dirname, 'accuracy_methods.py');
    execFileSync(python, [script, float, equalised, '--tensors', index, '--pictures', this.lists.calibrationFile]);
    await this.#quantize(equalised, { equalised: 'none' });
  }

  /** dB of each group of output channels, the noisiest first, by method and form. */
  async noise() {
    const kept = join(this.folder, 'noise.json');
    const known = existsSync(kept) ? JSON.parse(readFileSync(kept, 'utf8')) : {};
    const task = await loadTask(this.source, this.taskOptions);
    const paths = this.lists.evaluation.map((name) => resolve(shared, name));
    const inputs = await prepareInputs([task.session], task.preprocess, paths, undefined, noisePictures);
    const { proto } = await readModel(join(this.folder, 'float.onnx'));
    const groups = outputGroups(new Structure(proto));
    const noise = await OutputNoise.of(proto, groups, inputs.of(0).tensors, undefined);
    for (const method of methods) {
      for (const form of forms) {
        if (known[`${method} ${form}`] !== undefined) continue;
        const candidate = (await readModel(this.file(method, form))).proto;
        const found = await noise.measure(candidate, formSessions[form].options);
        known[`${method} ${form}`] = found.map((one) => -10 * Math.log10(one));
      }
    }
    writeFileSync(kept, JSON.stringify(known));
    noise[Symbol.dispose]();
    await inputs[Symbol.asyncDispose]();
    await task.dispose();
    return known;
  }

  /** The statistics of `metrics.mjs` of a file, by name. */
  async agreement(reference, method, form) {
    const pictures = this.lists.evaluation;
    const kept = join(this.folder, `${method}.${form}.findings.json`);
    const told = await findingsOf(shared, this.model, this.file(method, form), form, pictures, reference, kept);
    if (told.error !== undefined) throw new Error(told.error);
    const weights = new Float64Array(pictures.length).fill(1);
    return new Map(
      statisticsOf(this.model, pictures, reference, told.found).map(({ name, compute }) => [name, compute(weights)]),
    );
  }
}

/** Those that are told of each task. */
const shown = ['top-1 agreement', 'F1', 'mean IoU', 'score error', 'worst IoU', 'median cosine', 'lowest cosine'];

for (const model of modelsNamed(values.models)) {
  const reference = await referenceOf(work, shared, model);
  let names;
  for (const split of values.splits.split(',')) {
    const one = new Split(model, split);
    await one.make();
    const noise = await one.noise();
    const took = Object.entries(one.seconds).map(([name, seconds]) => `${name} ${seconds.toFixed(0)} s`);
    console.error(`${model.name} ${split}: ${took.join(', ')}`);
    for (const form of forms) {
      const { taken: decided, found: gains, pictures } = one.decided[form];
      for (const method of methods) {
        const found = await one.agreement(reference, method, form);
        if (names === undefined) {
          names = shown.filter((name) => found.has(name));
          console.log(`\n## ${model.name}\n`);
          console.log(`| split | form | method | noise, dB, by group | ${names.join(' | ')} | |`);
          console.log(`| --- | --- | --- | --- | ${names.map(() => '---').join(' | ')} | --- |`);
        }
        const taken = method === (decided === 'none' ? 'plain' : decided) ? 'taken' : '';
        const gain = gains[method]?.gainDb;
        const why = gain === undefined ? '' : ` (${gain.toFixed(1)} dB gained on ${pictures} calibrated pictures)`;
        const db = noise[`${method} ${form}`].map((one) => one.toFixed(1)).join(', ');
        const numbers = names.map((name) => found.get(name).toFixed(3));
        console.log(`| ${split} | ${form} | ${method} | ${db} | ${numbers.join(' | ')} | ${taken}${why} |`);
      }
    }
  }
}
