import { describe, expect, it } from 'vitest';

import type { Dimension, ElementType, ValueInfo } from '../../lib/graph/index.js';
import { Classifier, Segmenter } from '../../lib/tasks/index.js';
import { loadTask, recognizeTask } from '../../lib/tasks/recognize-task.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';
import { averageColor, brightness } from './made-models.js';

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

  it('looks at float outputs only', () => {
    expect(recognizeTask([scores, output([1, 5, 6], 'int64')], undefined)).toBe('classify');
  });

  it.each([
    ['several fit', [scores, boxes], undefined, /its metadata does not say.*y2: float32 \[N, 10\]; y3: float32 \[1, 84, 8400\]/],
    ['two of one rank', [boxes, boxes], undefined, /not clear/],
    ['none fits', [output([5])], undefined, /\[5\]/],
    ['the rank is unknown', [output(null)], undefined, /of unknown shape/],
    ['the metadata names a task that is not known', [boxes], 'pose', /says 'pose'/],
    ['the metadata contradicts the outputs', [scores], 'detect', /says 'detect'/],
  ] as const)('is refused where %s', (_, outputs, declared, message) => {
    const error = thrownBy(() => recognizeTask(outputs, declared));
    expectFailure(error, 'MODEL_AMBIGUOUS', message, /\{ task: '(classify|detect)' \}/);
  });

  it('is refused for instance segmentation, which looks like two tasks', () => {
    const error = thrownBy(() => recognizeTask([output([1, 116, 8400]), output([1, 32, 160, 160])], 'segment'));
    expectFailure(error, 'MODEL_UNSUPPORTED', /instance segmentation/, /\[N, C, H, W\]/);
  });
});

describe('loadTask', () => {
  it('refuses an unknown task, and options of another one, before it opens anything', async () => {
    const unknown = await rejectionOf(loadTask('nope.onnx', { task: 'detekt' as 'detect' }));
    expectFailure(unknown, 'INVALID_ARGUMENT', /one of classify, detect, segment for task/, /"detect"/);
    const foreign = await rejectionOf(loadTask('nope.onnx', { task: 'segment', topK: 3 }));
    expectFailure(
      foreign,
      'UNKNOWN_OPTION',
      /topK is for a classifier, but the model is used as a segmenter/,
      /task: 'classify'/,
    );
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

  it('tells of a model that is not there', async () => {
    expectFailure(await rejectionOf(loadTask('nope.onnx')), 'MODEL_NOT_FOUND', /nope\.onnx/);
  });
});
