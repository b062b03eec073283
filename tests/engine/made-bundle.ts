/** Engine bundles that no library is needed for: the manifest is one that a build wrote, the files that it tells of are made here. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { platformName } from '../../lib/binding/index.js';
import type { BundleFile, EngineManifest } from '../../lib/engine/index.js';

/** The manifest of examples/models/shapes-detector.onnx, built by TensorRT-RTX 1.7 (fixtures/README.md). */
export const recordedManifest = JSON.parse(
  readFileSync(new URL('fixtures/manifest.json', import.meta.url), 'utf8'),
) as EngineManifest;

/** Makes a bundle with external data, whose manifest is that of a build for this platform but for `change`. */
export function makeBundle(
  path: string,
  change: (manifest: EngineManifest) => EngineManifest = (manifest) => manifest,
): EngineManifest {
  const file = (name: string): BundleFile => {
    const content = Buffer.alloc(2000, `content of ${name}; `);
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
    return { file: name, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
  };
  const { engine, model, layers } = recordedManifest;
  const manifest = change({
    ...recordedManifest,
    engine: { ...engine, ...file(engine.file), platform: platformName },
    model: { ...model, ...file(model.file), externalData: [file('weights/w.bin')] },
    layers: file(layers.file),
  });
  writeManifest(path, manifest);
  return manifest;
}

/** Writes a manifest, or what is none. */
export function writeManifest(path: string, manifest: unknown): void {
  writeFileSync(join(path, 'manifest.json'), typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
}

/** Damage that the length of a file does not show. */
export function flipBit(path: string): void {
  const bytes = readFileSync(path);
  bytes[500] = (bytes[500] as number) ^ 1;
  writeFileSync(path, bytes);
}
