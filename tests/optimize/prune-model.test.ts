/** A model that is pruned, all the way: what is said of it, and what is in the bundle. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ModelBundle } from '../../lib/engine/index.js';
import { readModel } from '../../lib/graph/index.js';
import {
  optimizeInSteps,
  optimizeModel,
  type OptimizationReport,
  type OptimizeOptions,
  type ReportedForm,
} from '../../lib/optimize/index.js';
import { CalibrationTable } from '../../lib/precision/index.js';
import { loadTask, type Classifier } from '../../lib/tasks/index.js';
import { models, picture, picturesFolder } from '../cli/foveate.js';
import { isShipped } from '../../lib/optimize/form-files.js';
import { rejectionOf } from '../errors/failure.js';
import { blinded, madeSteps, sha256Of, type Told } from './made-steps.js';

let folder: string;
let data: string;
const inFolder = (name: string): string => path.join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'foveate-prune-'));
  data = inFolder('pictures');
  cpSync(picturesFolder, data, { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

const half = (name: string): OptimizeOptions => ({ data, prune: 'magnitude:0.5', output: inFolder(name), threads: 1 });
const int8 = (name: string): OptimizeOptions => ({ ...half(name), precision: 'int8', pictures: 4, force: true });
const formOf = ({ forms }: OptimizationReport, name: string): ReportedForm => forms.find(({ form }) => form === name)!;

/** Weights of the layers of a file, as they are stored. */
async function weightsIn(
  file: string,
): Promise<Map<string, { readonly dims: readonly number[]; readonly data: ArrayLike<number> }>> {
  const { initializers } = await readModel(file);
  const stored = [...initializers].filter(
    ([, { dims, dtype }]) => dims.length > 1 && ['float32', 'int8', 'uint8'].includes(dtype),
  );
  return new Map(stored.map(([name, { dims, data }]) => [name, { dims, data: data as unknown as ArrayLike<number> }]));
}

const zerosIn = (values: ArrayLike<number>): number => Array.from(values).filter((value) => value === 0).length;

