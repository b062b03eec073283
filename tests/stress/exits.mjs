/**
 * Processes that end while work is under way: `exits.mjs [--times 20]`. Each must end with the code it was given, by no signal, and in
 * seconds. Prints one line a case.
 */
import { spawn } from 'node:child_process';
import { example, fixture, numbersFrom, shippedPackage } from './shipped-package.mjs';

/** Longer than the bound on tearing down; a process that lives on after that hangs. */
const limitMs = 30_000;

/** Models that are opened all the time: the engine is inside its own code when the process ends. */
const openModels = `
  const again = () => createSession(${JSON.stringify(example('models/shapes-detector.onnx'))}).then((session) => session.dispose()).then(again, () => {});
  again();
  again();`;

/** What makes a process end, with work of every kind under way, and the exit code that it must have. */
const cases = {
  'process.exit while models open': {
    code: 3,
    script: `${openModels} setTimeout(() => process.exit(3), 10 + Math.random() * 30);`,
  },
  'an uncaught exception while models open': {
    code: 1,
    script: `${openModels} setTimeout(() => { throw new Error("thrown on purpose"); }, 10 + Math.random() * 30);`,
  },
  'process.exit in mid-run': { code: 3, script: 'setTimeout(() => process.exit(3), 30);' },
  'process.exit at once': { code: 3, script: 'process.exit(3);' },
  'an uncaught exception in mid-run': { code: 1, script: 'setTimeout(() => { throw new Error("thrown on purpose"); }, 30);' },
  'an unhandled rejection in mid-run': {
    code: 1,
    script: 'setTimeout(() => Promise.reject(new Error("thrown on purpose")), 30);',
  },
  'process.exit in an exit handler': {
    code: 4,
    script: 'process.on("exit", () => process.exit(4)); setTimeout(() => process.exit(3), 30);',
  },
  'worker.terminate in mid-run': {
    code: 0,
    worker: true,
    script: 'setTimeout(() => worker.terminate().then(() => console.log("terminated")), 30);',
  },
  'process.exit while a worker runs': { code: 3, worker: true, script: 'setTimeout(() => process.exit(3), 30);' },
  'process.exit in the worker': { code: 0, worker: true, script: 'worker.postMessage("exit");' },
};

/** Starts an endless run, runs behind it, pictures, and the opening and closing of models; says when all are under way. */
function busyWork(url) {
  return `
    const { createSession, Detector, Tensor } = await import(${JSON.stringify(url)});
    const loop = await createSession(${JSON.stringify(fixture('loop.onnx'))}, { threads: 1 });
    const detector = await Detector.load(${JSON.stringify(example('models/shapes-detector.onnx'))}, { threads: 1 });
    const runFor = (count) => loop.run({ count: new Tensor('int64', BigInt64Array.of(count), []), x: new Tensor('float32', new Float32Array(64)) });
    const other = await createSession(${JSON.stringify(fixture('fixed.onnx'))});
    const pictures = ['shapes-640x480.jpg', 'shapes-480x360.png'].map((name) => ${JSON.stringify(example('pictures/'))} + name);
    for (const pending of [runFor(2n ** 40n), runFor(2n ** 40n), runFor(1n), other.dispose(),
      createSession(${JSON.stringify(fixture('dynamic.onnx'))}), detector.detect(pictures), detector.detect(pictures)]) pending.catch(() => {});
  `;
}

function scriptOf({ worker, script }, url) {
  if (!worker) return `${busyWork(url)}\n${script}`;
  const inside = `(async () => {
    const { parentPort } = await import('node:worker_threads');
    ${busyWork(url)}
    parentPort.on('message', () => process.exit(5));
    parentPort.postMessage('busy');
  })();`;
  return `
    import { Worker } from 'node:worker_threads';
    const worker = new Worker(${JSON.stringify(inside)}, { eval: true });
    await new Promise((resolve, reject) => { worker.once('message', resolve); worker.once('error', reject); });
    ${script}`;
}

function runOnce(script) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'ignore', 'pipe'],
      // The sessions that are dropped on purpose would be warned of, should they be collected in time.
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
    });
    const started = performance.now();
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stderr, seconds: (performance.now() - started) / 1000 });
    });
  });
}

const { times } = numbersFrom({ times: 20 });
const { url, remove } = shippedPackage();
let failures = 0;
try {
  for (const [name, wanted] of Object.entries(cases)) {
    const script = scriptOf(wanted, url);
    let slowest = 0;
    for (let i = 0; i < times; i++) {
      const { code, signal, stderr, seconds } = await runOnce(script);
      slowest = Math.max(slowest, seconds);
      const expectedNoise = wanted.code === 1 ? stderr.includes('thrown on purpose') : stderr === '';
      if (code === wanted.code && signal === null && expectedNoise) continue;
      failures++;
      console.log(`${name}: time ${i + 1} ended with code ${code}, signal ${signal}, expected code ${wanted.code}\n${stderr}`);
    }
    console.log(`${name}: ${times} times, slowest ${slowest.toFixed(1)} s`);
  }
} finally {
  remove();
}
console.log(failures === 0 ? 'all ended as they should' : `${failures} did not end as they should`);
process.exitCode = failures === 0 ? 0 : 1;
