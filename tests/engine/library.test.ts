/** Finding and opening the ONNX Runtime library, in whatever state the machine has it. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { carrierPackage, libraryCandidates, openLibrary, openOnnxRuntime } from '../../lib/engine/index.js';
import { createSession } from '../../lib/session/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { projectRoot, runScript } from '../package/node-child.js';
import { fixture } from '../session/fixtures.js';

const variable = 'FOVEATE_ONNXRUNTIME_PATH';
const original = process.env[variable];
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-library-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => {
  if (original === undefined) delete process.env[variable];
  else process.env[variable] = original;
});

/** The library that the tests run on. */
function goodLibrary(): string {
  const path = libraryCandidates(undefined).find((candidate) => candidate.path !== undefined)?.path;
  if (path === undefined) throw new Error('there is no ONNX Runtime to test with: run npm run setup');
  return path;
}

/** Compiles one of the stand-ins of tests/native/libraries. */
function compile(name: string): string {
  const source = fileURLToPath(new URL(`../native/libraries/${name}.c`, import.meta.url));
  const library = join(folder, `${name}.so`);
  const { status, stderr, error } = spawnSync('cc', ['-shared', '-fPIC', '-o', library, source], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cc could not make ${name}.so: ${stderr ?? error?.message}`);
  return library;
}

describe('the places that are looked at', () => {
  it('are an option, the environment and the carrier package, in this order', () => {
    process.env[variable] = 'from/environment.so';
    const candidates = libraryCandidates('from/option.so');
    expect(candidates.map(({ origin }) => origin)).toEqual([
      'option onnxruntimePath',
      `environment variable ${variable}`,
      `package ${carrierPackage}`,
    ]);
    expect(candidates.slice(0, 2).map(({ path }) => path)).toEqual([
      join(process.cwd(), 'from/option.so'),
      join(process.cwd(), 'from/environment.so'),
    ]);
    expect(carrierPackage).toBe(`@foveate/onnxruntime-${process.platform}-${process.arch}`);
    for (const { remedy } of candidates) expect(remedy).toMatch(/libonnxruntime|npm install/);
  });

  it.each([undefined, ''])('leave the environment out where it is %o', (value) => {
    delete process.env[variable];
    if (value !== undefined) process.env[variable] = value;
    const [option, environment] = libraryCandidates(undefined);
    expect(option).toMatchObject({ path: undefined, missing: 'not given' });
    expect(environment).toMatchObject({ path: undefined, missing: 'not set' });
  });

  it('are told where none has a library', async () => {
    // The built library, copied to where no carrier is installed.
    const { code, stdout, stderr } = await runScript(
      `
      import { cpSync, copyFileSync, mkdirSync, symlinkSync, readdirSync } from 'node:fs';
      const [root, folder] = ${JSON.stringify([projectRoot, folder])};
      cpSync(root + 'dist', folder + '/dist', { recursive: true });
      copyFileSync(root + 'package.json', folder + '/package.json');
      mkdirSync(folder + '/build/Release', { recursive: true });
      symlinkSync(root + 'build/Release/foveate.node', folder + '/build/Release/foveate.node');
      mkdirSync(folder + '/node_modules');
      for (const name of readdirSync(root + 'node_modules')) {
        if (name !== '@foveate' && !name.startsWith('.')) symlinkSync(root + 'node_modules/' + name, folder + '/node_modules/' + name);
      }
      const { createSession } = await import(folder + '/dist/index.js');
      await createSession('model.onnx').catch((error) => console.log(JSON.stringify({ name: error.name, ...error.toJSON() })));`,
      [],
      { env: { [variable]: undefined } },
    );
    expect(code, stderr).toBe(0);
    const error = JSON.parse(stdout) as { name: string; code: string; message: string; hint: string };
    expect(error).toMatchObject({ name: 'BackendError', code: 'BACKEND_NOT_FOUND' });
    expect(error.message).toContain('option onnxruntimePath: not given');
    expect(error.message).toContain(`environment variable ${variable}: not set`);
    expect(error.message).toContain(`package ${carrierPackage}: not installed`);
    expect(error.hint).toContain(`npm install ${carrierPackage}`);
  });
});

describe('a library that cannot be used', () => {
  const open = (path: string): Promise<unknown> => createSession(fixture('fixed.onnx'), { onnxruntimePath: path });

  it('is missing', async () => {
    const error = await rejectionOf(open(join(folder, 'none.so')));
    expectFailure(error, 'BACKEND_NOT_FOUND', /none\.so" does not exist.*\(from option onnxruntimePath\)/s, /leave it out/);
    expect(error.details).toMatchObject({ origin: 'option onnxruntimePath', path: join(folder, 'none.so') });
  });

  it('is asked for by the environment: nothing else is tried behind the back', async () => {
    process.env[variable] = join(folder, 'none.so');
    expectFailure(
      await rejectionOf(createSession(fixture('fixed.onnx'))),
      'BACKEND_NOT_FOUND',
      /none\.so.*\(from environment variable FOVEATE_ONNXRUNTIME_PATH\)/s,
    );
  });

  it('is a folder, text, empty, or half a library', async () => {
    expectFailure(await rejectionOf(open(folder)), 'BACKEND_INVALID', /is a folder/, /shared library itself/);
    const text = join(folder, 'text.so');
    writeFileSync(text, 'INPUT(libonnxruntime.so.1)');
    expectFailure(await rejectionOf(open(text)), 'BACKEND_INVALID', /not a shared library/, /shared library itself/);
    const empty = join(folder, 'empty.so');
    writeFileSync(empty, '');
    expectFailure(await rejectionOf(open(empty)), 'BACKEND_INVALID', /not a shared library/);
    const header = join(folder, 'header.so');
    writeFileSync(header, readFileSync(goodLibrary()).subarray(0, 64));
    expectFailure(
      await rejectionOf(open(header)),
      'BACKEND_INVALID',
      /cut short: expected at least \d+ bytes, received 64/,
      /Install it again/,
    );
  });

  // The loader dies by a signal on such a file. Without section headers, or with some that seem to lie at the very end of memory.
  it.each([0n, 2n ** 64n - 64n])('is half a library whose section headers are told to be at %i', async (offset) => {
    const half = Buffer.from(readFileSync(goodLibrary()).subarray(0, 1 << 20));
    half.writeBigUInt64LE(offset, 40); // e_shoff
    if (offset === 0n) half.writeUInt16LE(0, 60); // e_shnum
    const path = join(folder, 'half.so');
    writeFileSync(path, half);
    expectFailure(await rejectionOf(open(path)), 'BACKEND_INVALID', /is cut short/);
  });

  it('is built for another processor', async () => {
    const other = readFileSync(compile('unrelated'));
    other.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18); // e_machine: AArch64, x86-64
    const path = join(folder, 'other-processor.so');
    writeFileSync(path, other);
    expectFailure(
      await rejectionOf(open(path)),
      'BACKEND_INVALID',
      /built for (arm64|x64), this process runs on/,
      /this processor/,
    );
  });

  it('is another library', async () => {
    expectFailure(await rejectionOf(open(compile('unrelated'))), 'BACKEND_INVALID', /is not ONNX Runtime/, /libonnxruntime\.so/);
    const addon = join(projectRoot, 'build/Release/foveate.node');
    expectFailure(await rejectionOf(open(addon)), 'BACKEND_INVALID', /is not ONNX Runtime/, /libonnxruntime\.so/);
  });

  it('is too old', async () => {
    expectFailure(
      await rejectionOf(open(compile('too_old'))),
      'BACKEND_TOO_OLD',
      /Expected ONNX Runtime 1\.\d+ or newer, but .*too_old\.so" is 1\.2\.3/,
      /newer library/,
    );
  });

  it('leaves a good one usable', async () => {
    await using session = await createSession(fixture('fixed.onnx'), { onnxruntimePath: goodLibrary() });
    expect(session.runtime.path).toBeTruthy();
  });
});

describe('a good library', () => {
  it('is opened once, however often and by whatever name', async () => {
    const path = goodLibrary();
    const [first, second] = await Promise.all([openLibrary(path), openLibrary(path)]);
    expect(second.handle).toBe(first.handle);
    const link = join(folder, 'link.so');
    symlinkSync(path, link);
    const linked = await openLibrary(link);
    expect(linked.path).toBe(first.path);
    expect(linked.version).toBe(first.version);
  });

  it('is described', async () => {
    const { name, version, providers } = await openOnnxRuntime(undefined);
    expect(name).toBe('onnxruntime');
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
    expect(providers).toContain('CPUExecutionProvider');
  });

  it('may be given by a relative path', async () => {
    await using session = await createSession(fixture('fixed.onnx'), { onnxruntimePath: relative(process.cwd(), goodLibrary()) });
    expect(session.inputs).toHaveLength(2);
  });

  it('is found after it was missing: a failure is not remembered', async () => {
    const path = join(folder, 'later.so');
    expectFailure(await rejectionOf(openLibrary(path)), 'BACKEND_NOT_FOUND', /later\.so/);
    copyFileSync(goodLibrary(), path);
    expect((await openLibrary(path)).providers).toContain('CPUExecutionProvider');
  });

  it('serves two copies of itself in one process', async () => {
    const copy = join(folder, 'copy.so');
    copyFileSync(goodLibrary(), copy);
    await using session = await createSession(fixture('fixed.onnx'), { onnxruntimePath: copy });
    await using other = await createSession(fixture('fixed.onnx'), { onnxruntimePath: goodLibrary() });
    expect(session.runtime.path).not.toBe(other.runtime.path);
    expect(session.inputs).toEqual(other.inputs);
  });
});
