/** What a user sees when the core cannot be loaded. The built library is copied to an empty folder for that. */
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { platformName, type BindingAttempt } from '../../lib/binding/index.js';
import { projectRoot, runScript, type ChildOptions } from '../package/node-child.js';
import { fixture } from '../session/fixtures.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-loader-'));
  cpSync(join(projectRoot, 'dist'), join(folder, 'dist'), { recursive: true });
  copyFileSync(join(projectRoot, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(projectRoot, 'node_modules'), join(folder, 'node_modules'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const addon = join(projectRoot, 'build/Release/foveate.node');
const buildFile = 'build/Release/foveate.node';
const prebuildFile = `prebuilds/${platformName}/foveate.glibc.node`;

function place(name: string, content: string | Buffer): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

interface Outcome {
  readonly file?: string;
  readonly attempts?: BindingAttempt[];
  readonly error?: { name: string; code: string; message: string; hint: string; details: { attempts: BindingAttempt[] } };
}

/** Loads the core in a child process and tells what came of it. */
async function load(nodeArgs: readonly string[] = [], options: ChildOptions = {}): Promise<Outcome> {
  const library = pathToFileURL(join(folder, 'dist/binding/index.js')).href;
  const script = `
    import { binding } from '${library}';
    try {
      const { file, attempts } = binding();
      console.log(JSON.stringify({ file, attempts }));
    } catch (error) {
      console.log(JSON.stringify({ error: { name: error.name, ...error.toJSON() } }));
    }`;
  const { code, stdout, stderr } = await runScript(script, nodeArgs, options);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Outcome;
}

describe('a core that is not there', () => {
  it('lists every file that was tried, and how to get one', async () => {
    const { error } = await load();
    expect(error?.name).toBe('BindingError');
    expect(error?.code).toBe('BINDING_NOT_FOUND');
    for (const file of [buildFile, prebuildFile]) {
      expect(error?.message).toContain(`${join(folder, file)}: no such file`);
    }
    expect(error?.message).toContain(platformName);
    expect(error?.hint).toMatch(/Install the package again on this machine.*bundler/s);
    expect(error?.details.attempts).toHaveLength(2);
  });

  it('says to build it in a checkout', async () => {
    mkdirSync(join(folder, 'native'));
    expect((await load()).error?.hint).toContain('npm run build');
  });

  it('does not keep the library from being imported', async () => {
    const library = pathToFileURL(join(folder, 'dist/index.js')).href;
    const script = `
      import { Preprocess, Tensor, Detector } from '${library}';
      new Tensor('float32', new Float32Array(4), [2, 2]).reshape([4]);
      Preprocess.preset('yolo').toJSON();
      await Detector.load('model.onnx').catch((error) => console.log(error.code));`;
    const { code, stdout, stderr } = await runScript(script);
    expect(code, stderr).toBe(0);
    expect(stdout.trim()).toBe('BINDING_NOT_FOUND');
  });
});

describe('a core that cannot be loaded', () => {
  it('tells the reason of each file', async () => {
    place(buildFile, 'this is text');
    place(prebuildFile, readFileSync(addon).subarray(0, 40));
    const { error } = await load();
    const [built, shipped] = error?.details.attempts ?? [];
    expect(built?.failure).toMatch(/invalid ELF header|file too short/);
    expect(shipped?.failure).toMatch(/file too short/);
    expect(error?.message).toContain(built?.failure);
    expect(error?.message).toContain(shipped?.failure);
  });

  it('says so where the C library is too old', async () => {
    // The versions that the file asks for, moved to a release of glibc that no system has.
    const bytes = readFileSync(addon).toString('latin1').replaceAll('GLIBC_2.', 'GLIBC_9.');
    place(prebuildFile, Buffer.from(bytes, 'latin1'));
    const { error } = await load();
    expect(error?.message).toMatch(/GLIBC_9[.\d]+' not found/);
    expect(error?.hint).toMatch(/glibc 2\.28/);
  });

  it.each([
    ['by the command line', ['--no-addons'], {}],
    ['by the environment', [], { env: { NODE_OPTIONS: '--no-addons' } }],
  ])('says so where addons are switched off %s', async (_, nodeArgs, options) => {
    place(prebuildFile, readFileSync(addon));
    const { error } = await load(nodeArgs, options);
    expect(error?.code).toBe('BINDING_NOT_FOUND');
    expect(error?.hint).toMatch(/--no-addons/);
  });

  it('goes on to the next file', async () => {
    place(buildFile, 'this is text');
    place(prebuildFile, readFileSync(addon));
    const { file, attempts } = await load();
    expect(file).toBe(join(folder, prebuildFile));
    expect(attempts?.map(({ failure }) => failure === undefined)).toEqual([false, true]);
  });
});

describe('a core that is there', () => {
  it('is loaded from build/ before prebuilds/', async () => {
    place(buildFile, readFileSync(addon));
    place(prebuildFile, readFileSync(addon));
    expect((await load()).file).toBe(join(folder, buildFile));
  });

  it('serves two copies of the package in one process', async () => {
    place(prebuildFile, readFileSync(addon));
    const libraries = [join(folder, 'dist/index.js'), join(projectRoot, 'dist/index.js')].map((path) => pathToFileURL(path).href);
    const script = `
      const sums = await Promise.all(${JSON.stringify(libraries)}.map(async (library) => {
        const { createSession, Tensor } = await import(library);
        const session = await createSession(${JSON.stringify(fixture('fixed.onnx'))});
        const tensor = Tensor.allocate('float32', [2, 3]);
        tensor.data.fill(2);
        const { outputs } = await session.run({ a: tensor, b: tensor });
        await session.dispose();
        return outputs.sum.data.join();
      }));
      console.log(JSON.stringify(sums));`;
    const { code, stdout, stderr } = await runScript(script);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual(['4,4,4,4,4,4', '4,4,4,4,4,4']);
  });
});
