/** Whether TensorRT-RTX takes a file, for compute capability 89, and what becomes of its convolutions. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { buildEngine, readModel } from '../../dist/index.js';
import { sha256 } from './findings.mjs';

/** What the layer table of TensorRT-RTX calls a convolution that runs as a kernel of its own; one of float may be part of a 'runtime_fusion'. */
const convolution = 'correlation';

/**
 * Size of the engine, convolutions of the model, and kernels of convolutions whose input is Int8; or `error`, what the parser said. Kept in `kept` as long
 * as the file is the same.
 */
export async function engineOf(file, kept) {
  const hash = sha256(file);
  if (existsSync(kept)) {
    const known = JSON.parse(readFileSync(kept, 'utf8'));
    if (known.hash === hash) return known;
  }
  mkdirSync(dirname(kept), { recursive: true });
  const folder = `${kept}.bundle`;
  const { nodes } = await readModel(file);
  const told = { hash, convolutions: nodes.filter(({ opType }) => opType === 'Conv').length };
  try {
    const { bundle } = await buildEngine(file, { device: 'tensorrt-rtx', computeCapability: 89, bake: false, output: folder });
    const layers = await bundle.layers();
    const { engine } = bundle.manifest;
    told.library = `${engine.family} ${engine.version}`;
    told.engineBytes = engine.bytes;
    told.layers = layers.length;
    told.int8 = layers.filter(({ type, inputs }) => type === convolution && inputs[0]?.dtype === 'Int8').length;
  } catch (error) {
    if (error.code !== 'MODEL_UNSUPPORTED' && error.code !== 'ENGINE_FAILED') throw error;
    told.error = error.message;
  }
  rmSync(folder, { recursive: true, force: true });
  writeFileSync(kept, JSON.stringify(told));
  return told;
}
