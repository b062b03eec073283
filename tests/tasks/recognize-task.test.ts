import { describe, expect, it } from 'vitest';

import { parseModel, type Dimension, type ElementType, type ValueInfo } from '../../lib/graph/index.js';
import { createSession } from '../../lib/session/index.js';
import { Classifier, Detector, Segmenter } from '../../lib/tasks/index.js';
import { loadTask, recognizeModel } from '../../lib/tasks/recognize-task.js';
import { recognizeTask } from '../../lib/tasks/task-of-outputs.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';
import { fixture } from '../session/fixtures.js';
import { averageColor, brightness, constantModel, madeModel, node } from './made-models.js';

const output = (shape: readonly Dimension[] | null, dtype: ElementType = 'float32'): ValueInfo => ({
  name: `y${shape?.length}`,
  kind: 'tensor',
  dtype,
  shape,
});

const scores = output(['N', 10]);
const boxes = output([1, 84, 8400]);
const map = output([1, 21, 'H', null]);

describe('the task of a model', () => {
  it.each([
    ['classify', scores],
    ['classify', output(['N', 10, 1, 1])],
    ['classify', output(['N', 10], 'float16')],
    ['detect', boxes],
    ['detect', output(['batch', 'attributes', 'anchors'])],
    ['segment', map],
    ['segment', output([1, 1, 256, 256])],
  ] as const)('is %s by the rank of its one output', (task, only) => {
    expect(recognizeTask([only], undefined)).toBe(task);
    expect(recognizeTask([only], task)).toBe(task);
  });

  it('is what its metadata says where outputs of several ranks fit', () => {
    expect(recognizeTask([scores, boxes], 'detect')).toBe('detect');
    expect(recognizeTask([scores, map], 'classify')).toBe('classify');
    expect(recognizeTask([scores, map], 'segment')).toBe('segment');
  });

  it('is not searched for ever in a damaged model whose output hangs on itself', () => {
    const nodes = [node('Identity', 'y', 'a'), node('Reshape', 'a', 'y')];
    const graph = parseModel(madeModel({ input: [1, 3, 8, 8], output: ['N', 10], nodes }));
    expectFailure(
      thrownBy(() => recognizeModel(graph, false)),
      'MODEL_AMBIGUOUS',
      /class scores or an embedding/,
    );
  });

  it('looks at float outputs only', () => {
    expect(recognizeTask([scores, output([1, 5, 6], 'int64')], undefined)).toBe('classify');
  });

  it.each([
    ['several fit', [scores, boxes], undefined, /its metadata does not say.*y2: float32 \[N, 10\]; y3: float32 \[1, 84, 8400\]/],
    ['the rank is unknown', [output(null)], undefined, /of unknown shape/],
    ['the metadata names a task that is not known', [boxes], 'chess', /says 'chess'/],
    ['the metadata names what every object has', [boxes], 'constructor', /says 'constructor'/],
    ['the metadata contradicts the outputs', [scores], 'detect', /says 'detect'/],
  ] as const)('is refused where %s', (_, outputs, declared, message) => {
    const error = thrownBy(() => recognizeTask(outputs, declared));
    expectFailure(error, 'MODEL_AMBIGUOUS', message, /\{ task: '(classify|detect)' \}/);
  });

  it.each([
    ['two are of one rank', [boxes, boxes], undefined],
    ['two are of one rank, whatever the metadata says', [boxes, boxes], 'detect'],
    ['none has a rank that fits', [output([5])], undefined],
    ['none is of floats', [output([1, 5, 6], 'int64')], undefined],
  ] as const)('is none where %s: to name one would not help', (_, outputs, declared) => {
    const error = thrownBy(() => recognizeTask(outputs, declared));
    expectFailure(
      error,
      'MODEL_UNSUPPORTED',
      /Expected float outputs of one task \(a classifier: \[N, C\];.*\) but the model's outputs are y/,
    );
    expect(error.hint).toMatch(/^createSession/);
  });

  it.each([
    ['instances', [output([1, 116, 8400]), output([1, 32, 160, 160])], 'segment', 'detect'],
    ['instances, without metadata', [output([1, 116, 8400]), output([1, 32, 160, 160])], undefined, 'detect'],
    ['poses', [output([1, 56, 8400])], 'pose', 'detect'],
    ['oriented boxes', [output([1, 20, 8400])], 'obb', 'detect'],
    ['queries', [output([1, 300, 80]), output([1, 300, 4])], undefined, 'detect'],
    ['stages of saliency', Array(7).fill(output([1, 1, 320, 320])), undefined, 'segment'],
    ['levels', [1, 4, 10].flatMap((n) => [200, 50, 8].map((points) => output([points, n]))), undefined, 'detect'],
  ] as const)('is told for %s', (_, outputs, declared, task) => {
    expect(recognizeTask(outputs, declared)).toBe(task);
  });

  it('is detection for queries, whatever hidden states are beside them', () => {
    const named = (name: string, ...shape: number[]): ValueInfo => ({ ...output(shape), name });
    const outputs = [named('logits', 1, 100, 92), named('pred_boxes', 1, 100, 4), named('last_hidden_state', 1, 100, 256)];
    expect(recognizeTask(outputs, undefined)).toBe('detect');
  });

  it.each([
    ['image_embeds', 'embed'],
    ['pooler_output', 'embed'],
    ['predicted_depth', 'dense'],
  ] as const)('is told by the name %s', (name, task) => {
    expect(recognizeTask([{ ...boxes, name }, scores], undefined)).toBe(task);
  });

  it('is to classify where logits come with what they are made of', () => {
    const logits = { ...output([1, 1000]), name: 'logits' };
    const hidden = { ...output([1, 197, 768]), name: 'last_hidden_state' };
    const pooled = { ...output([1, 768]), name: 'pooler_output' };
    expect(recognizeTask([logits, hidden, pooled], undefined)).toBe('classify');
    // Logits of a detector are of rank 3.
    expect(recognizeTask([{ ...boxes, name: 'logits' }, hidden], undefined)).toBe('embed');
  });
});

