import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { inspectionLines } from '../../lib/cli/inspect-report.js';
import type { Inspection } from '../../lib/cli/inspect.js';
import { averageColor, DataType, integers, madeModel, node, zeros } from '../tasks/made-models.js';
import { foveate, models, picture, projectRoot, temporaryFolder } from './foveate.js';

const folder = temporaryFolder();

/** The path of a file with these bytes. */
function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const long = 'é'.repeat(200);

/** One convolution, class scores out. */
const small = file(
  'small.onnx',
  madeModel({
    input: ['n', 3, 8, 8],
    output: ['n', 4],
    nodes: [
      node('Conv', ['x', 'w'], 'a'),
      node('Relu', 'a', 'b'),
      node('Relu', 'b', 'c'),
      node('GlobalAveragePool', 'c', 'd'),
      node('Reshape', ['d', 'shape'], 'y'),
    ],
    initializers: [zeros('w', [4, 3, 3, 3]), integers('shape', [-1, 4])],
    metadata: { names: "{0: 'a', 1: 'b', 2: 'c', 3: 'd'}", note: long },
  }),
);

/** An output of rank 1: no task reads it. */
const odd = file('odd.onnx', madeModel({ input: [4], output: [4], nodes: [node('Relu', 'x', 'y')], inputType: DataType.FLOAT }));

async function inspected(path: string): Promise<Inspection> {
  const { code, stdout, stderr } = await foveate(['inspect', path, '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Inspection;
}

describe('inspect --json', () => {
  it('tells what the file holds', async () => {
    const { recognized, ...held } = await inspected(small);
    expect(held).toEqual({
      model: small,
      bytes: statSync(small).size,
      irVersion: 8,
      opsets: { '': 17 },
      producer: '',
      inputs: [{ name: 'x', kind: 'tensor', dtype: 'float32', shape: ['n', 3, 8, 8] }],
      outputs: [{ name: 'y', kind: 'tensor', dtype: 'float32', shape: ['n', 4] }],
      parameters: {
        count: 110,
        bytes: 448,
        types: [
          { dtype: 'float32', count: 108, bytes: 432 },
          { dtype: 'int64', count: 2, bytes: 16 },
        ],
      },
      operators: [
        { operator: 'Relu', count: 2 },
        { operator: 'Conv', count: 1 },
        { operator: 'GlobalAveragePool', count: 1 },
        { operator: 'Reshape', count: 1 },
      ],
      macs: { total: 4 * 36 * 27, known: 4 * 36 * 27, knownNodes: 1, nodes: 1, takenAsOne: ['n'] },
      metadata: { names: "{0: 'a', 1: 'b', 2: 'c', 3: 'd'}", note: long },
    });
    expect(recognized).toMatchObject({
      task: 'classify',
      preprocess: { width: 8, height: 8 },
      preprocessSource: 'preset imagenet',
    });
  });

  it.each([
    ['classify', models.classifier, 337_990],
    ['detect', models.detector, 363_750],
    ['segment', models.segmenter, 307_567],
  ])('recognises a model to %s and counts the parameters that it is documented with', async (task, path, parameters) => {
    const { recognized, parameters: counted, macs } = await inspected(path);
    expect(recognized).toMatchObject({ task, preprocess: {} });
    expect('head' in recognized && recognized.head).toBe(task === 'detect' ? 'yolov8' : false);
    expect(counted.types.find(({ dtype }) => dtype === 'float32')?.count).toBe(parameters);
    expect(macs.nodes).toBeGreaterThan(0);
  });

  it('tells preprocessing and names of the files beside the model, and what is wrong with them', async () => {
    const beside = join(folder, 'beside');
    mkdirSync(beside);
    const model = file('beside/model.onnx', averageColor({ metadata: {} }));
    file('beside/config.json', Buffer.from('{ "model_type": "vit", "id2label": { "0": "a", "1": "b", "2": "c" } }'));
    const processor = file('beside/preprocessor_config.json', Buffer.from('{ "size": { "height": 8, "width": 8 } }'));
    const { recognized } = await inspected(model);
    expect(recognized).toMatchObject({
      task: 'classify',
      preprocess: { fit: 'stretch', mean: [0.5, 0.5, 0.5] },
      preprocessSource: 'preprocessor_config.json',
    });
    const { stdout } = await foveate(['inspect', model]);
    expect(stdout).toMatch(/Classifier: stretch to 8 x 8, .*std 0\.5 0\.5 0\.5, from preprocessor_config\.json\.\n$/);
    writeFileSync(processor, '{');
    const damaged = (await inspected(model)).recognized;
    expect(damaged).toMatchObject({ task: 'classify', error: { code: 'PREPROCESS_INVALID' } });
  });

  it('gives the reason where no task fits, which is no error', async () => {
    const { recognized } = await inspected(odd);
    expect(recognized).toMatchObject({ task: null, error: { code: 'MODEL_UNSUPPORTED' } });
  });

  it('tells the task and why no more where there is no engine', async () => {
    const env = { FOVEATE_ONNXRUNTIME_PATH: join(folder, 'none.so') };
    const { code, stdout } = await foveate(['inspect', models.detector, '--json'], { env });
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as Inspection).recognized).toMatchObject({ task: 'detect', error: { code: 'BACKEND_NOT_FOUND' } });
  });
});

