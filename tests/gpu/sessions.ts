/** Engines for tests of runs, and what goes into a run and comes out of it. */
import { join } from 'node:path';

import { buildEngine, type Session, type Tensor } from '../../lib/index.js';
import { projectRoot } from '../package/node-child.js';
import { gpu } from './machine.js';

export const buildMs = 600_000;

/** A small model whose results are known: see tests/reference/make_models.py. */
export function fixture(name: string): string {
  return join(projectRoot, `tests/native/fixtures/${name}.onnx`);
}

type EngineOptions = Omit<Parameters<typeof buildEngine>[1], 'device'>;

/** The path of an engine of the model, by default for 1 to 4 pictures. */
export async function enginePath(model: string, options: EngineOptions = { batch: { min: 1, opt: 1, max: 4 } }): Promise<string> {
  const { bundle } = await buildEngine(model, { device: gpu!.device, bake: false, ...options });
  return bundle.path;
}

/** For `images`, in memory of the session; another seed gives other values. */
export function inputOf(session: Session, batch: number, seed: number): Tensor {
  const tensor = session.allocateInput('images', [batch, ...(session.inputs[0]!.shape.slice(1) as number[])]);
  fill(tensor, seed);
  return tensor;
}

export function fill({ data }: Tensor, seed: number): void {
  data.forEach((_, i) => (data[i] = ((i * 7919 + seed * 104_729) % 251) / 250));
}

/** The bits of all outputs. */
export function bitsOf(outputs: Readonly<Record<string, Tensor>>): string {
  return Object.values(outputs)
    .map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'))
    .join();
}
