/** The stack of an error leads to whoever called, also where the failure came from a lane. */
import { describe, expect, it } from 'vitest';
import { native, settle } from '../../lib/binding/index.js';
import { Picture, Preprocess } from '../../lib/image/index.js';
import { Detections } from '../../lib/results/index.js';
import { createSession } from '../../lib/session/index.js';
import { Classifier, Detector, Segmenter } from '../../lib/tasks/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { rejectionOf } from '../errors/failure.js';
import { averageColor } from '../tasks/made-models.js';
import { example, fixture } from './fixtures.js';

/** The functions of this file are called so that the stack can be looked for them. */
async function callerOfRun(): Promise<unknown> {
  await using session = await createSession(fixture('gather.onnx'));
  const x = new Tensor('float32', new Float32Array(4));
  return await session.run({ x, indices: new Tensor('int64', BigInt64Array.of(99n)) });
}

async function callerOfOpen(): Promise<unknown> {
  return await createSession(fixture('unknown_operator.onnx'));
}

async function callerOfMissing(): Promise<unknown> {
  return await createSession('missing.onnx');
}

async function callerOfPreprocess(): Promise<unknown> {
  return await Preprocess.preset('yolo').run(new Uint8Array([0xff, 0xd8, 0xff, 0]));
}

async function callerOfDetect(): Promise<unknown> {
  await using detector = await Detector.load(example('models/shapes-detector.onnx'));
  return await detector.detect('missing.jpg');
}

async function callerOfClassify(): Promise<unknown> {
  await using classifier = await Classifier.load(averageColor());
  return await classifier.classify([example('pictures/star.jpg'), 'missing.jpg']);
}

async function callerOfSegment(): Promise<unknown> {
  await using segmenter = await Segmenter.load(example('models/shapes-segmenter.onnx'));
  return await segmenter.segment('missing.png');
}

async function callerOfRead(): Promise<unknown> {
  return await Picture.read('missing.png');
}

async function callerOfDraw(): Promise<unknown> {
  const detections = new Detections({
    boxes: new Float32Array(),
    scores: new Float32Array(),
    classIds: new Int32Array(),
    labels: [],
    width: 1,
    height: 1,
    timing: { decodeMs: 0, preprocessMs: 0, queueMs: 0, computeMs: 0, transferMs: 0, postprocessMs: 0, copiedBytes: 0 },
  });
  return await detections.draw('missing.jpg');
}

describe('the stack of a failure on a lane', () => {
  it.each([
    ['of a run', callerOfRun, 'ENGINE_FAILED'],
    ['of opening a model', callerOfOpen, 'MODEL_UNSUPPORTED'],
    ['of opening what is not there', callerOfMissing, 'MODEL_NOT_FOUND'],
    ['of preprocessing', callerOfPreprocess, 'MEDIA_INVALID'],
    ['of detecting', callerOfDetect, 'MEDIA_NOT_FOUND'],
    ['of classifying several', callerOfClassify, 'MEDIA_NOT_FOUND'],
    ['of segmenting', callerOfSegment, 'MEDIA_NOT_FOUND'],
    ['of reading a picture', callerOfRead, 'MEDIA_NOT_FOUND'],
    ['of drawing', callerOfDraw, 'MEDIA_NOT_FOUND'],
  ])('%s names the caller', async (_, caller, code) => {
    const error = await rejectionOf(caller());
    expect(error.code).toBe(code);
    // Among the first frames: Node keeps ten, of which the caller's own callers want some.
    const frames = error.stack?.split('\n').slice(1, 6).join('\n');
    expect(frames).toContain(caller.name);
    expect(frames).toContain('stack.test');
    expect(error.stack?.split('\n')[0]).toBe(`${error.name}: ${error.message.split('\n')[0]}`);
  });

  it('of a fault of our own keeps what was thrown', async () => {
    const error = await rejectionOf(settle(() => native().sessionClose({} as never)));
    expect(error.code).toBe('INTERNAL');
    expect(error.hint).toMatch(/report/);
    expect(error.cause).toBeInstanceOf(TypeError);
  });
});
