/** The way of a model through an optimisation, whose steps are stood in for. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { openDataset } from '../../lib/dataset/index.js';
import { optimizeInSteps, type OptimizationReport, type OptimizeOptions } from '../../lib/optimize/index.js';
import { heldBackPictures } from '../../lib/optimize/held-back.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { example } from '../session/fixtures.js';
import { labelled } from '../tasks/labelled-pictures.js';
import { blinded, madeSteps, sha256Of, slowed, type Told } from './made-steps.js';

const classifier = example('models/shapes-classifier.onnx');
let folder: string;
let data: string;
let options: OptimizeOptions;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-optimize-test-'));
  data = join(folder, 'pictures');
  mkdirSync(data);
  for (const { path } of labelled('classify')) copyFileSync(path, join(data, basename(path)));
  options = { data, precision: 'int8', output: join(folder, 'bundle'), pictures: 2, threads: 1 };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const formOf = (report: OptimizationReport, form: string): OptimizationReport['forms'][number] =>
  report.forms.find((one) => one.form === form)!;
const valuesOf = (report: OptimizationReport, form: string): Record<string, number | null> =>
  Object.fromEntries(formOf(report, form).agreement!.metrics.map(({ name, value }) => [name, value]));

describe('an optimisation', () => {
  it('measures each form on the pictures held back, and writes a bundle with reports', async () => {
    const told: Told = {};
    const phases: string[] = [];
    const report = await optimizeInSteps(
      classifier,
      { ...options, onProgress: ({ phase }) => phases.at(-1) !== phase && phases.push(phase) },
      madeSteps(told, { tensorrt: blinded }),
    );
    expect(phases).toEqual(['normalise', 'calibrate', 'convert', 'latency', 'agreement', 'write']);
    expect(told.calibrated).toEqual({ pictures: 2, seed: 0, force: false, data });
    const all = labelled('classify').length;
    expect(report.calibration).toMatchObject({ pictures: 2, heldBack: all - 2 });
    expect(formOf(report, 'float32')).not.toHaveProperty('agreement');
    expect(formOf(report, 'onnxruntime').agreement).toMatchObject({ pictures: all - 2 });
    expect(valuesOf(report, 'onnxruntime')['top-1']).toBe(1);
    expect(valuesOf(report, 'tensorrt')['top-1']).toBeLessThan(1);
    expect(formOf(report, 'onnxruntime').latency.map(({ threads }) => threads)).toEqual([1]);
    expect(formOf(report, 'tensorrt').latency).toEqual([]);
    expect(formOf(report, 'onnxruntime').sizeRatio).toBeCloseTo(1, 2);
    expect(report.model).toMatchObject({ name: 'shapes-classifier.onnx', sha256: sha256Of(classifier) });
    expect(report.decisions).toContain('1 of 2 layers stay FP32 in the form for TensorRT (1: a test).');
    expect(report.notices.join(' ')).toMatch(/Only 4 pictures were held back.*too narrow.*graph optimisations off/);
    expect(JSON.parse(readFileSync(join(options.output, 'report.json'), 'utf8'))).toEqual(JSON.parse(JSON.stringify(report)));
    expect(readdirSync(options.output).sort()).toEqual(
      ['forms.csv', 'layers.csv', 'onnxruntime.onnx', 'report.html', 'report.json', 'report.md', 'tensorrt.onnx'].sort(),
    );
  });

  it('takes a calibration that was made before: pictures of that are not held back', async () => {
    const table = join(folder, 'table.json');
    const pictures = readdirSync(data).map((name) => ({ sha256: sha256Of(join(data, name)) }));
    writeFileSync(table, JSON.stringify({ pictures: pictures.slice(1), doubts: [{ message: 'Few pictures.' }] }));
    const told: Told = {};
    const report = await optimizeInSteps(classifier, { ...options, pictures: undefined, calibration: table }, madeSteps(told));
    expect(told).toMatchObject({ table });
    expect(told).not.toHaveProperty('calibrated');
    expect(report.calibration).toEqual({ pictures: pictures.length - 1, table: 'table.json', seed: 0, heldBack: 1 });
    expect(report.notices).toContain('Forced: Few pictures.');
  });

  it('says where no picture is left to hold back', async () => {
    const report = await optimizeInSteps(classifier, { ...options, pictures: 100 }, madeSteps({}));
    expect(report.notices[0]).toMatch(/No picture was left/);
    expect(formOf(report, 'onnxruntime')).toMatchObject({ agreement: undefined, latency: [{ threads: 1 }] });
  });

  it('says where no labelled picture is left', async () => {
    const images = example('pictures');
    const labelled = await openDataset(join(images, 'classify.csv'), { images });
    const report = await optimizeInSteps(classifier, { ...options, labelled, pictures: 100 }, madeSteps({}));
    expect(report.notices.join(' ')).toMatch(/Every labelled picture was calibrated with/);
    expect(report.forms.map(({ accuracy }) => accuracy)).toEqual([undefined, undefined, undefined]);
  });

  it('keeps FP32 for ONNX Runtime where the form is slower', async () => {
    const told: Told = {};
    const report = await optimizeInSteps(classifier, options, madeSteps(told, { onnxruntime: (model) => slowed(model, 2000) }));
    expect(formOf(report, 'onnxruntime').latency[0]?.verdict).toBe('slower');
    expect(report.forms.map(({ form, shipped }) => [form, shipped])).toEqual([
      ['float32', true],
      ['onnxruntime', false],
      ['tensorrt', true],
    ]);
    expect(report.decisions[0]).toMatch(/stays FP32: INT8 is slower here/);
    expect(told.bundle?.forms.map(({ precision }) => precision)).toEqual(['float32', 'int8']);
    // What was measured is told all the same.
    expect(valuesOf(report, 'onnxruntime')['top-1']).toBe(1);
    expect(readFileSync(join(options.output, 'onnxruntime.onnx')).includes('later_1')).toBe(false);
  });

  it('evaluates all forms by labels, without the pictures that were calibrated with', async () => {
    const images = example('pictures');
    const dataset = await openDataset(join(images, 'classify.csv'), { images });
    const report = await optimizeInSteps(classifier, { ...options, labelled: dataset }, madeSteps({}, { tensorrt: blinded }));
    const { accuracy } = formOf(report, 'float32');
    expect(accuracy).toMatchObject({ dataset: 'classify.csv', pictures: dataset.size - 2, comparison: [] });
    expect(accuracy?.metrics['top1'] ?? accuracy?.metrics['accuracy']).toBe(1);
    const { comparison } = formOf(report, 'tensorrt').accuracy!;
    const [first] = comparison;
    expect(first?.after).toBeLessThan(first?.before as number);
    expect(first?.difference).toBe((first?.after as number) - (first?.before as number));
  });

  it('writes each form as a plain file where that is asked for', async () => {
    const exportOnnx = join(folder, 'plain', 'int8');
    await optimizeInSteps(classifier, { ...options, exportOnnx }, madeSteps({}));
    expect(readdirSync(exportOnnx).sort()).toEqual([
      'shapes-classifier.onnxruntime.int8.onnx',
      'shapes-classifier.tensorrt.int8.onnx',
    ]);
  });

  it.each(['calibrate', 'convert', 'latency', 'agreement'] as const)('that is aborted (%s) leaves nothing', async (at) => {
    const controller = new AbortController();
    // Of its own: others work in that of the system meanwhile.
    const temporary = join(folder, 'temporary');
    mkdirSync(temporary);
    vi.stubEnv('TMPDIR', temporary);
    const exportOnnx = join(folder, 'plain');
    let used: string[] = [];
    const call = optimizeInSteps(
      classifier,
      {
        ...options,
        exportOnnx,
        signal: controller.signal,
        onProgress: ({ phase }) => {
          if (phase !== at) return;
          used = readdirSync(temporary);
          controller.abort();
        },
      },
      madeSteps({}),
    );
    expectFailure(await rejectionOf(call), 'ABORTED', /./);
    vi.unstubAllEnvs();
    expect(existsSync(options.output)).toBe(false);
    expect(readdirSync(exportOnnx)).toEqual([]);
    expect(used).toHaveLength(1);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('refuses what it cannot do before the model is opened', async () => {
    for (const [change, code, name] of [
      [{ precision: 'int2' }, 'INVALID_ARGUMENT', /(int8|fp16).*precision/],
      [{ pictures: 0 }, 'INVALID_ARGUMENT', /pictures/],
      [{ pictures: 2, calibration: 'table.json' }, 'INVALID_ARGUMENT', /nothing beside a calibration/],
      [{ threads: 0.5 }, 'INVALID_ARGUMENT', /threads/],
      [{ seed: -1 }, 'INVALID_ARGUMENT', /seed/],
      [{ device: 'cuda' }, 'INVALID_ARGUMENT', /cpu.*tensorrt/],
      [{ device: 'tensorrt', budget: { latencyMs: 5 } }, 'INVALID_ARGUMENT', /tensorrt, which is not timed/],
      [{ label: 'x' }, 'UNKNOWN_OPTION', /label/],
      [{ exportOnnx: join(classifier, 'in-a-file') }, 'OUTPUT_NOT_WRITABLE', /in-a-file/],
      ...(process.platform === 'linux' ? ([[{ exportOnnx: '/proc/x' }, 'OUTPUT_NOT_WRITABLE', /\/proc\/x/]] as const) : []),
    ] as const) {
      const call = optimizeInSteps(classifier, { ...options, ...change } as OptimizeOptions, madeSteps({}));
      expectFailure(await rejectionOf(call), code, name);
    }
    const images = example('pictures');
    const objects = await openDataset(join(images, 'detect.json'), { images });
    const call = optimizeInSteps(classifier, { ...options, labelled: objects }, madeSteps({}));
    expectFailure(await rejectionOf(call), 'DATASET_UNSUPPORTED', /classify.*detect/);
  });
});

describe('pictures held back', () => {
  it('are told by content, each once, in an order that names do not change', async () => {
    const paths = readdirSync(data).map((name) => join(data, name));
    copyFileSync(paths[0] as string, join(data, 'copy.jpg'));
    const renamed = join(folder, 'renamed');
    mkdirSync(renamed);
    paths.toReversed().forEach((path, i) => copyFileSync(path, join(renamed, `${i}.jpg`)));
    const calibrated = new Set([sha256Of(paths[1] as string)]);
    const hashes = async (list: readonly string[], seed: number): Promise<string[]> =>
      (await heldBackPictures(list, (sha256) => calibrated.has(sha256), seed, undefined)).map(sha256Of);
    const first = await hashes([...paths, join(data, 'copy.jpg'), join(data, 'gone.jpg')], 0);
    expect(first).toHaveLength(paths.length - 1);
    expect(new Set(first).size).toBe(first.length);
    expect(first).not.toContain([...calibrated][0]);
    expect(
      await hashes(
        readdirSync(renamed).map((name) => join(renamed, name)),
        0,
      ),
    ).toEqual(first);
    const other = await hashes(paths, 1);
    expect(other).not.toEqual(first);
    expect(other.toSorted()).toEqual(first.toSorted());
  });
});
