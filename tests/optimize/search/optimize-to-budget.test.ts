/** `optimizeModel` with a budget, all of it: what is taken, what is told, and that it goes on where it was ended. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDataset } from '../../../lib/dataset/index.js';
import { ModelBundle } from '../../../lib/engine/index.js';
import { optimizeInSteps, optimizeModel, type OptimizationReport, type OptimizeOptions } from '../../../lib/optimize/index.js';
import type { ReportedSearch } from '../../../lib/optimize/search/search-model.js';
import { models, picturesFolder } from '../../cli/foveate.js';
import { rejectionOf } from '../../errors/failure.js';
import { blinded, madeSteps, type Told } from '../made-steps.js';

let folder: string;
let options: OptimizeOptions & { readonly data: string };
const inFolder = (name: string): string => path.join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'foveate-budget-'));
  const data = inFolder('pictures');
  cpSync(picturesFolder, data, { recursive: true });
  options = { data, precision: 'int8', output: inFolder('bundle'), pictures: 4, force: true, threads: 1 };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

/** In a cache of its own. */
function optimized(name: string, changes: Partial<OptimizeOptions>): Promise<OptimizationReport> {
  vi.stubEnv('FOVEATE_CACHE_DIR', inFolder(`cache-${name}`));
  return optimizeModel(models.classifier, { ...options, output: inFolder(name), ...changes });
}
const left = (name: string): string[] => {
  const place = inFolder(`cache-${name}/searches`);
  return existsSync(place) ? readdirSync(place) : [];
};

