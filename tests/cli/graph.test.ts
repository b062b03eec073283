/** `foveate graph`, as a user types it. What is written is run, too. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { readModel, writeModel, type ModelDiff, type OnnxModel } from '../../lib/graph/index.js';
import { createSession, Tensor } from '../../lib/index.js';
import { sharedFolder, sharedPresent } from '../reference/shared.js';
import { foveate, models, temporaryFolder } from './foveate.js';

const folder = temporaryFolder();
const out = (name: string): string => join(folder, name);

/** A verb that writes: the model that comes of it. */
async function written(args: readonly string[], name: string): Promise<{ model: OnnxModel; path: string; told: string }> {
  const path = out(name);
  const { code, stdout, stderr } = await foveate(['graph', ...args, '-o', path]);
  expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: '' });
  return { model: await readModel(path), path, told: stderr };
}

/** The outputs of a model for one input, always the same. */
async function outputsOf(path: string): Promise<Readonly<Record<string, { dims: readonly number[]; data: number[] }>>> {
  await using session = await createSession(path, { device: 'cpu', threads: 1, graphOptimization: 'disabled' });
  const [input] = session.inputs;
  const dims = (input?.shape ?? []).map((size) => (typeof size === 'number' ? size : 1));
  const data = Float32Array.from({ length: dims.reduce((count, size) => count * size, 1) }, (_, index) => Math.sin(index));
  using result = await session.run({ [input?.name ?? '']: new Tensor('float32', data, dims) });
  return Object.fromEntries(
    Object.entries(result.outputs).map(([name, tensor]) => [
      name,
      { dims: [...tensor.dims], data: Array.from(tensor.data as Float32Array, Number) },
    ]),
  );
}

const namesOf = (values: readonly { readonly name: string }[]): string[] => values.map(({ name }) => name);
const only = <T>(items: readonly T[]): T => {
  expect(items).toHaveLength(1);
  return items[0] as T;
};

describe('foveate graph diff', { timeout: 60_000 }, () => {
  it('ends with 0 where the graphs are the same, wherever their weights are', async () => {
    const { proto } = await readModel(models.classifier);
    const copy = out('copy.onnx');
    expect((await writeModel(proto, copy, { externalData: 'always' })).data?.bytes).toBeGreaterThan(64 * 1024);
    const { code, stdout, stderr } = await foveate(['graph', 'diff', models.classifier, copy]);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `A: ${models.classifier}\nB: ${copy}\nThe graphs are the same.\n`,
      stderr: '',
    });
  });

  it('ends with 1 where they differ, and tells in what', async () => {
    const { path } = await written(['argmax', models.segmenter], 'told.onnx');
    const { code, stdout } = await foveate(['graph', 'diff', models.segmenter, path]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/\nOutputs\n {2}\S+ +float32 \[.*\] +-> +uint8 \[.*\]\n/);
    expect(stdout).toMatch(/\nOperators\n( {2}\w+ +0 +-> +1 +\+1\n){2}/);
    expect(stdout).toMatch(/\nNodes only in B: 2 \(ArgMax 1, Cast 1\)\n {2}ArgMax +/);
    expect(stdout).toMatch(/\n {2}Resize +\S+ +output 0 +(\S+) +-> +\1\/scores\n/);
    expect(stdout).toMatch(
      /\nThe graphs differ\. Nodes: 2 more, 0 fewer, 1 changed\. Initializers: 0 more, 0 fewer, 0 changed\.\n$/,
    );
  });

  it('tells weights with shape, count and largest difference; lists are cut, but not in JSON', async () => {
    const model = await readModel(models.classifier);
    for (const [index, { proto }] of [...model.initializers.values()].filter(({ dtype }) => dtype === 'float32').entries()) {
      const data = new Float32Array(proto.rawData.slice().buffer);
      data[0] = (data[0] as number) + 1 + index;
      proto.rawData = new Uint8Array(data.buffer);
    }
    const other = out('other-weights.onnx');
    await writeModel(model.proto, other);
    const { code, stdout } = await foveate(['graph', 'diff', models.classifier, other]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/\n {2}\S+ +float32 \[[\d, ]+\] +1 of [\d,]+ elements differ, by 1 at most\n/);
    const total = Number(/\nInitializers that differ: (\d+)\n/.exec(stdout)?.[1]);
    expect(total).toBeGreaterThan(12);
    expect(stdout).toContain(`\n  ... and ${total - 12} more\n`);
    const json = await foveate(['graph', 'diff', models.classifier, other, '--json']);
    const { initializers, same, a } = JSON.parse(json.stdout) as ModelDiff & { a: string };
    expect({ code: json.code, same, a }).toEqual({ code: 1, same: false, a: models.classifier });
    expect(initializers.changed).toHaveLength(total);
    expect(initializers.changed[0]).toMatchObject({ before: { dtype: 'float32' }, differing: 1 });
  });

  it.skipIf(!sharedPresent)('reads well where nearly all is other: opset, constants and the last layer', async () => {
    const model = join(sharedFolder, 'models/mobilenetv2_fp32.onnx');
    const { path } = await written(['normalize', model], 'mobilenetv2.onnx');
    const { code, stdout } = await foveate(['graph', 'diff', model, path]);
    expect(code).toBe(1);
    expect(stdout).toContain('  opset of ONNX  12  ->  17\n');
    expect(stdout).toMatch(/\nOperators\n {2}Add +11 +-> +10 +-1\n {2}Constant +1 +-> +0 +-1\n/);
    expect(stdout).toMatch(/\nNodes only in A: 3 \(Constant 1, MatMul 1, Add 1\)\n/);
    expect(stdout).toMatch(
      /\n {2}Unsqueeze +Unsqueeze_101 +inputs +467 +-> +467, 469\/axes\n +attribute axes +\[0\] +-> +none\n/,
    );
    expect(stdout).toMatch(/\nInitializers only in A: 1, 5\.12 MB\n/);
    expect(stdout.split('\n').length).toBeLessThan(40);
  });

  it.each([
    [['diff', models.classifier], 2, /Missing required argument 'b'/],
    [['diff', models.classifier, '/nowhere.onnx'], 4, /\[MODEL_NOT_FOUND\]/],
    [['diff', models.classifier, import.meta.filename], 4, /\[MODEL_INVALID\]/],
  ])('%j is refused', async (args, expected, message) => {
    const { code, stdout, stderr } = await foveate(['graph', ...args]);
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
    expect(stderr).toMatch(message);
  });
});

