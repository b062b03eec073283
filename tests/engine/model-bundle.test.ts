/** Bundles of optimised models: written whole, opened, damaged, with a manifest that lies. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  checkModelBundleOutput,
  EngineBundle,
  ModelBundle,
  writeModelBundle,
  type ModelManifest,
} from '../../lib/engine/index.js';
import { checkOutput } from '../../lib/engine/bundle-output.js';
import { readModel } from '../../lib/graph/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { makeBundle, writeManifest } from './made-bundle.js';
import { bundleContent, flipByte, makeModelBundle, smallModel, withExternalData } from './made-model-bundle.js';

const smallFolder = mkdtempSync(join(tmpdir(), 'foveate-small-'));
const small = smallModel(smallFolder);
afterAll(() => rmSync(smallFolder, { recursive: true }));

let folder: string;
let output: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-model-bundle-'));
  output = join(folder, 'out', 'classes.bundle');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const formC = 'onnxruntime/classes.onnxruntime.int8.onnx';
const formT = 'tensorrt/classes.tensorrt.int8.onnx';
const files = [formC, formT, 'calibration.json', 'report/report.md', 'report/layers.csv'];

const manifestOf = (place: string): ModelManifest =>
  JSON.parse(readFileSync(join(place, 'manifest.json'), 'utf8')) as ModelManifest;

/** Writes a manifest with something else in it. */
function lie(change: Readonly<Record<string, unknown>>): void {
  writeManifest(output, { ...manifestOf(output), ...change });
}

describe('the bundle of a model', () => {
  it('tells all that it was made of', async () => {
    const labels = ['background', 'circle'];
    const task = { name: 'segment', options: { background: 0 }, outputs: { y: { operator: 'Conv', boxDecoding: null } } };
    const content = bundleContent(small, { labels, task });
    const bundle = await writeModelBundle(output, content);
    const { source, measured, decisions, preprocess } = content;
    expect(bundle.path).toBe(output);
    expect(bundle.manifest).toMatchObject({ kind: 'model', format: 1, source, measured, decisions, preprocess, labels, task });
    expect(bundle.preprocess.options).toEqual(preprocess);
    expect(bundle.form('onnxruntime')).toBe(join(output, formC));
    expect(bundle.form('tensorrt')).toBe(join(output, formT));
    expect(bundle.files.map((path) => path.slice(output.length + 1))).toEqual(['manifest.json', ...files]);
    expect(bundle.manifest.forms.tensorrt).toMatchObject({
      precision: 'int8',
      passes: ['quantised by hand to int8'],
      externalData: [],
    });
    expect(readFileSync(join(output, 'report/report.md'), 'utf8')).toBe('# Smaller\n');
    expect(readFileSync(join(output, 'calibration.json'), 'utf8')).toBe('{"pictures":32}');
    await bundle.verify();
    expect(await bundle.wholeForm('tensorrt')).toBe(bundle.form('tensorrt'));
    expect(readdirSync(dirname(output))).toEqual(['classes.bundle']);
  });

  it('keeps the metadata of the model in its forms', async () => {
    const bundle = await makeModelBundle(output, small);
    const { metadata } = await readModel(small);
    expect(metadata.size).toBeGreaterThan(0);
    for (const name of ['onnxruntime', 'tensorrt'] as const)
      expect((await readModel(bundle.form(name))).metadata).toEqual(metadata);
  });

  it('needs neither a calibration nor reports', async () => {
    const bundle = await makeModelBundle(output, small, { calibration: undefined, reports: {} });
    expect(bundle.manifest).not.toHaveProperty('calibration');
    expect(bundle.files.slice(1)).toEqual([formC, formT].map((file) => join(output, file)));
  });

  it('has no other form', async () => {
    const bundle = await makeModelBundle(output, small);
    expect(() => bundle.form('coreml' as never)).toThrow(/'onnxruntime' or 'tensorrt'/);
  });

  it('takes the external data of its forms along, each its own', async () => {
    const write = async (to: string): Promise<void> => withExternalData(to, 'data/w.bin');
    const form = { precision: 'float32', passes: [], write } as const;
    const bundle = await makeModelBundle(output, small, { forms: { onnxruntime: form, tensorrt: form } });
    expect(bundle.manifest.forms.tensorrt.externalData).toMatchObject([{ file: 'tensorrt/data/w.bin', bytes: 16 }]);
    expect(existsSync(join(output, 'onnxruntime/data/w.bin'))).toBe(true);
    flipByte(join(output, 'onnxruntime/data/w.bin'));
    expectFailure(
      await rejectionOf(bundle.wholeForm('onnxruntime')),
      'BUNDLE_INVALID',
      /onnxruntime\/data\/w\.bin .* content is not/,
    );
    await bundle.wholeForm('tensorrt');
  });
});

