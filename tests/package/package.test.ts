/** The package as a user gets it: what is in it, and that it works where it is installed. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { platformName } from '../../lib/binding/index.js';
import { carrierPackage } from '../../lib/engine/index.js';
import { example, fixture } from '../session/fixtures.js';
import { classes } from '../tasks/labelled-pictures.js';
import { installConsumer, type Consumer } from './consumer.js';
import { projectRoot, runProgram } from './node-child.js';

let consumer: Consumer;

beforeAll(async () => {
  consumer = await installConsumer();
}, 300_000);
afterAll(() => consumer?.remove());

/** Runs a script in the user's project; its standard output. */
async function runInProject(name: string, script: string): Promise<string> {
  writeFileSync(join(consumer.folder, name), script);
  const { code, signal, stdout, stderr } = await consumer.run([name]);
  expect(signal, stderr).toBeNull();
  expect(code, stderr).toBe(0);
  expect(stderr).toBe('');
  return stdout;
}

describe('the tarball', () => {
  const installed = (): string => join(consumer.folder, 'node_modules/foveate');
  const files = (): string[] =>
    readdirSync(installed(), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed().length + 1))
      .sort();

  it('holds the library, the core for this platform, and what tells about them', () => {
    const others = files().filter((file) => !/^dist\/.*\.(js|d\.ts)$/.test(file));
    const expected = [
      'CHANGELOG.md',
      'README.md',
      'dist/bin/THIRD-PARTY-NOTICES.txt',
      'package.json',
      'prebuilds/README.md',
      `prebuilds/${platformName}/THIRD-PARTY-NOTICES.txt`,
      `prebuilds/${platformName}/foveate.glibc.node`,
    ];
    // A checkout that built the core for other platforms too packs them as well.
    const isOtherCore = (file: string): boolean => /^prebuilds\/linux-(x64|arm64)\//.test(file) && !file.includes(platformName);
    expect(others.filter((file) => !isOtherCore(file))).toEqual(expected.sort());
  });

  it('holds every module of the library, each with its types, the bundled command line, and nothing else', () => {
    const modules = readdirSync(join(projectRoot, 'lib'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.startsWith('cli/'))
      .map((file) => file.slice(0, -'.ts'.length));
    const expected = modules.flatMap((name) => [`dist/${name}.js`, `dist/${name}.d.ts`]).sort();
    const isOfCommandLine = (file: string): boolean => file.startsWith('dist/bin/');
    expect(files().filter((file) => file.startsWith('dist/') && !isOfCommandLine(file))).toEqual(expected);
    const programs = ['doctor-probe', 'doctor-tensorrt-probe', 'main'].map((name) => `dist/bin/${name}.js`);
    const bundled = files().filter(isOfCommandLine);
    expect(bundled).toEqual(expect.arrayContaining(programs));
    expect(bundled.length).toBeLessThan(64);
    // The command line holds code of others: so do the licences lie beside it.
    const notices = readFileSync(join(installed(), 'dist/bin/THIRD-PARTY-NOTICES.txt'), 'utf8');
    for (const name of ['commander', '@bufbuild/protobuf', 'tinyglobby', 'cli-progress']) expect(notices).toContain(`\n${name} `);
    expect(notices).toMatch(/Copyright 2008 Google Inc\.[^]*Apache License/);
  });

  it('names its parts, and runs no script on installation', () => {
    const manifest = JSON.parse(readFileSync(join(installed(), 'package.json'), 'utf8')) as Record<string, unknown>;
    expect(Object.keys((manifest['scripts'] ?? {}) as object)).toEqual([]);
    expect(manifest).not.toHaveProperty('gypfile');
    expect(manifest['optionalDependencies']).toHaveProperty(carrierPackage);
    const { version } = JSON.parse(
      readFileSync(join(consumer.folder, 'node_modules', carrierPackage, 'package.json'), 'utf8'),
    ) as { version: string };
    expect(manifest['optionalDependencies']).toMatchObject({ [carrierPackage]: version });
    expect(existsSync(join(installed(), 'binding.gyp'))).toBe(false);
  });

  it('says nothing of the machine it was made on', () => {
    for (const file of files()) {
      const text = readFileSync(join(installed(), file), 'latin1');
      expect(text.includes(projectRoot), file).toBe(false);
      // With what follows it: the name of a home may be a word, as root's is.
      expect(text.includes(join(process.env['HOME'] ?? projectRoot, '/')), file).toBe(false);
    }
  });

  it('keeps its size', () => {
    expect(statSync(consumer.packageTarball).size).toBeLessThan(4_000_000);
    const unpacked = files().reduce((sum, file) => sum + statSync(join(installed(), file)).size, 0);
    expect(unpacked).toBeLessThan(12_000_000);
  });
});

