/** Bundles that are opened: whole, damaged, with a manifest that lies, and for another library or GPU. */
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { EngineBundle, type EngineManifest } from '../../lib/engine/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { flipBit, makeBundle, writeManifest } from './made-bundle.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-bundle-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const files = ['engine.plan', 'model.onnx', 'layers.json', 'weights/w.bin'];

describe('a bundle', () => {
  it('is opened with its manifest and layers', async () => {
    const manifest = makeBundle(folder);
    const layers = [{ name: 'a', type: 'kgen', inputs: [], outputs: [], tactic: '' }];
    const text = JSON.stringify(layers);
    writeFileSync(join(folder, 'layers.json'), text);
    writeManifest(folder, { ...manifest, layers: { ...manifest.layers, bytes: text.length } });
    const bundle = await EngineBundle.open(folder);
    expect(bundle.path).toBe(folder);
    expect(bundle.manifest).toEqual({ ...manifest, layers: { ...manifest.layers, bytes: text.length } });
    expect(await bundle.layers()).toEqual(layers);
  });

  it('is none where the folder has no manifest', async () => {
    for (const place of [folder, join(folder, 'nothing')]) {
      expectFailure(
        await rejectionOf(EngineBundle.open(place)),
        'ENGINE_INVALID',
        /^Expected an engine bundle but .* has no manifest\.json that can be read: ENOENT/,
        /foveate build MODEL -o BUNDLE/,
      );
    }
  });

  it.each(files)('is damaged where %s is missing, or has another length', async (file) => {
    makeBundle(folder);
    const path = join(folder, file);
    const damage = async (): Promise<string> => {
      const error = await rejectionOf(EngineBundle.open(folder));
      expect(error.code).toBe('ENGINE_INVALID');
      expect(error.hint).toMatch(/Build the engine again/);
      expect(error.details).toMatchObject({ path: folder, file });
      return error.message;
    };
    appendFileSync(path, 'x');
    expect(await damage()).toMatch(/is damaged: expected 2000 bytes, received 2001$/);
    truncateSync(path, 100);
    expect(await damage()).toMatch(/is damaged: expected 2000 bytes, received 100$/);
    rmSync(path);
    expect(await damage()).toMatch(/is damaged: it is missing$/);
  });

  it.each(files)('is found to be changed in %s only when all of it is read', async (file) => {
    makeBundle(folder);
    const bundle = await EngineBundle.open(folder);
    await bundle.verify();
    flipBit(join(folder, file));
    const error = await rejectionOf((await EngineBundle.open(folder)).verify());
    expectFailure(error, 'ENGINE_INVALID', /its content is not what was written \(sha256 [0-9a-f]{64}, expected [0-9a-f]{64}\)/);
    expect(error.details).toMatchObject({ file });
  });

  it.each(['../secret', 'a/../../secret', '/etc/hostname', '.', ''])('has no file %j, which lies outside', async (file) => {
    const manifest = makeBundle(folder);
    const { engine, model, layers } = manifest;
    const lies: EngineManifest[] = [
      { ...manifest, engine: { ...engine, file } },
      { ...manifest, model: { ...model, file } },
      { ...manifest, model: { ...model, externalData: [{ ...layers, file }] } },
      { ...manifest, layers: { ...layers, file } },
    ];
    for (const lie of lies) {
      writeManifest(folder, lie);
      expectFailure(await rejectionOf(EngineBundle.open(folder)), 'ENGINE_INVALID', /it lies outside the bundle$/);
    }
  });

  it('is none where its manifest is none', async () => {
    makeBundle(folder);
    writeManifest(folder, '{');
    expectFailure(await rejectionOf(EngineBundle.open(folder)), 'ENGINE_INVALID', /its manifest\.json is no JSON/);
  });
});