describe('a bundle is refused', () => {
  it('that has no manifest', async () => {
    for (const place of [folder, join(folder, 'nothing')]) {
      expectFailure(
        await rejectionOf(ModelBundle.open(place)),
        'BUNDLE_INVALID',
        /^Expected the bundle of a model but .* has no manifest\.json that can be read: ENOENT/,
        /foveate optimize MODEL --data DIR -o BUNDLE/,
      );
    }
  });

  it.each(files)('of which %s is missing, or has another length', async (file) => {
    const path = join((await makeModelBundle(output, small)).path, file);
    const damage = async (): Promise<string> => {
      const error = await rejectionOf(ModelBundle.open(output));
      expect(error.code).toBe('BUNDLE_INVALID');
      expect(error.hint).toMatch(/Copy the bundle again as a whole/);
      expect(error.details).toMatchObject({ path: output, file });
      return error.message;
    };
    appendFileSync(path, 'x');
    expect(await damage()).toMatch(/is damaged: expected \d+ bytes, received \d+$/);
    truncateSync(path, 1);
    expect(await damage()).toMatch(/received 1$/);
    rmSync(path);
    expect(await damage()).toMatch(/is damaged: it is missing$/);
    mkdirSync(path);
    expect(await damage()).toMatch(/is damaged: it is no regular file$/);
  });

  it.each(files)('of which %s was changed, once it is read', async (file) => {
    await makeModelBundle(output, small);
    flipByte(join(output, file));
    const bundle = await ModelBundle.open(output);
    const error = await rejectionOf(bundle.verify());
    expectFailure(error, 'BUNDLE_INVALID', /its content is not what was written \(sha256 [0-9a-f]{64}, expected [0-9a-f]{64}\)/);
    expect(error.details).toMatchObject({ file });
  });

  it.each(['../secret', 'a/../../secret', '/etc/hostname', '.', ''])('with the file %j, which lies outside', async (file) => {
    const { forms, calibration, reports } = (await makeModelBundle(output, small)).manifest;
    const { onnxruntime, tensorrt } = forms;
    const lies = [
      { forms: { onnxruntime: { ...onnxruntime, file }, tensorrt } },
      { forms: { onnxruntime, tensorrt: { ...tensorrt, file } } },
      { calibration: { ...calibration, file } },
      { reports: [{ ...reports[0], file }] },
    ];
    for (const change of lies) {
      lie({ forms, calibration, reports, ...change });
      expectFailure(await rejectionOf(ModelBundle.open(output)), 'BUNDLE_INVALID', /it lies outside the bundle$/);
    }
  });

  it.each(['../tensorrt/w.bin', '../../w.bin', 'data/../../../w.bin', '/w.bin'])(
    'whose form keeps tensors in %j, which is not beside it',
    async (location) => {
      const { forms } = (await makeModelBundle(output, small)).manifest;
      const data = { file: location.startsWith('/') ? location : `onnxruntime/${location}`, bytes: 1, sha256: '0'.repeat(64) };
      lie({ forms: { ...forms, onnxruntime: { ...forms.onnxruntime, externalData: [data] } } });
      expectFailure(await rejectionOf(ModelBundle.open(output)), 'BUNDLE_INVALID', /lacks forms\.onnxruntime/);
    },
  );

  it.each<[string, string | Readonly<Record<string, unknown>>, RegExp]>([
    ['that is no JSON', '{', /is no JSON/],
    ['that is empty', '', /is no JSON/],
    ['that is null', 'null', /is that of something else/],
    ['that is a list', '[]', /is that of something else/],
    ['of something else', '{"name":"my app"}', /is that of something else/],
    ['of a later format', { format: 2 }, /has format 2, this version of foveate reads format 1/],
    ['without a format', { format: undefined }, /lacks format/],
    ['of an earlier format', { format: 0 }, /lacks format/],
    ['without a source', { source: undefined }, /lacks source/],
    ['whose source is a path', { source: { name: '../x', bytes: 1, sha256: '0'.repeat(64) } }, /lacks source/],
    ['without forms', { forms: undefined }, /lacks forms/],
    ['without a form', { forms: {} }, /lacks forms\.onnxruntime/],
    ['without preprocessing', { preprocess: undefined }, /lacks preprocess/],
    ['with preprocessing of an unknown kind', { preprocess: { fit: 'spiral' } }, /describes preprocessing that is none: .*fit/],
    ['with preprocessing that takes more', { preprocess: { blur: 1 } }, /describes preprocessing that is none: .*blur/],
    ['with labels that are none', { labels: [1] }, /lacks labels/],
    ['with a task that is none', { task: 'detect' }, /lacks task/],
    ['with outputs that tell nothing', { task: { name: 'detect', options: {}, outputs: { y: 1 } } }, /lacks task/],
    ['with a calibration that is none', { calibration: {} }, /lacks calibration/],
    ['with reports that are none', { reports: {} }, /lacks reports/],
    ['with nothing measured', { measured: null }, /lacks measured/],
    ['without decisions', { decisions: undefined }, /lacks decisions/],
  ])('with a manifest %s', async (_, change, message) => {
    await makeModelBundle(output, small);
    if (typeof change === 'string') writeManifest(output, change);
    else lie(change);
    expectFailure(await rejectionOf(ModelBundle.open(output)), 'BUNDLE_INVALID', message, /./);
  });

  it('where it is that of an engine, and the other way round', async () => {
    makeBundle(folder);
    expectFailure(await rejectionOf(ModelBundle.open(folder)), 'BUNDLE_INVALID', /is that of an engine$/, /model\.onnx/);
    await makeModelBundle(output, small);
    expectFailure(
      await rejectionOf(EngineBundle.open(output)),
      'ENGINE_INVALID',
      /is that of an optimised model$/,
      /foveate build/,
    );
  });
});

