/** The batch of real models is freed: tests/graph/freed.ts says what is asked of them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { freeBatch, parseModel } from '../../lib/graph/index.js';
import { example, shared } from '../session/fixtures.js';
import { checkFreed } from './freed.js';
import { value } from './made-graphs.js';

const read = (path: string) => parseModel(readFileSync(path)).proto;

/** Convolutions of several pictures are summed up in another order than those of one. */
const tolerance = 1e-5;

describe('models with a fixed batch', () => {
  const names = ['mobilefacenet_112', 'ultraface_rfb_320', 'yolov8n_fp32', 'yolox_nano_416'];

  it.each(names)('%s gives of each of three pictures what it gives of one', async (name) => {
    const path = shared(`models/${name}.onnx`);
    if (path === undefined) return;
    const { worst } = await checkFreed(read(path), tolerance);
    console.log(name, worst);
  });
});
