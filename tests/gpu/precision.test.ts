/** What engines compute, in FP32, FP16 and INT8, beside ONNX Runtime on the CPU with the same inputs. */
import { afterAll, describe, expect, it } from 'vitest';

import { createSession, measureAgreement, type Session, type Task, type Tensor } from '../../lib/index.js';
import { Tensor as NativeTensor } from '../../lib/tensor/index.js';
import { gpu, removeWork, where } from './machine.js';
import { engineOf, onnxOf, ownModels, precisions, publishedModels, taskOf, type GpuModel, type Precision } from './models.js';

afterAll(removeWork);

/** A build, and for INT8 a calibration before it. */
const buildMs = 900_000;

/**
 * The least signal to noise, in dB, over each output and picture. What an engine of a form computes is compared with that very form on the CPU, so that what the form loses is not asked of the engine.
 * FP32 differs by the order of sums alone; FP16 has 11 bits; in INT8 a sum that is rounded the other way is a whole step.
 */
const leastDecibels: Record<Precision, number> = { fp32: 60, fp16: 30, int8: 15 };

/** What a task must find of what the float model finds on the CPU, by the names of `measureAgreement`. */
const leastAgreement: Record<Precision, Record<string, number>> = {
  fp32: { 'top-1': 1, recall: 0.99, precision: 0.99, 'mean IoU': 0.99 },
  fp16: { 'top-1': 1, recall: 0.97, precision: 0.97, 'mean IoU': 0.97 },
  int8: { 'top-1': 0.8, recall: 0.8, precision: 0.8, 'mean IoU': 0.8 },
};

async function inputOf(task: Task, picture: string): Promise<Tensor> {
  const { tensor } = await task.preprocess.run(picture);
  return new NativeTensor(tensor.dtype, tensor.data, [1, ...tensor.dims]);
}

function decibels(expected: Tensor, received: Tensor): number {
  expect(received.dims).toEqual(expected.dims);
  const [a, b] = [expected.toFloat32(), received.toFloat32()];
  let signal = 0;
  let noise = 0;
  a.forEach((value, i) => {
    signal += value * value;
    noise += (value - (b[i] as number)) ** 2;
  });
  return noise === 0 ? Infinity : 10 * Math.log10(signal / noise);
}

async function expectAgreement(reference: Task, candidate: Task, { pictures }: GpuModel, precision: Precision): Promise<void> {
  const { metrics, failures } = await measureAgreement(reference, candidate, pictures);
  expect(failures).toEqual([]);
  const asked = metrics.filter(({ name }) => name in leastAgreement[precision]);
  expect(asked.length).toBeGreaterThan(0);
  for (const { name, value } of asked) expect(value, name).toBeGreaterThanOrEqual(leastAgreement[precision][name] as number);
}

describe.skipIf(gpu === undefined)(`engines ${where}`, () => {
  describe.each([...ownModels, ...publishedModels])('of $name', (model: GpuModel) => {
    it.each(precisions)('in %s compute what their form does on the CPU', { timeout: buildMs }, async (precision) => {
      const bundle = await engineOf(model, precision);
      await using task = await taskOf(model);
      await using engine = await createSession(bundle.path);
      await using cpu = await createSession(await onnxOf(model, precision), { device: 'cpu' });
      expect(engine.device).toBe(gpu?.device);
      const [{ name }] = engine.inputs as [Session['inputs'][number]];
      for (const picture of model.pictures) {
        using input = await inputOf(task, picture);
        using one = await engine.run({ [name]: input });
        using other = await cpu.run({ [name]: input });
        expect(Object.keys(one.outputs)).toEqual(Object.keys(other.outputs));
        for (const [output, expected] of Object.entries(other.outputs)) {
          expect(decibels(expected, one.outputs[output] as Tensor), `${output} of ${picture}`).toBeGreaterThan(
            leastDecibels[precision],
          );
        }
      }
    });
  });

  // Their engines are those of above: a build for pixels would take its minutes once more.
  describe.each(publishedModels)('of $name', (model: GpuModel) => {
    it.each(precisions)('in %s find what the model finds on the CPU', { timeout: buildMs }, async (precision) => {
      const bundle = await engineOf(model, precision);
      await using reference = await taskOf(model);
      await using candidate = await taskOf(model, bundle);
      expect(candidate.session.device).toBe(gpu?.device);
      await expectAgreement(reference, candidate, model, precision);
    });
  });

  describe.each(ownModels)('of $name that take pixels', (model: GpuModel) => {
    it.each(precisions)('in %s find what the model finds on the CPU', { timeout: buildMs }, async (precision) => {
      const bundle = await engineOf(model, precision, true);
      await using reference = await taskOf(model);
      await using candidate = await taskOf(model, bundle);
      expect(candidate.session.device).toBe(gpu?.device);
      expect(candidate.session.inputs[0]?.dtype).toBe('uint8');
      await expectAgreement(reference, candidate, model, precision);
    });
  });
});