describe('inspect', () => {
  it('prints the same as tables, long metadata shortened', async () => {
    const { code, stdout, stderr } = await foveate(['inspect', small]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n').slice(1).join('\n')).toBe(`  IR version 8, opset 17

Inputs
  x  float32  [n, 3, 8, 8]

Outputs
  y  float32  [n, 4]

Parameters  110, 448 B
  float32  108  432 B
  int64      2   16 B

Operators  5
  Relu               2
  Conv               1
  GlobalAveragePool  1
  Reshape            1

Multiply-accumulates
  3.89 k (3,888)
  shapes known for 1 of 1 convolutions and matrix products
  with the free batch dimension n taken as 1

Metadata
  names  {0: 'a', 1: 'b', 2: 'c', 3: 'd'}
  note   ${'é'.repeat(80)}… (200 characters)

Recognised as
  Classifier: shortest edge to 9, crop to 8 x 8, bilinear-antialias, rgb, scale 1/255, mean 0.485 0.456 0.406, std 0.229 0.224 0.225, from preset imagenet.
`);
  });

  it('prints unknown where shapes are, and what is known', async () => {
    const free = madeModel({
      input: [1, 3, 'h', 'w'],
      output: [1, 4, 'h', 'w'],
      nodes: [node('Conv', ['x', 'w'], 'y')],
      initializers: [zeros('w', [4, 3, 3, 3])],
    });
    const { stdout } = await foveate(['inspect', file('free.onnx', free)]);
    expect(stdout).toMatch(/Multiply-accumulates\n {2}unknown\n {2}shapes known for 0 of 1 convolutions and matrix products\n/);
  });

  it('prints why a model is recognised as nothing', async () => {
    const { code, stdout } = await foveate(['inspect', odd]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Parameters\n {2}none\n/);
    expect(stdout).toMatch(/Recognised as\n {2}nothing: Expected float outputs of one task .* \[MODEL_UNSUPPORTED\]\n {2}hint: /);
  });

  it('names the verb that has the flag of a hint', async () => {
    const embedding = madeModel({
      input: [1, 3, 8, 8],
      output: [1, 3],
      nodes: [node('GlobalAveragePool', 'x', 'm'), node('Flatten', 'm', 'y')],
    });
    const path = file('embedding.onnx', embedding);
    const { stdout } = await foveate(['inspect', path]);
    expect(stdout).toMatch(/hint: Say so: foveate run --task classify or/);
    const { stderr } = await foveate(['run', path, picture('star.jpg')]);
    expect(stderr).toMatch(/^hint: Say so: --task classify or/m);
  });

  it('prints a reason of several lines as lines', async () => {
    const inspection = await inspected(small);
    const error = { code: 'BACKEND_NOT_FOUND', message: 'None found. Looked at:\n  - here', hint: 'Install it.' } as const;
    const lines = inspectionLines({ ...inspection, recognized: { task: 'detect', error } }, undefined);
    expect(lines.slice(-3)).toEqual([
      '  Detector; more cannot be told: None found. Looked at:',
      '    - here [BACKEND_NOT_FOUND]',
      '  hint: Install it.',
    ]);
  });

  it('lets no name steer the terminal', async () => {
    const metadata = { 'a\x1b[2J': 'b\x07\nc' };
    const model = madeModel({ input: [4], output: [4], nodes: [node('Relu', 'x', 'y')], metadata });
    const { stdout } = await foveate(['inspect', file('steering.onnx', model)]);
    expect(stdout).toContain('a\uFFFD[2J  b\uFFFD\uFFFDc\n');
  });
});

describe('a file that is no whole model', () => {
  it.each([
    ['is missing', join(folder, 'none.onnx'), 'MODEL_NOT_FOUND', /does not exist|no such file|not found/i],
    ['is cut off', file('cut.onnx', readFileSync(models.detector).subarray(0, 5000)), 'MODEL_INVALID', /ends too early/],
    ['is a picture', picture('shapes-640x480.jpg'), 'MODEL_INVALID', /looks like/],
    ['is empty', file('empty.onnx', new Uint8Array()), 'MODEL_INVALID', /empty/],
  ])('ends the call with 4 where it %s', async (_, path, errorCode, message) => {
    const { code, stdout, stderr } = await foveate(['inspect', path]);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toMatch(message);
    const json = await foveate(['inspect', path, '--json']);
    expect(json.code).toBe(4);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: errorCode } });
  });

  it('is told as such of a folder too', async () => {
    expect((await foveate(['inspect', projectRoot])).code).toBe(4);
  });
});
