/** What a session does to the life of the process. Each case is a process of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builtLibrary, runScript } from '../package/node-child.js';
import { madeModel, node } from '../tasks/made-models.js';
import { example, fixture } from './fixtures.js';

const prelude = `
  import { createSession, Detector, Preprocess, Tensor } from '${builtLibrary}';
  const model = (name) => '${fixture('')}' + name + '.onnx';
  const x = () => new Tensor('float32', new Float32Array([1, 2, 3]), [1, 3]);
  const loop = (session, count, signal) => session.run(
    { count: new Tensor('int64', BigInt64Array.of(count), []), x: new Tensor('float32', new Float32Array(64).fill(0.5)) },
    { signal },
  );
`;

/** Runs `body`; what it printed, line by line. */
async function run(body: string, nodeArgs: readonly string[] = []): Promise<string[]> {
  const { code, signal, stdout, stderr } = await runScript(prelude + body, nodeArgs);
  expect(signal, stderr).toBeNull();
  expect(code, stderr).toBe(0);
  return stdout.trim().split('\n');
}

describe('a process', () => {
  it('ends by itself when nothing is in flight, whatever is still open', async () => {
    const lines = await run(`
      const session = await createSession(model('identity_float32'), { lanes: 3 });
      globalThis.kept = [session, await session.run({ x: x() }), Tensor.allocate('float32', [1000])];
      process.on('beforeExit', () => console.log('idle'));
    `);
    expect(lines).toEqual(['idle']);
  });

  it('lives while a run is in flight', async () => {
    const lines = await run(`
      const session = await createSession(model('loop'), { threads: 1 });
      loop(session, 200000n).then((result) => console.log('ran', result.outputs.y.data.length));
      console.log('started');
    `);
    expect(lines).toEqual(['started', 'ran 64']);
  });

  it('lives while a model is opened or closed', async () => {
    const lines = await run(`
      createSession(model('fixed')).then(async (session) => {
        console.log('open');
        session.dispose().then(() => console.log('closed'));
      });
    `);
    expect(lines).toEqual(['open', 'closed']);
  });

  it('that exits while the engine listens to nobody ends after the bound, with its own code', async () => {
    // The engine computes constants while it opens a model, and cannot be told to stop.
    const nodes = [node('Constant', [], 'shape', { value_ints: [3000, 3000] }), node('ConstantOfShape', 'shape', 'power0')];
    for (let i = 0; i < 40; i++) nodes.push(node('MatMul', [`power${i}`, 'power0'], `power${i + 1}`));
    nodes.push(node('ReduceMean', 'power40', 'mean', { keepdims: 0 }), node('Add', ['x', 'mean'], 'y'));
    const folder = mkdtempSync(join(tmpdir(), 'foveate-process-'));
    const file = join(folder, 'slow.onnx');
    writeFileSync(file, madeModel({ input: [1], output: [1], nodes }));
    const { code, signal, stdout, stderr } = await runScript(`${prelude}
      process.on('exit', () => console.log('exit'));
      setTimeout(() => process.exit(3), 300);
      await createSession(${JSON.stringify(file)}, { threads: 1 });
      console.log('opened too soon');
    `);
    rmSync(folder, { recursive: true });
    expect({ code, signal, stdout, stderr }).toEqual({ code: 3, signal: null, stdout: 'exit\n', stderr: '' });
  });

  it('lives on after every kind of failure, and sees no unhandled rejection', async () => {
    const lines = await run(`
      process.on('unhandledRejection', (reason) => console.log('unhandled', reason));
      const session = await createSession(model('gather'));
      const attempts = [
        () => createSession(model('unknown_operator')),
        () => createSession('missing.onnx'),
        () => createSession(model('fixed'), { onnxruntimePath: 'missing.so' }),
        () => createSession(new Uint8Array(5)),
        () => session.run({ x: new Tensor('float32', new Float32Array(4)), indices: new Tensor('int64', BigInt64Array.of(9n)) }),
        () => session.run({}),
        () => session.run({}, { signal: AbortSignal.abort() }),
        () => Detector.load(model('fixed')),
        () => Preprocess.preset('yolo').run('missing.jpg'),
        () => Preprocess.preset('yolo').run(new Uint8Array(10)),
      ];
      for (const attempt of attempts) await attempt().then(() => console.log('no error'), () => {});
      await session.dispose();
      await session.run({}).catch((error) => console.log(error.code));
      await new Promise((resolve) => setTimeout(resolve, 20));
    `);
    expect(lines).toEqual(['DISPOSED']);
  });
});