describe('a budget', () => {
  it('is kept to, and what was taken is judged by other pictures than those that decided', async () => {
    const report = await optimized('kept', { budget: { maxDrop: 0.5 }, exportOnnx: inFolder('kept-exported') });
    const { search } = report;
    expect(search).toMatchObject({ budget: { maxDrop: 0.5 }, metric: 'top-1' });
    for (const { chosen, candidates } of Object.values(search!.forms)) {
      expect(candidates).toContainEqual(chosen);
      expect(chosen!.dropInterval[1]).toBeLessThanOrEqual(0.5);
    }
    const all = readdirSync(options.data, { recursive: true }).filter((name) => /\.(jpg|png)$/.test(String(name))).length;
    expect(search!.pictures).toBeGreaterThanOrEqual(8);
    expect(report.calibration.heldBack + search!.pictures + report.calibration.pictures).toBeLessThanOrEqual(all);
    expect(report.decisions[0]).toMatch(/forms for ONNX Runtime that were measured.*drop of top-1/);
    expect(readFileSync(path.join(inFolder('kept'), 'report', 'report.md'), 'utf8')).toContain('## Measured for the budget');
    // What it kept meanwhile is gone.
    expect(left('kept')).toEqual([]);
  }, 120_000);

  it('that nothing keeps to is told with the nearest, and no bundle is written', async () => {
    const error = await rejectionOf(optimized('missed', { budget: { bytes: 100 } }));
    expect(error).toMatchObject({
      code: 'BUDGET_NOT_MET',
      message: expect.stringMatching(/ONNX Runtime keeps to the budget.*Nearest is INT8.* MB instead of 0\.00 MB/) as string,
    });
    const { forms } = error.details['search'] as ReportedSearch;
    expect(forms.onnxruntime!.candidates.map(({ rung }) => rung)).toContain(0);
    expect(existsSync(inFolder('missed'))).toBe(false);
  }, 120_000);

  it('that FP32 alone keeps to is met by FP32, and that is said everywhere', async () => {
    vi.stubEnv('FOVEATE_CACHE_DIR', inFolder('cache-float'));
    const told: Told = {};
    const exportOnnx = inFolder('float-exported');
    const report = await optimizeInSteps(
      models.classifier,
      { ...options, output: inFolder('float'), budget: { maxDrop: 0.1 }, exportOnnx },
      madeSteps(told, { onnxruntime: blinded, tensorrt: blinded }),
    );
    for (const { chosen, candidates } of Object.values(report.search!.forms)) {
      expect(candidates[0]!.drop).toBeGreaterThan(0.1);
      expect(chosen).toMatchObject({ precision: 'float32', floatMacs: 1 });
    }
    expect(readdirSync(exportOnnx).sort()).toEqual(
      ['onnxruntime', 'tensorrt'].map((form) => `shapes-classifier.${form}.float32.onnx`),
    );
    expect(told.bundle!.forms.map(({ precision }) => precision)).toEqual(['float32', 'float32']);
    expect(told.bundle!.files['report.md']).toContain('FP32 for TensorRT');
  }, 120_000);

  it.each([
    ['cpu', 'onnxruntime', 'tensorrt'],
    ['tensorrt-rtx', 'tensorrt', 'onnxruntime'],
  ] as const)(
    'of mixed precision takes what keeps to 1 %%, for %s alone where that is asked',
    async (device, form, other) => {
      const exportOnnx = inFolder(`${device}-exported`);
      const report = await optimized(device, { precision: 'auto', device, exportOnnx });
      expect(report.search).toMatchObject({ budget: { maxDrop: 0.01 } });
      expect(Object.keys(report.search!.forms)).toEqual([form]);
      const { chosen } = report.search!.forms[form]!;
      expect(chosen!.dropInterval[1]).toBeLessThanOrEqual(0.01);
      expect(report.forms.map((one) => one.form)).toEqual(['float32', form]);
      expect(report.forms[1]!.precision).toBe(chosen!.precision);
      expect(readdirSync(exportOnnx)).toEqual([`shapes-classifier.${form}.${chosen!.precision}.onnx`]);
      for (const { precision, reasons } of report.layers) {
        expect(precision[other]).toBe('float32');
        expect(reasons[other]).toBe('made for another device');
      }
      expect(report.decisions.join(' ')).not.toContain(other === 'tensorrt' ? 'TensorRT' : 'ONNX Runtime');
      expect(report.forms.flatMap(({ latency }) => latency).length > 0).toBe(device === 'cpu');
      const { forms } = (await ModelBundle.open(inFolder(device))).manifest;
      expect(forms[other]).toMatchObject({ precision: 'float32', passes: ['normalize'] });
      if (device !== 'cpu') expect(forms[form].precision).toBe(chosen!.precision);
    },
    120_000,
  );

  it('of mixed precision has FP16 above INT8', async () => {
    const bytes = statSync(models.classifier).size;
    const report = await optimized('mixed', { precision: 'auto', device: 'tensorrt', budget: { bytes: 0.6 * bytes } });
    const { candidates } = report.search!.forms.tensorrt!;
    expect(candidates.map(({ precision }) => precision)).toContain('float16');
    expect(candidates.at(-1)).toMatchObject({ precision: 'float32' });
  }, 120_000);

  it('of size keeps the form that is slower, where FP32 would be too large', async () => {
    const bytes = statSync(models.classifier).size;
    const report = await optimized('small', { precision: 'fp16', budget: { bytes: 0.8 * bytes } });
    expect(report.forms.find(({ form }) => form === 'onnxruntime')).toMatchObject({ shipped: true });
    const { forms } = (await ModelBundle.open(inFolder('small'))).manifest;
    expect(forms.onnxruntime?.precision).toBe('float16');
  }, 120_000);

  it.each([
    ['fp8', 'float8', 0.45],
    ['bf16', 'bfloat16', 0.6],
    ['int4', 'int4', 0.35],
  ] as const)(
    'is kept to in %s, by the forms that there are',
    async (precision, stored, ratio) => {
      const bytes = Math.round(ratio * statSync(models.classifier).size);
      const report = await optimized(precision, { precision, budget: { maxDrop: 0.5, bytes } });
      const { onnxruntime, tensorrt } = report.search!.forms;
      expect(tensorrt!.chosen!.bytes).toBeLessThanOrEqual(bytes);
      const { forms } = (await ModelBundle.open(inFolder(precision))).manifest;
      expect(forms.tensorrt?.precision).toBe(stored);
      const told = report.decisions.join('\n');
      if (precision === 'int4') {
        // FP32 would be too large: the form is kept however fast.
        expect(forms.onnxruntime?.precision).toBe('int4');
      } else {
        expect([forms.onnxruntime?.precision, onnxruntime!.candidates.length, onnxruntime!.chosen!.floatMacs]).toEqual([
          'float32',
          1,
          1,
        ]);
        expect(told).not.toContain('FP32 was taken for the budget');
        expect(told).not.toMatch(/forms for ONNX Runtime that were measured/);
      }
      expect(told).toMatch(/forms for TensorRT that were measured/);
    },
    120_000,
  );

  it('is searched for anew where what was kept is damaged, or nothing can be', async () => {
    const stop = new AbortController();
    const budget = { maxDrop: 0.5 };
    const call = optimized('damaged', {
      budget,
      signal: stop.signal,
      onProgress: ({ phase, done }) => phase === 'search' && done === 1 && stop.abort(),
    });
    expect(await rejectionOf(call)).toMatchObject({ code: 'ABORTED' });
    const [name] = left('damaged') as [string];
    const kept = inFolder(`cache-damaged/searches/${name}/search.json`);
    writeFileSync(kept, readFileSync(kept, 'utf8').slice(0, 20));
    expect((await optimized('damaged', { budget })).search!.forms.tensorrt!.chosen).toBeDefined();
  }, 120_000);

  it('is searched for by one of two at a time, and neither loses anything', async () => {
    const budget = { maxDrop: 0.5 };
    const phases: string[][] = [[], []];
    const reports = await Promise.all(
      phases.map((told, i) =>
        optimized('twice', {
          budget,
          output: inFolder(`twice-${i}`),
          onProgress: ({ phase }) => told.at(-1) !== phase && told.push(phase),
        }),
      ),
    );
    expect(phases.filter((told) => told.includes('wait'))).toHaveLength(1);
    const taken = reports.map(({ search }) => Object.values(search!.forms).map(({ chosen }) => [chosen!.rung, chosen!.drop]));
    expect(taken[1]).toEqual(taken[0]);
    expect(existsSync(inFolder('twice-0')) && existsSync(inFolder('twice-1'))).toBe(true);
    expect(left('twice')).toEqual([]);
  }, 120_000);

  it('is searched for where nothing can be kept', async () => {
    writeFileSync(inFolder('no-folder'), '');
    vi.stubEnv('FOVEATE_CACHE_DIR', inFolder('no-folder'));
    const report = await optimizeModel(models.classifier, { ...options, output: inFolder('unkept'), budget: { maxDrop: 0.5 } });
    expect(report.search!.forms.tensorrt!.chosen).toBeDefined();
  }, 120_000);

  it('goes on where it was ended, and ends with the same', async () => {
    const budget = { maxDrop: 0.01 };
    const whole = await optimized('whole', { budget, exportOnnx: inFolder('whole-exported') });
    // Ended in calibration, while it is measured what each value loses, and after one and after two measurements.
    for (const [phase, done] of [
      ['calibrate', 2],
      ['convert', 8],
      ['search', 1],
      ['search', 2],
    ] as const) {
      const stop = new AbortController();
      const call = optimized('ended', {
        budget,
        exportOnnx: inFolder('ended-exported'),
        signal: stop.signal,
        onProgress: (progress) => progress.phase === phase && progress.done === done && stop.abort(),
      });
      expect(await rejectionOf(call)).toMatchObject({ code: 'ABORTED' });
      expect(left('ended')).toHaveLength(1);
    }
    const ended = await optimized('ended', { budget, exportOnnx: inFolder('ended-exported') });
    const told = (report: OptimizationReport) =>
      Object.values(report.search!.forms).map(({ candidates, chosen }) => [
        candidates.map(({ rung, bytes, drop, dropInterval }) => [rung, bytes, drop, dropInterval]),
        chosen!.rung,
      ]);
    expect(told(ended)).toEqual(told(whole));
    for (const name of readdirSync(inFolder('whole-exported'))) {
      expect(
        readFileSync(inFolder(`ended-exported/${name}`)).equals(readFileSync(inFolder(`whole-exported/${name}`))),
        name,
      ).toBe(true);
    }
    expect(left('ended')).toEqual([]);
  }, 240_000);

  it('goes by labels where there are, each picture on one side alone', async () => {
    const data = inFolder('labelled');
    mkdirSync(data);
    // Copies that differ in bytes behind the picture, which nobody looks at.
    const rows = readFileSync(path.join(picturesFolder, 'classify.csv'), 'utf8').trim().split('\n');
    const copies = rows.slice(1).flatMap((row) => {
      const [name, ...rest] = row.split(',') as [string, ...string[]];
      return Array.from({ length: 8 }, (_, i) => {
        writeFileSync(
          path.join(data, `${i}-${name}`),
          Buffer.concat([readFileSync(path.join(picturesFolder, name)), Buffer.alloc(i + 1)]),
        );
        return [`${i}-${name}`, ...rest].join(',');
      });
    });
    writeFileSync(path.join(data, 'labels.csv'), [rows[0], ...copies].join('\n'));
    const labelled = await openDataset(path.join(data, 'labels.csv'), { images: data });
    const report = await optimized('by-labels', { data, labelled, budget: { maxDrop: 0.4 } });
    expect(report.search).toMatchObject({ metric: 'top1' });
    const { accuracy } = report.forms.find(({ form }) => form === 'tensorrt')!;
    expect(accuracy!.pictures + report.search!.pictures + report.calibration.pictures).toBe(labelled.size);
  }, 120_000);

  it('wants pictures to decide by', async () => {
    const error = await rejectionOf(
      optimized('few', { data: path.join(picturesFolder, 'classify.csv'), budget: { maxDrop: 0.1 }, pictures: 2 }),
    );
    expect(error).toMatchObject({ code: 'DATASET_INVALID', message: expect.stringContaining('to decide by') as string });
  }, 60_000);
});