describe('in an empty folder, offline, without a compiler', () => {
  it('the ten lines of the README run as they stand', async () => {
    const [, tenLines = ''] =
      /```js\n(import \{ Detector \} from 'foveate';\n.*?)```/s.exec(readFileSync(join(projectRoot, 'README.md'), 'utf8')) ?? [];
    expect(tenLines.trim().split('\n').length).toBeLessThanOrEqual(12);
    copyFileSync(example('models/shapes-detector.onnx'), join(consumer.folder, 'yolov8n.onnx'));
    copyFileSync(example('pictures/shapes-640x480.jpg'), join(consumer.folder, 'street.jpg'));
    const printed = [...(await runInProject('readme.mjs', tenLines)).matchAll(/^(\w+) 0\.\d\d \[/gm)];
    expect(printed.length).toBeGreaterThan(3);
    for (const [, label] of printed) expect(classes).toContain(label);
    const { width, height } = await sharp(join(consumer.folder, 'street.drawn.jpg')).metadata();
    expect([width, height]).toEqual([640, 480]);
  });

  it('no compiler and no Python were in reach', async () => {
    const script = `
      import { spawnSync } from 'node:child_process';
      const found = ['cc', 'gcc', 'g++', 'clang', 'make', 'cmake', 'python3', 'npm'].filter((name) => spawnSync(name).error === undefined);
      console.log(JSON.stringify(found));`;
    expect(JSON.parse(await runInProject('compilers.mjs', script))).toEqual([]);
  });

  it('the shipped core and the carrier are what is used', async () => {
    const script = `
      import { createSession } from 'foveate';
      import { binding } from './node_modules/foveate/dist/binding/index.js';
      const session = await createSession(${JSON.stringify(fixture('fixed.onnx'))});
      console.log(JSON.stringify([binding().file, session.runtime.path]));
      await session.dispose();`;
    const [core, runtime] = JSON.parse(await runInProject('origin.mjs', script)) as [string, string];
    expect(core).toContain(`node_modules/foveate/prebuilds/${platformName}/foveate.glibc.node`);
    expect(runtime).toContain(`node_modules/${carrierPackage}/`);
  });

  it('the command runs', async () => {
    const command = join(consumer.folder, 'node_modules/.bin/foveate');
    const { code, stdout, stderr } = await consumer.run([command, 'doctor', '--json']);
    expect(code, stderr).toBe(0);
    expect((JSON.parse(stdout) as { ok: boolean }).ok).toBe(true);
  });

  it('only what is meant for users can be imported', async () => {
    const script = `
      import * as foveate from 'foveate';
      import manifest from 'foveate/package.json' with { type: 'json' };
      const inner = await import('foveate/dist/binding/index.js').catch((error) => error.code);
      console.log(JSON.stringify([manifest.name === 'foveate' && foveate.version === manifest.version, inner]));`;
    writeFileSync(join(consumer.folder, 'imports.mjs'), script);
    // Older versions of Node warn that JSON modules are new.
    const { code, stdout, stderr } = await consumer.run(['--no-warnings', 'imports.mjs']);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual([true, 'ERR_PACKAGE_PATH_NOT_EXPORTED']);
  });

  it('metrics and traces say what is to be installed for them, and nothing else needs it', async () => {
    const script = `
      const failures = [];
      for (const [entry, name] of [['foveate/prometheus', 'collectMetrics'], ['foveate/opentelemetry', 'traceRequests']]) {
        const start = (await import(entry))[name];
        try { start(); } catch ({ name, code, hint }) { failures.push([name, code, hint]); }
      }
      console.log(JSON.stringify(failures));`;
    expect(JSON.parse(await runInProject('peers.mjs', script))).toEqual([
      ['BindingError', 'PACKAGE_NOT_FOUND', 'npm install prom-client'],
      ['BindingError', 'PACKAGE_NOT_FOUND', 'npm install @opentelemetry/api'],
    ]);
  });

  it('metrics and traces are of the package that the user has installed beside', async () => {
    mkdirSync(join(consumer.folder, 'node_modules/@opentelemetry'), { recursive: true });
    for (const name of ['prom-client', '@opentelemetry/api'])
      symlinkSync(join(projectRoot, 'node_modules', name), join(consumer.folder, 'node_modules', name));
    const script = `
      import { register } from 'prom-client';
      import { createSession } from 'foveate';
      import { traceRequests } from 'foveate/opentelemetry';
      import { collectMetrics } from 'foveate/prometheus';
      const stops = [collectMetrics(), traceRequests()];
      const session = await createSession(${JSON.stringify(fixture('fixed.onnx'))});
      await session.run({}).catch(() => undefined);
      console.log(await register.getSingleMetricAsString('foveate_requests_total'));
      for (const stop of stops) stop();
      await session.dispose();`;
    const printed = await runInProject('observers.mjs', script);
    expect(printed).toMatch(/^foveate_requests_total\{layer="session",model=".*fixed\.onnx",outcome="TENSOR_NAME"\} 1$/m);
  });

  it('the types compile for a user who checks them all', async () => {
    mkdirSync(join(consumer.folder, 'node_modules/@types'), { recursive: true });
    for (const name of ['@types/node', 'undici-types']) {
      symlinkSync(join(projectRoot, 'node_modules', name), join(consumer.folder, 'node_modules', name));
    }
    const source = `
      import { createSession, Detector, Tensor, type Detections } from 'foveate';
      import { traceRequests } from 'foveate/opentelemetry';
      import { collectMetrics, type MetricsOptions } from 'foveate/prometheus';
      export const observe = (options: MetricsOptions) => [collectMetrics(options), traceRequests()];
      export async function run(): Promise<Detections> {
        const detector = await Detector.load('m.onnx', { scoreThreshold: 0.5 });
        const session = await createSession('m.onnx');
        const { outputs } = await session.run({ x: new Tensor('float32', new Float32Array(3), [1, 3]) });
        console.log(outputs['y']?.data, session.device);
        return detector.detect('a.jpg');
      }`;
    writeFileSync(join(consumer.folder, 'user.ts'), source);
    const options = {
      module: 'NodeNext',
      target: 'ES2022',
      lib: ['ES2022', 'ESNext.Disposable'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      types: ['node'],
    };
    writeFileSync(join(consumer.folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['user.ts'] }));
    const { code, stdout } = await consumer.run([join(projectRoot, 'node_modules/typescript/bin/tsc'), '-p', consumer.folder]);
    expect(stdout).toBe('');
    expect(code).toBe(0);
  }, 300_000);
});

describe('another version of onnxruntime-node in the same process', () => {
  /** Its folder, or undefined where it cannot be had. */
  let other: string | undefined;
  beforeAll(async () => {
    const { code, stdout, stderr } = await runProgram(
      process.execPath,
      [join(projectRoot, 'tests/package/older-onnxruntime.mjs')],
      { timeoutMs: 250_000 },
    );
    if (code === 0) other = stdout.trim();
    else console.warn(`SKIPPED: another onnxruntime-node could not be fetched.\n${stderr}`);
  }, 300_000);

  const ours = `
    const { createSession, Tensor } = await import('foveate');
    const session = await createSession(model);
    const tensor = () => new Tensor('float32', Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
    const runOurs = async () => [...(await session.run({ a: tensor(), b: tensor() })).outputs.sum.data].join();`;
  const theirs = `
    const ort = createRequire(other + '/script.js')('onnxruntime-node');
    const theirSession = await ort.InferenceSession.create(model);
    const theirTensor = () => new ort.Tensor('float32', Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
    const runTheirs = async () => [...(await theirSession.run({ a: theirTensor(), b: theirTensor() })).sum.data].join();`;
  const both = `
    const sums = [];
    for (let i = 0; i < 5; i++) sums.push(...(await Promise.all([runOurs(), runTheirs(), runOurs()])));
    console.log(JSON.stringify({ sums: [...new Set(sums)], versions: [session.runtime.version, ort.env.versions.node] }));`;

  it.for([
    ['loaded before ours', [theirs, ours]],
    ['loaded after ours', [ours, theirs]],
  ] as const)('%s: each runs a model', async ([, order], { skip }) => {
    skip(other === undefined, 'onnxruntime-node could not be fetched; see above');
    const script = `
      import { createRequire } from 'node:module';
      const other = ${JSON.stringify(other)};
      const model = ${JSON.stringify(fixture('fixed.onnx'))};
      ${order.join('\n')}
      ${both}`;
    const { sums, versions } = JSON.parse(await runInProject('both.mjs', script)) as {
      sums: string[];
      versions: [string, string];
    };
    expect(sums).toEqual(['2,4,6,8,10,12']);
    expect(versions[1]).toBe('1.20.1');
    expect(versions[0]).not.toBe(versions[1]);
  });

  it('is a test that can fail: under its original name, the newer library shuts the older one out', async ({ skip }) => {
    skip(other === undefined, 'onnxruntime-node could not be fetched; see above');
    const carried = join(consumer.folder, 'node_modules', carrierPackage);
    const library = join(carried, readdirSync(carried).find((name) => name.includes('.so')) as string);
    const original = join(consumer.folder, 'original-name.so');
    const { renameSoname } = (await import(pathToFileURL(join(projectRoot, 'scripts/elf.mjs')).href)) as {
      renameSoname: (library: Buffer, from: string, to: string) => void;
    };
    const bytes = readFileSync(library);
    const carriedName = /libfoveate[\w.]*\.so\.1/.exec(library)?.[0] ?? '';
    renameSoname(bytes, carriedName, 'libonnxruntime.so.1');
    writeFileSync(original, bytes);
    const script = `
      import { createRequire } from 'node:module';
      import { createSession } from 'foveate';
      await createSession(${JSON.stringify(fixture('fixed.onnx'))}, { onnxruntimePath: ${JSON.stringify(original)} });
      try { createRequire(${JSON.stringify(`${other}/script.js`)})('onnxruntime-node'); console.log('loaded'); }
      catch (error) { console.log(error.message); }`;
    expect(await runInProject('original-name.mjs', script)).toMatch(/version `VERS_1\.20\.1' not found|undefined symbol/);
  });
});