describe('one signal', () => {
  it('may stop any number of operations, and Node sees no leak in that', async () => {
    const lines = await run(`
      import { createReadStream } from 'node:fs';
      process.on('warning', (warning) => console.log(warning.message));
      const { signal } = new AbortController();
      const picture = ${JSON.stringify(example('pictures/shapes-640x480.jpg'))};
      const session = await createSession(model('identity_float32'), { signal });
      const detector = await Detector.load(${JSON.stringify(example('models/shapes-detector.onnx'))}, { signal });
      const many = (make) => Array.from({ length: 30 }, make);
      await Promise.all(many(() => session.run({ x: x() }, { signal })));
      await Promise.all(many(() => Preprocess.preset('yolo').run(picture, { signal })));
      await detector.detect(many(() => picture), { signal });
      await detector.detect(many(() => createReadStream(picture)), { signal });
      await Promise.all([session.dispose(), detector.dispose()]);
      console.log('done');
    `);
    expect(lines).toEqual(['done']);
  });
});

describe('a session that is forgotten', () => {
  const collector = `
    import { setTimeout as sleep } from 'node:timers/promises';
    const warnings = [];
    process.on('warning', (warning) => warnings.push(warning));
    async function collect(done) {
      for (let i = 0; i < 200 && !done(); i++) { globalThis.gc(); await sleep(5); }
    }
  `;

  it('is closed when it is collected, with a warning that names the model', async () => {
    const lines = await run(
      `${collector}
      await (async () => { await createSession(model('fixed')); })();
      await collect(() => warnings.length > 0);
      const [warning] = warnings;
      console.log(warnings.length, warning?.name, warning?.code, warning?.message.includes('fixed.onnx'));
    `,
      ['--expose-gc', '--no-warnings'],
    );
    expect(lines).toEqual(['1 FoveateWarning FOVEATE_NOT_DISPOSED true']);
  });

  it('gives its memory back', async () => {
    const lines = await run(
      `${collector}
      // Each holds some 30 kB of the engine's own and its lanes; 400 of them would show.
      const round = async () => {
        const before = warnings.length;
        await (async () => { for (let i = 0; i < 100; i++) await createSession(model('fixed'), { lanes: 4, threads: 1 }); })();
        await collect(() => warnings.length - before === 100);
        await sleep(100);
      };
      const { readdirSync } = await import('node:fs');
      const threads = () => readdirSync('/proc/self/task').length;
      await round();
      const idle = threads();
      await round();
      await collect(() => threads() <= idle);
      console.log(warnings.length, threads() <= idle);
    `,
      ['--expose-gc', '--no-warnings'],
    );
    expect(lines).toEqual(['200 true']);
  });

  it('is not warned of when it was disposed of', async () => {
    const lines = await run(
      `${collector}
      await (async () => { const session = await createSession(model('fixed')); await session.dispose(); })();
      for (let i = 0; i < 20; i++) { globalThis.gc(); await sleep(5); }
      console.log(warnings.length);
    `,
      ['--expose-gc', '--no-warnings'],
    );
    expect(lines).toEqual(['0']);
  });

  it('is not collected while it runs', async () => {
    const lines = await run(
      `${collector}
      const running = await (async () => [loop(await createSession(model('loop'), { threads: 1 }), 200000n)])();
      for (let i = 0; i < 10; i++) { globalThis.gc(); await sleep(2); }
      const result = await running[0];
      console.log(result.outputs.y.data.length);
    `,
      ['--expose-gc', '--no-warnings'],
    );
    expect(lines).toEqual(['64']);
  });
});