describe('a place is looked at for a bundle', () => {
  it('and has one', async () => {
    await makeModelBundle(output, small);
    expect((await ModelBundle.at(output))?.path).toBe(output);
    expect((await ModelBundle.at(new URL(`file://${output}`)))?.path).toBe(output);
  });

  it('and has none', async () => {
    makeBundle(folder);
    mkdirSync(join(folder, 'empty'));
    for (const model of [small, folder, join(folder, 'empty'), join(folder, 'nothing'), new Uint8Array(3)])
      expect(await ModelBundle.at(model)).toBeUndefined();
  });

  it('and has one that is damaged', async () => {
    await makeModelBundle(output, small);
    writeManifest(output, '{');
    expectFailure(await rejectionOf(ModelBundle.at(output)), 'BUNDLE_INVALID', /is no JSON/);
    rmSync(join(output, 'manifest.json'));
    mkdirSync(join(output, 'manifest.json'));
    expectFailure(await rejectionOf(ModelBundle.at(output)), 'BUNDLE_INVALID', /cannot be read: EISDIR/);
  });
});

describe('a bundle is written', () => {
  it.each<[string, () => unknown]>([
    ['no place at all', () => {}],
    ['that of an empty folder', () => mkdirSync(output, { recursive: true })],
    ['that of a bundle', () => makeModelBundle(output, small)],
    [
      'that of a damaged bundle',
      async () => {
        await makeModelBundle(output, small);
        rmSync(join(output, formC));
        flipByte(join(output, formT));
      },
    ],
  ])('to %s', async (_, prepare) => {
    await prepare();
    await checkModelBundleOutput(output);
    const bundle = await makeModelBundle(output, small, { decisions: ['anew'] });
    await bundle.verify();
    expect(bundle.manifest.decisions).toEqual(['anew']);
    expect(readdirSync(dirname(output))).toEqual(['classes.bundle']);
  });

  it.each<[string, () => unknown]>([
    ['file', () => (mkdirSync(dirname(output)), writeFileSync(output, 'Dear'))],
    ['folder with a letter', () => (mkdirSync(output, { recursive: true }), writeFileSync(join(output, 'letter.txt'), 'Dear'))],
    ['bundle of an engine', () => (mkdirSync(output, { recursive: true }), makeBundle(output))],
    [
      'bundle into which a file was put',
      async () => {
        await makeModelBundle(output, small);
        writeFileSync(join(output, 'report/notes.txt'), 'mine');
      },
    ],
    ['bundle of a later version', async () => (await makeModelBundle(output, small), lie({ format: 2 }))],
  ])('over no %s', async (_, prepare) => {
    await prepare();
    const before = existsSync(join(output, 'manifest.json')) ? readFileSync(join(output, 'manifest.json'), 'utf8') : undefined;
    for (const attempt of [() => checkModelBundleOutput(output), () => makeModelBundle(output, small)])
      expect((await rejectionOf(attempt())).code).toBe('OUTPUT_NOT_WRITABLE');
    if (before !== undefined) expect(readFileSync(join(output, 'manifest.json'), 'utf8')).toBe(before);
  });

  it('where no build replaces it, which would delete what it builds of', async () => {
    await makeModelBundle(output, small);
    expect((await rejectionOf(checkOutput(output))).code).toBe('OUTPUT_NOT_WRITABLE');
  });

  it.each([
    ['nothing', false],
    ['an empty folder', true],
  ])('whole or not at all, where there was %s', async (_, isThere) => {
    if (isThere) mkdirSync(output, { recursive: true });
    const fail = { precision: 'int8', passes: [], write: () => Promise.reject(new Error('the pen broke')) } as const;
    const { forms } = bundleContent(small);
    const error = await rejectionOf(makeModelBundle(output, small, { forms: { ...forms, tensorrt: fail } }));
    expectFailure(error, 'OUTPUT_NOT_WRITABLE', /^Cannot write the bundle .*: the pen broke$/);
    expect(existsSync(output)).toBe(isThere);
    if (isThere) expect(readdirSync(output)).toEqual([]);
    expect(readdirSync(dirname(output))).toEqual(isThere ? ['classes.bundle'] : []);
  });

  it('with what was there kept, where a form is no model', async () => {
    await makeModelBundle(output, small);
    const before = manifestOf(output);
    const { forms } = bundleContent(small);
    const rubbish = { ...forms.tensorrt, write: async (to: string) => writeFileSync(to, 'rubbish') };
    const attempt = makeModelBundle(output, small, { forms: { ...forms, tensorrt: rubbish } });
    expect((await rejectionOf(attempt)).code).toBe('MODEL_INVALID');
    expect(manifestOf(output)).toEqual(before);
    await (await ModelBundle.open(output)).verify();
    expect(readdirSync(dirname(output))).toEqual(['classes.bundle']);
  });

  it('until it is aborted', async () => {
    const controller = new AbortController();
    const { forms } = bundleContent(small);
    const write = async (to: string): Promise<void> => {
      await forms.onnxruntime.write(to);
      controller.abort();
    };
    const content = bundleContent(small, { forms: { ...forms, onnxruntime: { ...forms.onnxruntime, write } } });
    expect((await rejectionOf(writeModelBundle(output, content, controller.signal))).code).toBe('ABORTED');
    expect(readdirSync(dirname(output))).toEqual([]);
  });

  it.each(['../report.md', 'a/b.md', '', '..'])('with no report called %j', async (name) => {
    const error = await rejectionOf(makeModelBundle(output, small, { reports: { [name]: '' } }));
    expectFailure(error, 'INVALID_ARGUMENT', /names of files/);
    expect(existsSync(dirname(output))).toBe(false);
  });
});
