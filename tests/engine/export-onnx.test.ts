/** The forms of a bundle as plain files. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { exportOnnx } from '../../lib/engine/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { asItWas, bundleContent, flipByte, makeModelBundle, smallModel, withExternalData } from './made-model-bundle.js';

let folder: string;
let small: string;
let output: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-export-'));
  small = smallModel(mkdtempSync(join(tmpdir(), 'foveate-small-')));
  output = join(folder, 'out', 'classes.bundle');
});
afterEach(() => [folder, dirname(small)].forEach((place) => rmSync(place, { recursive: true, force: true })));

const formC = 'classes.onnxruntime.int8.onnx';
const formT = 'classes.tensorrt.int8.onnx';

describe('the forms of a bundle', () => {
  it('are exported as plain files', async () => {
    const bundle = await makeModelBundle(output, small);
    const to = join(folder, 'exported/onnx');
    const paths = await exportOnnx(bundle, to);
    expect(paths).toEqual([join(to, formC), join(to, formT)]);
    expect(readdirSync(to).sort()).toEqual([formC, formT]);
    expect(readFileSync(paths[0] as string)).toEqual(readFileSync(bundle.form('onnxruntime')));
    expect(readFileSync(paths[1] as string)).toEqual(readFileSync(bundle.form('tensorrt')));
    expect(await exportOnnx(bundle, to)).toEqual(paths);
  });

  it('are called by their precision', async () => {
    const { forms } = bundleContent(small);
    const bundle = await makeModelBundle(output, small, { forms: { ...forms, onnxruntime: asItWas(small) } });
    const [path] = await exportOnnx(bundle, folder);
    expect(basename(path as string)).toBe('classes.onnxruntime.float32.onnx');
    expect(readFileSync(path as string)).toEqual(readFileSync(small));
  });

  it('take the place of no other file', async () => {
    const bundle = await makeModelBundle(output, small);
    writeFileSync(join(folder, formT), 'mine');
    expectFailure(await rejectionOf(exportOnnx(bundle, folder)), 'OUTPUT_NOT_WRITABLE', /would overwrite .*tensorrt\.int8\.onnx/);
    expect(existsSync(join(folder, formC))).toBe(false);
    expectFailure(await rejectionOf(exportOnnx(bundle, join(folder, formT))), 'OUTPUT_NOT_WRITABLE', /Cannot write/);
  });

  it('are not exported once they were changed', async () => {
    const bundle = await makeModelBundle(output, small);
    flipByte(bundle.form('tensorrt'));
    expectFailure(await rejectionOf(exportOnnx(bundle, folder)), 'BUNDLE_INVALID', /content is not what was written/);
    expect(readdirSync(folder)).toEqual(['out']);
  });

  it('take their external data along, of which one name stands for one content', async () => {
    const form = (location: string, change: number) => ({
      precision: 'int8' as const,
      passes: [],
      write: async (to: string): Promise<void> => {
        withExternalData(to, location);
        if (change !== 0) flipByte(join(dirname(to), location));
      },
    });
    const shared = { onnxruntime: form('w.bin', 0), tensorrt: form('w.bin', 0) };
    const paths = await exportOnnx(await makeModelBundle(output, small, { forms: shared }), join(folder, 'one'));
    expect(readdirSync(join(folder, 'one')).sort()).toEqual([...paths.map((path) => basename(path)), 'w.bin'].sort());
    const differing = await makeModelBundle(output, small, { forms: { ...shared, tensorrt: form('w.bin', 1) } });
    expectFailure(
      await rejectionOf(exportOnnx(differing, join(folder, 'two'))),
      'OUTPUT_NOT_WRITABLE',
      /both forms keep tensors in/,
    );
    expect(existsSync(join(folder, 'two'))).toBe(false);
  });
});
