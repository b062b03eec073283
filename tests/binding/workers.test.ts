/** One addon in many JavaScript environments: each has its own memory, lanes and calls. */
import { expect, it } from 'vitest';
import { builtBinding, builtLibrary, runScript } from '../package/node-child.js';
import { fixture } from '../session/fixtures.js';

/** Runs `body` in `count` workers at once, `createSession`, `Tensor` and `native` at hand; the values they post, in any order. */
async function inWorkers(count: number, body: string): Promise<unknown[]> {
  const worker = `
    (async () => {
      const { parentPort } = await import('node:worker_threads');
      const { createSession, Tensor } = await import('${builtLibrary}');
      const { native } = await import('${builtBinding}');
      ${body}
    })();`;
  const script = `
    import { Worker } from 'node:worker_threads';
    const posted = await Promise.all(Array.from({ length: ${count} }, () => new Promise((resolve, reject) => {
      const worker = new Worker(${JSON.stringify(worker)}, { eval: true });
      let value;
      worker.on('message', (message) => { value = message; });
      worker.on('error', reject);
      worker.on('exit', (code) => code === 0 ? resolve(value) : reject(new Error('exit code ' + code)));
    })));
    console.log(JSON.stringify(posted));`;
  const { code, signal, stdout, stderr } = await runScript(script);
  expect(signal).toBeNull();
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as unknown[];
}

it('loads in workers that never met the main thread', async () => {
  const model = JSON.stringify(fixture('fixed.onnx'));
  const results = await inWorkers(
    3,
    `const session = await createSession(${model}, { threads: 1 });
     const tensor = (value) => new Tensor('float32', new Float32Array(6).fill(value), [2, 3]);
     const { outputs } = await session.run({ a: tensor(1), b: tensor(2) });
     parentPort.postMessage([...outputs.sum.data]);
     await session.dispose();`,
  );
  expect(results).toEqual(Array.from({ length: 3 }, () => [3, 3, 3, 3, 3, 3]));
});

it('keeps the memory of environments apart', async () => {
  const results = await inWorkers(
    2,
    `const before = native().memoryStatistics();
     const { buffer } = native().leaseAllocate(4096);
     const after = native().memoryStatistics();
     parentPort.postMessage([before.liveBytes, after.liveBytes, after.allocations, buffer.byteLength]);`,
  );
  expect(results).toEqual([
    [0, 4096, 1, 4096],
    [0, 4096, 1, 4096],
  ]);
});

it('refuses handles of another environment, as they cannot cross', async () => {
  const [message] = await inWorkers(
    1,
    `const { handle } = native().leaseAllocate(64);
     try { parentPort.postMessage(handle); } catch (error) { parentPort.postMessage(error.name); }`,
  );
  // A clone is an empty object at best; nothing native goes along.
  expect(['DataCloneError', '{}']).toContain(typeof message === 'string' ? message : JSON.stringify(message));
});
