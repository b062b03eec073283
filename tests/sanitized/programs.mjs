/**
 * Programs that use sessions on a GPU in every way, for Node under a sanitizer: see run.mjs. Each is called with the library's exports and what it
 * needs of a machine; what it throws fails it.
 */
import assert from 'node:assert/strict';

/**
 * @typedef {object} Given
 * @property {typeof import('../../dist/index.js')} foveate
 * @property {string} model `dynamic.onnx`: scores of [batch, 1, 4]
 * @property {string} detector
 * @property {string} picture
 */

const ofOnes = [3.25, 4.75, 6.25];
const profiles = [1, 4].map((batch) => ({ images: { min: [1, 1, 4], opt: [batch, 1, 4], max: [4, 1, 4] } }));
const batchOfOnes = (foveate, batch) => new foveate.Tensor('float32', new Float32Array(batch * 4).fill(1), [batch, 1, 4]);

async function scoresOf(session, images, options) {
  const result = await session.run({ images }, options);
  const scores = [...result.outputs.scores.data];
  result.dispose();
  return scores;
}

/** Lanes, profiles, graphs, aborts, tensors on the device, new weights, times of layers, all at once; then all is closed. */
async function everything({ foveate, model, folder }) {
  const output = `${folder}/refit.engine`;
  await foveate.buildEngine(model, { device: 'tensorrt', refit: true, profiles, output });
  const session = await foveate.createSession(output, { lanes: 4, cudaGraphs: true });
  await foveate.buildEngine(model, { device: 'tensorrt', profiles });
  const other = await foveate.createSession(model, { device: 'tensorrt', lanes: 2 });
  const outcomes = { right: 0, aborted: 0 };
  const one = async (i) => {
    const batch = 1 + (i % 3);
    const controller = new AbortController();
    if (i % 5 === 0) setImmediate(() => controller.abort());
    try {
      if (i % 4 === 0) {
        const result = await session.runOnDevice({ images: batchOfOnes(foveate, batch) }, { signal: controller.signal });
        const host = await result.outputs.scores.toHost();
        assert.deepEqual([...host.data.slice(0, 3)], ofOnes);
        host.dispose();
        result.dispose();
      } else if (i % 4 === 1) {
        const images = session.allocateInput('images', [batch, 1, 4]);
        images.data.fill(1);
        assert.deepEqual((await scoresOf(session, images, { signal: controller.signal })).slice(0, 3), ofOnes);
        images.dispose();
      } else {
        const options = { signal: controller.signal, layerTimes: i % 7 === 0 };
        assert.deepEqual(
          (await scoresOf(i % 2 === 0 ? session : other, batchOfOnes(foveate, batch), options)).slice(0, 3),
          ofOnes,
        );
      }
      outcomes.right++;
    } catch (error) {
      if (error.code !== 'ABORTED') throw error;
      outcomes.aborted++;
    }
  };
  for (let round = 0; round < 8; round++) await Promise.all(Array.from({ length: 16 }, (_, i) => one(round * 16 + i)));
  assert.equal(outcomes.right + outcomes.aborted, 128);
  assert.ok(outcomes.right > 80);
  const running = Array.from({ length: 8 }, () => scoresOf(session, batchOfOnes(foveate, 1)));
  await session.refit({ bias: new foveate.Tensor('float32', new Float32Array(3), [3]) });
  await Promise.all(running);
  assert.notDeepEqual(await scoresOf(session, batchOfOnes(foveate, 1)), ofOnes);
  await Promise.all([session.dispose(), other.dispose()]);
}

/** A device that is lost in mid-run, under tasks that may fall back and under one that may not. */
async function lost({ foveate, detector, picture }) {
  const strict = await foveate.loadTask(detector, { device: 'tensorrt', build: 'on-load', lanes: 2 });
  const auto = await foveate.loadTask(detector, { lanes: 2 });
  const outcomes = await Promise.allSettled(Array.from({ length: 12 }, (_, i) => (i % 2 ? strict : auto).detect(picture)));
  for (const [i, { status, reason }] of outcomes.entries()) {
    if (i % 2 === 0) assert.equal(status, 'fulfilled', String(reason));
    else if (status === 'rejected') assert.equal(reason.code, 'DEVICE_LOST');
  }
  await Promise.all([strict.dispose(), auto.dispose()]);
}

/** The process ends while runs are under way. */
async function exit({ foveate, model }) {
  await foveate.buildEngine(model, { device: 'tensorrt', profiles });
  const session = await foveate.createSession(model, { device: 'tensorrt', lanes: 4 });
  for (let i = 0; i < 32; i++) session.run({ images: batchOfOnes(foveate, 1) }).catch(() => undefined);
  await session.run({ images: batchOfOnes(foveate, 2) });
  process.exit(0);
}

/** Workers end while runs of theirs are under way. */
async function workers({ foveate, model, library }) {
  const { Worker } = await import('node:worker_threads');
  const { once } = await import('node:events');
  await foveate.buildEngine(model, { device: 'tensorrt', profiles });
  const text = `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(library)}).then(async ({ createSession, Tensor }) => {
      const session = await createSession(${JSON.stringify(model)}, { device: 'tensorrt', lanes: 2 });
      const images = () => new Tensor('float32', new Float32Array(4), [1, 1, 4]);
      for (let i = 0; i < 16; i++) session.run({ images: images() });
      await session.runOnDevice({ images: images() });
      parentPort.postMessage('running');
      for (;;) await session.run({ images: images() });
    });`;
  for (let i = 0; i < 4; i++) {
    const worker = new Worker(text, { eval: true });
    await once(worker, 'message');
    await worker.terminate();
  }
}

export const programs = { everything, lost, exit, workers };
