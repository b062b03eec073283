/** Where bundles are put: of what they take the place, and of what not. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { checkOutput, copyBundle } from '../../lib/engine/bundle-output.js';
import { wholeBundle } from '../../lib/engine/engine-bundle.js';
import { replaceFolder } from '../../lib/engine/folders.js';
import { EngineBundle } from '../../lib/engine/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { flipBit, makeBundle, writeManifest } from './made-bundle.js';

let folder: string;
let output: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-output-'));
  output = join(folder, 'out', 'model.bundle');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function linkedBundle(): void {
  makeBundle(output);
  const plan = join(output, 'engine.plan');
  renameSync(plan, join(folder, 'engine.plan'));
  symlinkSync(join(folder, 'engine.plan'), plan);
}

async function cachedBundle(key = 'a'): Promise<EngineBundle> {
  const path = join(folder, 'cache', key);
  makeBundle(path, (manifest) => ({ ...manifest, key }));
  return EngineBundle.open(path);
}

describe('a bundle may take', () => {
  it.each<[string, () => void]>([
    ['no place at all', () => {}],
    ['that of an empty folder', () => mkdirSync(output, { recursive: true })],
    ['that of a bundle', () => makeBundle(output)],
    ['that of a bundle that was changed', () => (makeBundle(output), flipBit(join(output, 'engine.plan')))],
    ['that of a bundle of which files are missing', () => (makeBundle(output), rmSync(join(output, 'weights/w.bin')))],
  ])('%s', async (_, prepare) => {
    prepare();
    await checkOutput(output);
    const bundle = await cachedBundle();
    expect((await copyBundle(bundle, 'named.onnx', output, undefined)).path).toBe(output);
    await (await EngineBundle.open(output)).verify();
    expect(readdirSync(dirname(output))).toEqual(['model.bundle']);
  });
});

describe('a bundle takes the place of no', () => {
  it.each<[string, () => void, RegExp?]>([
    ['file', () => write(output, 'Dear'), /a file is in the way$/],
    ['place below a file', () => write(dirname(output), 'Dear'), /a file is in the way$/],
    ['folder with a letter', () => write(join(output, 'letter.txt'), 'Dear')],
    ['folder of something else', () => write(join(output, 'manifest.json'), '{"name":"my app"}')],
    ['bundle of another version', () => makeBundle(output, (manifest) => ({ ...manifest, format: 2 as never }))],
    ['bundle into which a file was put', () => (makeBundle(output), write(join(output, 'notes.txt'), 'mine'))],
    ['bundle into whose folders a file was put', () => (makeBundle(output), write(join(output, 'weights/w2.bin'), 'mine'))],
    ['bundle with a link in it', () => (makeBundle(output), symlinkSync('/etc/hostname', join(output, 'link')))],
    ['bundle with a link for a file', () => linkedBundle()],
  ])('%s', async (_, prepare, reason = /is not an engine bundle, or holds other files too$/) => {
    const bundle = await cachedBundle();
    prepare();
    const before = readdirSync(folder, { recursive: true }).sort();
    for (const attempt of [() => checkOutput(output), () => copyBundle(bundle, 'named.onnx', output, undefined)]) {
      const error = await rejectionOf(attempt());
      expectFailure(error, 'OUTPUT_NOT_WRITABLE', reason, /./);
      expect(error.message).toContain(output);
    }
    expect(readdirSync(folder, { recursive: true }).sort()).toEqual(before);
  });
});

describe.runIf(process.platform === 'linux')('a bundle that cannot be written', () => {
  it.each(['/proc/model.bundle', '/proc/below/model.bundle'])('is refused before it is made: %s', async (place) => {
    expectFailure(await rejectionOf(checkOutput(place)), 'OUTPUT_NOT_WRITABLE', /^Cannot write the bundle \/proc\//, /space/);
  });
});

describe('a copy of a bundle', () => {
  it('fills an empty folder, which stays the same one', async () => {
    mkdirSync(output, { recursive: true });
    const { ino } = statSync(output);
    await (await copyBundle(await cachedBundle(), 'named.onnx', output, undefined)).verify();
    expect(statSync(output).ino).toBe(ino);
    expect(readdirSync(dirname(output))).toEqual(['model.bundle']);
  });

  it('goes where a link leads, which stays', async () => {
    makeBundle(output, (manifest) => ({ ...manifest, key: 'old' }));
    const link = join(folder, 'current');
    symlinkSync(output, link);
    expect((await copyBundle(await cachedBundle('new'), 'named.onnx', link, undefined)).path).toBe(output);
    expect((await EngineBundle.open(output)).manifest.key).toBe('new');
    expect(readlinkSync(link)).toBe(output);
    rmSync(output, { recursive: true });
    expectFailure(
      await rejectionOf(copyBundle(await cachedBundle('new'), 'named.onnx', link, undefined)),
      'OUTPUT_NOT_WRITABLE',
      /it is a link that leads nowhere/,
    );
  });

  it('that is aborted leaves an empty folder empty', async () => {
    mkdirSync(output, { recursive: true });
    const attempt = copyBundle(await cachedBundle(), 'named.onnx', output, AbortSignal.abort());
    expect(await rejectionOf(attempt)).toMatchObject({ code: 'ABORTED' });
    expect(readdirSync(output)).toEqual([]);
  });

  it('says what its model was called, and is else the same', async () => {
    const bundle = await cachedBundle();
    const copy = await copyBundle(bundle, 'named.onnx', output, undefined);
    const { manifest } = bundle;
    expect(manifest.model.source).toBe('shapes-detector.onnx');
    expect(copy.manifest).toEqual({ ...manifest, model: { ...manifest.model, source: 'named.onnx' } });
    for (const file of ['engine.plan', 'model.onnx', 'layers.json', 'weights/w.bin']) {
      expect(readFileSync(join(output, file))).toEqual(readFileSync(join(bundle.path, file)));
    }
  });

  it('is left alone where it is there already, and made anew where anything differs', async () => {
    const bundle = await cachedBundle();
    const made = async (from: EngineBundle, source: string): Promise<number> => {
      await (await copyBundle(from, source, output, undefined)).verify();
      return statSync(output).ino;
    };
    const first = await made(bundle, 'named.onnx');
    expect(await made(bundle, 'named.onnx')).toBe(first);
    const renamed = await made(bundle, 'other.onnx');
    expect(renamed).not.toBe(first);
    flipBit(join(output, 'weights/w.bin'));
    const repaired = await made(bundle, 'other.onnx');
    expect(repaired).not.toBe(renamed);
    expect(await made(await cachedBundle('b'), 'other.onnx')).not.toBe(repaired);
    expect((await EngineBundle.open(output)).manifest.key).toBe('b');
  });

  it('that fails leaves what was there, and nothing else', async () => {
    const before = makeBundle(output);
    const bundle = await cachedBundle();
    execFileSync('mkfifo', [join(bundle.path, 'weights/pipe')]); // which nothing copies
    expectFailure(
      await rejectionOf(copyBundle(bundle, 'named.onnx', output, undefined)),
      'OUTPUT_NOT_WRITABLE',
      /^Cannot write the bundle .*model\.bundle: .*FIFO/,
      /there is space\. An engine that was built is kept in the cache/,
    );
    expect((await EngineBundle.open(output)).manifest).toEqual(before);
    expect(readdirSync(dirname(output))).toEqual(['model.bundle']);
  });
});

describe('a folder', () => {
  it('that cannot be put in the place of another leaves it there', async () => {
    makeBundle(output);
    await expect(replaceFolder(join(folder, 'missing'), output)).rejects.toMatchObject({ code: 'ENOENT' });
    await (await EngineBundle.open(output)).verify();
    expect(readdirSync(dirname(output))).toEqual(['model.bundle']);
  });

  it('holds a whole bundle, or none', async () => {
    expect(await wholeBundle(output, undefined)).toBeUndefined();
    const manifest = makeBundle(output);
    expect((await wholeBundle(output, undefined))?.manifest).toEqual(manifest);
    flipBit(join(output, 'layers.json'));
    expect(await wholeBundle(output, undefined)).toBeUndefined();
    makeBundle(output);
    truncateSync(join(output, 'engine.plan'), 3);
    expect(await wholeBundle(output, undefined)).toBeUndefined();
    makeBundle(output);
    writeManifest(output, '{');
    expect(await wholeBundle(output, undefined)).toBeUndefined();
    expect(existsSync(join(output, 'engine.plan'))).toBe(true);
  });
});