describe('a model that is pruned alone', () => {
  let report: OptimizationReport;
  beforeAll(async () => {
    report = await optimizeModel(models.classifier, { ...half('half'), exportOnnx: inFolder('half-exported') });
  }, 120_000);

  it('is measured beside the one that was given, on all pictures', () => {
    expect(report).toMatchObject({ precision: 'fp32', pruning: { scheme: 'magnitude:0.5', zerosBefore: 0 } });
    expect(report.pruning!.zeros).toBeCloseTo(0.5, 1);
    expect(report.forms.map(({ form }) => form)).toEqual(['float32', 'pruned']);
    expect(report.calibration.pictures).toBe(0);
    expect(formOf(report, 'pruned')).toMatchObject({ shipped: true, agreement: { pictures: report.calibration.heldBack } });
    expect(formOf(report, 'pruned').latency.map(({ threads }) => threads)).toEqual([1]);
    expect(report.layers.map(({ pruned }) => pruned?.reason)).toEqual(
      report.layers.map((_, i) => (i === 0 ? 'it reads the picture' : undefined)),
    );
  });

  it('takes the same bytes, and fewer packed', () => {
    const [before, pruned] = report.forms as [ReportedForm, ReportedForm];
    expect(pruned.sizeRatio).toBeCloseTo(1, 1);
    expect(before.packedBytes).toBe(gzipSync(readFileSync(models.classifier)).length);
    expect(pruned.packedBytes! / before.packedBytes!).toBeLessThan(0.75);
    expect(report.decisions[0]).toMatch(
      /^Pruning 50 % of the weights \(magnitude:0\.5; \d\d % of all are 0, 0 % were\): the file is as large \(0\.\d\d times packed\), a run takes [\d.]+ times as long with 1 thread( \(not in every round\))?; agreement with FP32: top-1 [\d.]+ .*It gained/,
    );
    expect(report.notices.join(' ')).toMatch(/Nothing was trained after pruning/);
    expect(report.notices.join(' ')).not.toMatch(/TensorRT/);
  });

  it('is in the bundle for both engines, and runs', async () => {
    const bundle = await ModelBundle.open(inFolder('half'));
    const { forms, calibration } = bundle.manifest;
    expect(calibration).toBeUndefined();
    // That for ONNX Runtime is the model as it was given where the pruned one was measured slower.
    expect(forms.tensorrt).toMatchObject({ precision: 'float32', passes: ['normalize', 'prune magnitude:0.5'] });
    for (const [name, { data }] of await weightsIn(bundle.form('tensorrt'))) {
      expect(zerosIn(data), name).toBe(name.endsWith('/pruned') ? Math.round(0.5 * data.length) : 0);
    }
    const exported = readFileSync(inFolder('half-exported/shapes-classifier.tensorrt.float32.onnx'));
    expect(exported.equals(readFileSync(bundle.form('tensorrt')))).toBe(true);
    await using task = (await loadTask(inFolder('half'))) as Classifier;
    expect((await task.classify(picture('star.jpg'))).top.label).toBe('star');
  });

  it('is told of in every report', async () => {
    const { path: place } = await ModelBundle.open(inFolder('half'));
    const text = (name: string): string => readFileSync(path.join(place, 'report', name), 'utf8');
    expect(text('report.md')).toMatch(/^# shapes-classifier\.onnx pruned \(magnitude:0\.5\)/);
    expect(text('report.md')).toMatch(/\| Weights that are 0 \| 0\.0 % \| \d\d\.\d % \|/);
    expect(text('report.html')).toContain('FP32, pruned');
    expect(text('forms.csv')).toMatch(/^pruned,packed bytes,,\d+,,\r$/m);
    expect(text('layers.csv').split('\r\n')[0]).toMatch(/,zeros,not pruned$/);
    expect(text('layers.csv').split('\r\n')[1]).toMatch(/,0,it reads the picture$/);
    expect(text('layers.csv').split('\r\n')[2]).toMatch(/,0\.5\d*,$/);
  });
});

describe('a model that is pruned and quantised', () => {
  it('is calibrated as it is then, and tells apart what each has done', async () => {
    const report = await optimizeModel(models.classifier, { ...int8('int8'), prune: '2:4' });
    // Which of the two ONNX Runtime has is told by time; the bundle has the one that the report says.
    const isFloatShipped = formOf(report, 'float32').shipped;
    expect(report.forms.map(({ form, shipped }) => [form, shipped])).toEqual([
      ['float32', isFloatShipped],
      ['pruned', false],
      ['onnxruntime', !isFloatShipped],
      ['tensorrt', true],
    ]);
    expect(report.forms.slice(1).every(({ agreement }) => agreement!.pictures === report.calibration.heldBack)).toBe(true);
    expect(report.decisions[0]).toMatch(/^Pruning 50 % of the weights \(2:4; \d\d % of all are 0/);
    expect(report.decisions[1]).toMatch(/^1 of \d+ layers were not pruned \(1: it reads the picture\)\.$/);
    expect(report.notices.join(' ')).toMatch(/foveate build --sparsity/);
    const bundle = await ModelBundle.open(inFolder('int8'));
    expect(bundle.manifest.forms.tensorrt.passes).toEqual(['normalize', 'prune 2:4', 'int8 for tensorrt']);
    expect(bundle.manifest.forms.onnxruntime).toMatchObject(
      isFloatShipped
        ? { precision: 'float32', passes: ['normalize'] }
        : { precision: 'int8', passes: ['normalize', 'prune 2:4', 'int8 for onnxruntime'] },
    );
    const table = await CalibrationTable.read(path.join(bundle.path, 'calibration.json'));
    expect(table.model.name).toBe('shapes-classifier.onnx');
    expect(table.model.sha256).not.toBe(sha256Of(models.classifier));
    let found = 0;
    for (const [name, { dims, data }] of await weightsIn(bundle.form('tensorrt'))) {
      const [outputs, inputs, ...kernel] = dims as [number, number];
      if (inputs % 4 !== 0) continue;
      found++;
      const places = kernel.reduce((product, size) => product * size, 1);
      for (let o = 0; o < outputs; o++) {
        for (let i = 0; i < inputs; i += 4) {
          for (let k = 0; k < places; k++) {
            const four = [0, 1, 2, 3].map((next) => data[(o * inputs + i + next) * places + k] as number);
            expect(zerosIn(four), name).toBeGreaterThanOrEqual(2);
          }
        }
      }
    }
    expect(found).toBeGreaterThan(1);
  }, 120_000);

  it('falls back to the model as it was given, not to the pruned one', async () => {
    vi.stubEnv('FOVEATE_CACHE_DIR', inFolder('cache'));
    const told: Told = {};
    const exportOnnx = inFolder('float-exported');
    await optimizeInSteps(
      models.classifier,
      { ...int8('float'), budget: { maxDrop: 0.1 }, exportOnnx },
      madeSteps(told, { onnxruntime: blinded, tensorrt: blinded }),
    );
    expect(told.bundle!.forms.map(({ precision, pruning }) => [precision, pruning])).toEqual([
      ['float32', undefined],
      ['float32', undefined],
    ]);
    for (const form of ['onnxruntime', 'tensorrt']) {
      for (const [name, { data }] of await weightsIn(path.join(exportOnnx, `shapes-classifier.${form}.float32.onnx`))) {
        expect(zerosIn(data), name).toBe(0);
      }
    }
  }, 120_000);

  it('stays as it was given for an engine that has no kernels for the precision', async () => {
    const options = { ...int8('bf16'), precision: 'bf16', exportOnnx: inFolder('bf16-exported') } as const;
    const report = await optimizeModel(models.classifier, options);
    expect(formOf(report, 'onnxruntime')).toMatchObject({ precision: 'float32', shipped: true, latency: [] });
    expect(formOf(report, 'onnxruntime').agreement).toBeUndefined();
    const exported = inFolder('bf16-exported/shapes-classifier.onnxruntime.float32.onnx');
    for (const { data } of (await weightsIn(exported)).values()) expect(zerosIn(data)).toBeLessThan(data.length / 100);
    const bundled = (await ModelBundle.open(inFolder('bf16'))).form('onnxruntime');
    expect(readFileSync(exported).equals(readFileSync(bundled))).toBe(true);
  }, 120_000);

  it('is not blamed on the pictures where pruning left too little of it', async () => {
    const error = await rejectionOf(
      optimizeModel(models.classifier, { ...int8('doubtful'), force: false, prune: 'magnitude:0.9' }),
    );
    expect(error).toMatchObject({
      code: 'CALIBRATION_DOUBTFUL',
      message: expect.stringMatching(/^Of the model that was pruned \(magnitude:0\.9\): The ranges would be wrong/) as string,
      hint: expect.stringContaining('Prune less') as string,
      details: { reasons: expect.any(Array) as unknown },
    });
  });

  it('begins a search anew where it was pruned otherwise', async () => {
    vi.stubEnv('FOVEATE_CACHE_DIR', inFolder('cache-schemes'));
    const ended = async (prune: OptimizeOptions['prune']): Promise<void> => {
      const stop = new AbortController();
      const call = optimizeModel(models.classifier, {
        ...int8('ended'),
        prune,
        budget: { maxDrop: 0.5 },
        signal: stop.signal,
        onProgress: ({ phase, done }) => phase === 'search' && done === 1 && stop.abort(),
      });
      expect(await rejectionOf(call)).toMatchObject({ code: 'ABORTED' });
    };
    const kept = (): string[] => readdirSync(inFolder('cache-schemes/searches'));
    await ended('magnitude:0.5');
    await ended('magnitude:0.50' as never);
    expect(kept()).toHaveLength(1);
    await ended('magnitude:0.9');
    expect(kept()).toHaveLength(2);
  }, 120_000);
});

describe('what is in a bundle', () => {
  const [float32, pruned, cpu] = [
    { form: 'float32', precision: 'float32' },
    { form: 'pruned', precision: 'float32' },
    { form: 'onnxruntime', precision: 'int8' },
  ] as const;
  const both = ['onnxruntime', 'tensorrt'] as const;

  it('is told for each engine', () => {
    const int8 = { precision: 'int8', forms: both } as const;
    expect([float32, cpu].map((form) => isShipped(form, int8, false))).toEqual([false, true]);
    expect([float32, cpu].map((form) => isShipped(form, int8, true))).toEqual([true, false]);
    // TensorRT has the model as it was given.
    expect(isShipped(float32, { ...int8, forms: ['onnxruntime'] }, false)).toBe(true);
    const alone = { precision: 'fp32', forms: both } as const;
    expect([float32, pruned].map((form) => isShipped(form, alone, true))).toEqual([true, true]);
    expect(isShipped(pruned, { ...alone, forms: ['onnxruntime'] }, true)).toBe(false);
  });
});

describe('pruning', () => {
  it.each([
    [{ prune: '1:4' }, 'INVALID_ARGUMENT', /2:4.*magnitude:.*from 0\.3 to 0\.9/],
    [{ prune: 'magnitude:0.5', precision: undefined, pictures: 4 }, 'INVALID_ARGUMENT', /pictures/],
    [{ prune: 'magnitude:0.5', precision: undefined, budget: { maxDrop: 0.1 } }, 'INVALID_ARGUMENT', /budget/],
    [{ prune: '2:4', calibration: 'table.json' }, 'INVALID_ARGUMENT', /nothing beside prune for calibration/],
    [{ precision: undefined }, 'INVALID_ARGUMENT', /one of int8, int8\+fp16, .*auto for precision/],
    [{ precision: 'fp32' }, 'INVALID_ARGUMENT', /without prune for precision/],
  ] as const)('with %j is refused before anything is read', async (change, code, message) => {
    const output = inFolder('refused');
    const call = optimizeModel('no-such-model.onnx', { data, precision: 'int8', output, ...change } as OptimizeOptions);
    expect(await rejectionOf(call)).toMatchObject({ code, message: expect.stringMatching(message) as string });
  });

  it('that is aborted leaves nothing', async () => {
    const temporary = inFolder('temporary');
    vi.stubEnv('TMPDIR', temporary);
    mkdirSync(temporary);
    const stop = new AbortController();
    const call = optimizeModel(models.classifier, {
      ...half('aborted'),
      signal: stop.signal,
      onProgress: ({ phase, done }) => phase === 'prune' && done === 1 && stop.abort(),
    });
    expect(await rejectionOf(call)).toMatchObject({ code: 'ABORTED' });
    expect(existsSync(inFolder('aborted'))).toBe(false);
    expect(readdirSync(temporary)).toEqual([]);
  });
});