describe('loadTask', () => {
  it('refuses an unknown task, and options of another one, before it opens anything', async () => {
    const unknown = await rejectionOf(loadTask('nope.onnx', { task: 'detekt' as 'detect' }));
    expectFailure(unknown, 'INVALID_ARGUMENT', /one of classify, detect, segment, embed, dense for task/, /"detect"/);
    const foreign = await rejectionOf(loadTask('nope.onnx', { task: 'segment', topK: 3 }));
    expectFailure(
      foreign,
      'UNKNOWN_OPTION',
      /topK is for a classifier, but the model is used as a segmenter/,
      /task: 'classify'/,
    );
  });

  it.each([
    ['embed', 'an embedder'],
    ['dense', 'a dense predictor'],
  ] as const)('refuses labels for %s', async (task, noun) => {
    const error = await rejectionOf(loadTask(averageColor(), { task, labels: ['a'] }));
    expectFailure(error, 'UNKNOWN_OPTION', new RegExp(`labels is for models with classes, but the model is used as ${noun}`));
    const given = await rejectionOf(loadTask(averageColor(), { task, labels: undefined, scoreThreshold: 0.5 }));
    expectFailure(given, 'UNKNOWN_OPTION', /scoreThreshold is for a detector/);
  });

  it('passes on options that several tasks have, and refuses them for the others', async () => {
    const classifier = await loadTask(averageColor(), { activation: 'none' });
    expect(classifier instanceof Classifier && classifier.activation).toBe('none');
    await classifier.dispose();
    const segmenter = await loadTask(brightness(), { activation: 'none', layout: 'nchw' });
    expect(segmenter instanceof Segmenter && segmenter.activation).toBe('none');
    await segmenter.dispose();
    const foreign = await rejectionOf(loadTask('nope.onnx', { task: 'detect', activation: 'none' }));
    expectFailure(foreign, 'UNKNOWN_OPTION', /activation is for a classifier, but the model is used as a detector/);
    const softmax = await rejectionOf(loadTask(brightness(), { activation: 'softmax' }));
    expectFailure(softmax, 'INVALID_ARGUMENT', /one of none, sigmoid for activation/);
  });

  /** As many values as the picture has pixels. */
  const flattened = (size: number): Uint8Array =>
    averageColor({ input: ['n', 1, 1, size], output: ['n', size], metadata: {}, nodes: [node('Flatten', 'x', 'y')] });
  const nodes = [node('GlobalAveragePool', 'x', 'mean'), node('Flatten', 'mean', 'flat')];
  const values = (name: string, size: number) => ({ name, shape: [1, size], values: new Float32Array(size) });

  it('takes no embedding for class scores', async () => {
    const embedding = averageColor({ metadata: {} });
    const error = await rejectionOf(loadTask(embedding));
    expectFailure(
      error,
      'MODEL_AMBIGUOUS',
      /y: float32 \[n, 3\] holds class scores or an embedding/,
      /\{ task: 'classify' \}.*labels/,
    );
    for (const options of [{ task: 'classify' }, { labels: ['r', 'g', 'b'] }] as const) {
      await using task = await loadTask(embedding, options);
      expect(task).toBeInstanceOf(Classifier);
    }
  });

  it.each([
    ['names', averageColor()],
    ['the metadata', averageColor({ metadata: { task: 'classify' } })],
    ['a softmax', averageColor({ metadata: {}, nodes: [...nodes, node('Softmax', 'flat', 'y', { axis: 1 })] })],
    ['the name logits', constantModel({ input: [1, 3, 8, 8], outputs: [values('pooler_output', 2), values('logits', 3)] })],
    ['a sigmoid', averageColor({ metadata: {}, nodes: [...nodes, node('Sigmoid', 'flat', 'y')] })],
    ['the 1000 classes of ImageNet', flattened(1000)],
    ['these and a background', flattened(1001)],
  ])('takes scores for scores, told by %s', async (_, model) => {
    await using task = await loadTask(model);
    expect(task).toBeInstanceOf(Classifier);
  });

  it('tells why the engine refuses a model, rather than that its task is not clear', async () => {
    for (const [name, message] of [
      ['unknown_operator', /Frobnicate/],
      ['opset_99', /opset|99/],
    ] as const) {
      expectFailure(await rejectionOf(loadTask(fixture(`${name}.onnx`))), 'MODEL_UNSUPPORTED', message, /older opset|newer ONNX/);
    }
    expectFailure(await rejectionOf(loadTask(fixture('gather.onnx'))), 'MODEL_UNSUPPORTED', /Expected float outputs of one task/);
  });

  it('says to download a model first', async () => {
    for (const load of [loadTask, (url: string) => Detector.load(url), (url: string) => createSession(url)]) {
      const error = await rejectionOf(load('https://example.org/model.onnx'));
      expectFailure(error, 'INVALID_ARGUMENT', /a local model.*"https:/, /Download it first/);
    }
  });

  it('tells of a model that is not there', async () => {
    expectFailure(await rejectionOf(loadTask('nope.onnx')), 'MODEL_NOT_FOUND', /nope\.onnx/);
  });
});