describe('verbs that write', { timeout: 60_000 }, () => {
  it('cut: any values become the outputs, as they are in the whole model', async () => {
    const whole = await readModel(models.classifier);
    const middle = whole.nodes.at(Math.floor(whole.nodes.length / 2))?.outputs[0] as string;
    const last = only(whole.outputs).name;
    const { model, path, told } = await written(['cut', models.classifier, '--outputs', `${middle},${last}`], 'cut.onnx');
    expect(namesOf(model.outputs)).toEqual([middle, last]);
    expect(told).toMatch(/^Written to .*cut\.onnx: [\d.]+ [kM]B, \d+ nodes\n$/);
    expect((await outputsOf(path))[last]).toEqual((await outputsOf(models.classifier))[last]);
  });

  it('extract: the parts of a model, one after the other, are the model', async () => {
    const whole = await readModel(models.classifier);
    const [input, output] = [only(whole.inputs).name, only(whole.outputs).name];
    const ends = ['cut', models.classifier, '--outputs'];
    const middle = whole.nodes[2]?.outputs[0] as string;
    const first = await written([...ends, middle], 'first.onnx');
    const second = await written(['extract', models.classifier, '--inputs', middle, '--outputs', output], 'second.onnx');
    expect([namesOf(second.model.inputs), namesOf(second.model.outputs)]).toEqual([[middle], [output]]);
    expect(first.model.nodes.length + second.model.nodes.length).toBe(whole.nodes.length);
    const { code, stderr } = await foveate([
      ...['graph', 'extract', models.classifier, '--inputs', middle, '--outputs', middle, '-o', out('none.onnx')],
    ]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const missing = await foveate([
      'graph',
      'extract',
      models.classifier,
      '--inputs',
      output,
      '--outputs',
      middle,
      '-o',
      out('n.onnx'),
    ]);
    expect(missing.code).toBe(4);
    expect(missing.stderr).toContain(`it also needs "${input}" [TENSOR_NAME]`);
  });

  it('rename: values have other names and are the same', async () => {
    const [input, output] = [await readModel(models.classifier)].flatMap(({ inputs, outputs }) => [
      only(inputs).name,
      only(outputs).name,
    ]) as [string, string];
    const { model, path } = await written(['rename', models.classifier, `${input}=picture`, `${output}=a=b`], 'renamed.onnx');
    expect([namesOf(model.inputs), namesOf(model.outputs)]).toEqual([['picture'], ['a=b']]);
    expect((await outputsOf(path))['a=b']).toEqual((await outputsOf(models.classifier))[output]);
  });

  it('argmax and topk: what the scores say', async () => {
    const scores = Object.values(await outputsOf(models.classifier))[0] as { data: number[] };
    const best = scores.data.indexOf(Math.max(...scores.data));
    const argMax = await written(['argmax', models.classifier, '--axis', '-1', '--dtype', 'int64'], 'argmax.onnx');
    expect(only(argMax.model.outputs)).toMatchObject({ dtype: 'int64' });
    expect(Object.values(await outputsOf(argMax.path))[0]).toMatchObject({ data: [best] });
    const name = only(argMax.model.outputs).name;
    const topK = await written(['topk', models.classifier, '--k', '2', '--softmax', '--model-output', name], 'topk.onnx');
    expect(namesOf(topK.model.outputs)).toEqual([name, `${name}_ids`]);
    const found = await outputsOf(topK.path);
    expect(found[`${name}_ids`]?.data[0]).toBe(best);
    const sum = scores.data.reduce((total, score) => total + Math.exp(score), 0);
    expect(found[name]?.data[0]).toBeCloseTo(Math.exp(Math.max(...scores.data)) / sum, 5);
  });

  it.each(Object.values(models).map((path) => [basename(path), path]))('normalize: %s gives the same', async (name, path) => {
    const { path: normalized, model } = await written(['normalize', path], `normalised-${name}`);
    expect(model.opset).toBe(17);
    const [before, after] = [await outputsOf(path), await outputsOf(normalized)];
    expect(Object.keys(after)).toEqual(Object.keys(before));
    for (const [key, { data, dims }] of Object.entries(before)) {
      expect(after[key]?.dims).toEqual(dims);
      const largest = Math.max(...data.map(Math.abs));
      expect(Math.max(...data.map((value, index) => Math.abs(value - (after[key]?.data[index] ?? NaN))))).toBeLessThan(
        1e-4 * largest,
      );
    }
  });

  it('reads weights from beside the model, and writes over it', async () => {
    mkdirSync(out('external'));
    const [model, edited] = [out('external/model.onnx'), out('edited.onnx')];
    await writeModel((await readModel(models.classifier)).proto, model, { externalData: 'always' });
    const output = only((await readModel(model)).outputs).name;
    expect(readFileSync(model).length).toBeLessThan(readFileSync(models.classifier).length / 2);
    await written(['rename', model, `${output}=scores`], 'edited.onnx');
    expect((await outputsOf(edited))['scores']).toEqual((await outputsOf(models.classifier))[output]);
    expect((await foveate(['graph', 'normalize', model, '-o', model])).code).toBe(0);
    expect((await outputsOf(model))[output]?.data).toHaveLength((await outputsOf(edited))['scores']?.data.length as number);
  });

  it.each([
    [['cut', models.classifier, '--outputs', 'nothing'], 4, /^error: The model has no value "nothing" \[TENSOR_NAME\]/],
    [['cut', models.classifier, '--outputs', ''], 2, /INVALID_ARGUMENT/],
    [['cut', models.classifier], 2, /^error: Required option '--outputs <a,b>' not specified/],
    [['rename', models.classifier, 'a'], 2, /^error: Expected old=new but received "a" \[INVALID_ARGUMENT\]/],
    [['rename', models.classifier, 'a=b', 'a=c'], 2, /"a" is renamed twice/],
    [['rename', models.classifier, 'nowhere=b'], 4, /The model has no value "nowhere"/],
    [['argmax', models.classifier, '--axis', '1.5'], 2, /for --axis but received 1\.5/],
    [['argmax', models.classifier, '--model-output', 'x'], 4, /The model has no output "x"/],
    [['topk', models.classifier, '--k', '0'], 2, /for --k but received 0/],
    [['topk', models.classifier], 2, /^error: Required option '--k <n>' not specified/],
  ])('%j is refused, and nothing is written', async (args, expected, message) => {
    const before = readdirSync(folder).join();
    const { code, stdout, stderr } = await foveate(['graph', ...args, '-o', out('refused.onnx')]);
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
    expect(stderr).toMatch(message);
    expect(readdirSync(folder).join()).toBe(before);
  });

  it('refuses an output that is a folder, and a verb that is none', async () => {
    const place = out('place.onnx');
    mkdirSync(place);
    writeFileSync(join(place, 'kept'), '');
    const { code, stderr } = await foveate(['graph', 'normalize', models.classifier, '-o', place]);
    expect(code).toBe(4);
    expect(stderr).toMatch(/\[OUTPUT_NOT_WRITABLE\]/);
    expect(existsSync(join(place, 'kept'))).toBe(true);
    expect(await foveate(['graph', 'dif', 'a', 'b'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/Did you mean diff\?/) as string,
    });
  });
});