describe('an engine fits', () => {
  type Engine = Partial<EngineManifest['engine']>;
  type Library = Parameters<EngineBundle['incompatibility']>[0];

  const obstacle = async (engine: Engine, library: Partial<Library> = {}): Promise<string | undefined> => {
    makeBundle(folder, (manifest) => ({ ...manifest, engine: { ...manifest.engine, ...engine } }));
    const { family, version } = { family: 'tensorrt-rtx', version: '1.7.1', ...engine } as const;
    return (await EngineBundle.open(folder)).incompatibility({ family, version, ...library });
  };
  const on = (computeCapability: number): Partial<Library> => ({ gpu: { name: 'NVIDIA X', computeCapability } });

  it('the library that built it', async () => {
    expect(await obstacle({})).toBeUndefined();
    expect(await obstacle({}, { version: '1.6.0' })).toBe('it was built by tensorrt-rtx 1.7.1, the library is 1.6.0');
    expect(await obstacle({}, { version: '1.7.2' })).toMatch(/the library is 1\.7\.2/);
    expect(await obstacle({}, { family: 'tensorrt', version: '10.15.1' })).toBe(
      'it was built by tensorrt-rtx 1.7.1, which tensorrt 10.15.1 cannot read',
    );
    expect(await obstacle({}, { family: 'tensorrt-lean', version: '1.7.1' })).toMatch(/cannot read/);
  });

  it('other releases of the same major version, and the lean runtime, where it was built for them', async () => {
    const built = { family: 'tensorrt', version: '10.8.0' } as const;
    const compatible = { ...built, versionCompatible: true };
    expect(await obstacle(compatible, { version: '10.15.1' })).toBeUndefined();
    expect(await obstacle(compatible, { family: 'tensorrt-lean', version: '10.15.1' })).toBeUndefined();
    expect(await obstacle(compatible, { version: '11.4.0' })).toMatch(/the library is 11\.4\.0/);
    expect(await obstacle(compatible, { version: '1.8.0' })).toMatch(/the library is 1\.8\.0/);
    expect(await obstacle(compatible, { family: 'tensorrt-rtx' })).toMatch(/cannot read/);
    expect(await obstacle({ versionCompatible: true }, { family: 'tensorrt-lean' })).toMatch(/cannot read/);
    expect(await obstacle(built, { version: '10.15.1' })).toMatch(/the library is 10\.15\.1/);
    expect(await obstacle(built, { family: 'tensorrt-lean' })).toMatch(/cannot read/);
  });

  it('its platform', async () => {
    expect(await obstacle({ platform: 'plan9-mips' })).toMatch(/^it was built for plan9-mips, this is \w+-\w+$/);
  });

  it('the GPUs that it was built for', async () => {
    const named = { computeCapabilities: [86, 120] };
    expect(await obstacle(named)).toBeUndefined(); // no GPU is known of
    expect(await obstacle(named, on(86))).toBeUndefined();
    expect(await obstacle(named, on(120))).toBeUndefined();
    expect(await obstacle(named, on(89))).toBe(
      'it was built for compute capability 8.6, 12.0, the GPU of this machine is NVIDIA X, 8.9',
    );
  });

  it('the GPU that it was built on, or those that it was made to fit', async () => {
    const builtOn = (hardwareCompatibility: EngineManifest['engine']['hardwareCompatibility']): Engine => ({
      computeCapabilities: [],
      gpu: { name: 'NVIDIA Y', computeCapability: 86 },
      hardwareCompatibility,
    });
    expect(await obstacle(builtOn('none'), on(86))).toBeUndefined();
    const other = 'it was built on NVIDIA Y, 8.6, the GPU of this machine is NVIDIA X, 8.0';
    expect(await obstacle(builtOn('none'), on(80))).toBe(other);
    expect(await obstacle(builtOn('same-compute-capability'), on(86))).toBeUndefined();
    expect(await obstacle(builtOn('same-compute-capability'), on(80))).toBe(other);
    expect(await obstacle(builtOn('ampere-plus'), on(80))).toBeUndefined();
    expect(await obstacle(builtOn('ampere-plus'), on(75))).toMatch(/^it was built on NVIDIA Y/);
    expect(await obstacle({ computeCapabilities: [] }, on(80))).toBeUndefined(); // what it was built on is not told
  });
});
