/** `foveate optimize`, with steps that are stood in for. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { exitCodeOf } from '../../lib/cli/exit.js';
import { Invocation } from '../../lib/cli/invocation.js';
import { addOptimize } from '../../lib/cli/optimize.js';
import type { OptimizationReport } from '../../lib/optimize/index.js';
import { rejectionOf } from '../errors/failure.js';
import { madeSteps, type Told } from '../optimize/made-steps.js';
import { models, picturesFolder } from './foveate.js';

let folder: string;
let told: Told;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-cli-optimize-'));
  told = {};
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Called {
  readonly out: string;
  readonly lines: readonly string[];
  readonly invocation: Invocation;
}

/** `foveate optimize ARGS` in this process. */
async function optimize(...args: readonly string[]): Promise<Called> {
  const all = ['optimize', ...args];
  const invocation = new Invocation(all);
  let out = '';
  const lines: string[] = [];
  vi.spyOn(invocation, 'out').mockImplementation((text) => void (out += text));
  vi.spyOn(invocation, 'tell').mockImplementation((line) => void lines.push(line));
  const program = new Command('foveate').exitOverride().configureOutput({ outputError: () => {} });
  addOptimize(program, invocation, () => Promise.resolve(madeSteps(told)));
  for (const command of program.commands) command.exitOverride().configureOutput({ outputError: () => {} });
  await program.parseAsync(all, { from: 'user' });
  return { out, lines, invocation };
}

const call = (): string[] => [models.classifier, '--data', picturesFolder, '--precision', 'int8', '-o', join(folder, 'bundle')];

describe('foveate optimize', () => {
  it('prints the table before and after, and what it does meanwhile', async () => {
    const { out, lines, invocation } = await optimize(...call(), '--pictures', '3', '--seed', '7', '--threads', '1', '--force');
    expect(told.calibrated).toEqual({ pictures: 3, seed: 7, force: true, data: picturesFolder });
    expect(out).toMatch(/^shapes-classifier\.onnx in INT8\n/);
    expect(out).toMatch(/FP32 +INT8 for ONNX Runtime +INT8 for TensorRT/);
    expect(out).toMatch(/Latency, 1 thread +[\d.]+ ms +[\d.]+ ms {2}\([\d.]+x, (faster|slower|same)\) +\u2013/);
    expect(out).toMatch(/Top-1 +\u2013 +1\.000/);
    expect(lines.filter((line) => /^[A-Z]/.test(line))).toEqual([
      ...['Reading the model', 'Calibrating', 'Converting', 'Measuring latency'],
      ...[
        'Comparing with FP32: the form for ONNX Runtime',
        'Comparing with FP32: the form for TensorRT',
        'Writing',
        `Written to ${join(folder, 'bundle')}`,
      ],
    ]);
    // What is no picture was passed over, and that is told.
    expect(out).toMatch(/held back could not be read/);
    expect(invocation.exitCode).toBe(4);
    expect(readdirSync(join(folder, 'bundle'))).toContain('report.html');
  });

  it('prints one JSON document, and is quiet when asked to be', async () => {
    const { out, lines } = await optimize(...call(), '--json', '-q', '--threads', '1');
    const report = JSON.parse(out) as OptimizationReport;
    expect(report).toMatchObject({ format: 1, task: 'classify', precision: 'int8' });
    expect(report.forms.map(({ form }) => form)).toEqual(['float32', 'onnxruntime', 'tensorrt']);
    expect(lines).toEqual([]);
  });

  it('evaluates by labels', async () => {
    const labels = join(picturesFolder, 'classify.csv');
    const { out } = await optimize(
      ...call(),
      '--labels',
      labels,
      '--images',
      picturesFolder,
      '--pictures',
      '1',
      '--threads',
      '1',
    );
    expect(out).toMatch(/top1 +1\.000 +1\.000 {2}\(\+0\.000, none that shows\)/);
  });

  it('takes a budget, and says what is nearest where nothing keeps to it', async () => {
    vi.stubEnv('FOVEATE_CACHE_DIR', join(folder, 'cache'));
    const budget = ['--pictures', '1', '--threads', '1', '--force'];
    const { out } = await optimize(...call(), ...budget, '--max-drop', '60%', '--target-size', '5MB');
    expect(out).toMatch(/Measured for the budget\n +Form for +Layers +File +Latency +Drop +Interval/);
    expect(out).toMatch(/ONNX Runtime +INT8 .* taken\n/);
    const error = await rejectionOf(optimize(...call(), ...budget, '--target-fps', '1000000'));
    expect(error).toMatchObject({
      code: 'BUDGET_NOT_MET',
      message: expect.stringMatching(/Nearest .* instead of 0\.001 ms/) as string,
    });
    expect(exitCodeOf(error)).toBe(1);
    vi.unstubAllEnvs();
  });

  it('generates pictures where there are none, and then measures by labels alone', async () => {
    const none = [models.classifier, '--data-free', '--precision', 'int8', '-o', join(folder, 'none'), '--threads', '1'];
    const labels = ['--labels', join(picturesFolder, 'classify.csv'), '--images', picturesFolder];
    const { out, lines } = await optimize(...none, ...labels, '--pictures', '16', '--seed', '7');
    expect(told.calibrated).toEqual({ pictures: 16, seed: 7, force: true, data: expect.stringMatching(/generated$/) as string });
    expect(out).toMatch(/No pictures were given: ranges are those of generated ones/);
    expect(out).toMatch(/top1 +1\.000 +1\.000 {2}\(\+0\.000, none that shows\)/);
    expect(lines).toContain('Generating pictures');
    expect(lines.join()).not.toContain('Comparing with FP32');
  });

  it.each([
    ['cpu', 'onnxruntime'],
    ['tensorrt', 'tensorrt'],
    ['tensorrt-rtx', 'tensorrt'],
  ] as const)('makes a form for one engine alone with --device %s', async (device, made) => {
    const { out } = await optimize(...call(), '--device', device, '--threads', '1', '--json', '-q');
    const report = JSON.parse(out) as OptimizationReport;
    expect(report.forms.map(({ form }) => form)).toEqual(['float32', made]);
    const other = told.bundle!.forms.find(({ form }) => form !== made);
    expect(other?.precision).toBe('float32');
    // Where that for ONNX Runtime is slower, it stays FP32.
    const isFloat = device === 'cpu' && !report.forms[1]!.shipped;
    expect(told.bundle!.forms.find(({ form }) => form === made)?.precision).toBe(isFloat ? 'float32' : 'int8');
    expect(report.decisions.join()).not.toMatch(/another device/);
  });

  it('prunes, alone or before a precision, and says what that is worth', async () => {
    const alone = [models.classifier, '--data', picturesFolder, '-o', join(folder, 'alone'), '--threads', '1'];
    const { out, lines } = await optimize(...alone, '--prune', 'magnitude:0.5');
    expect(out).toMatch(/^shapes-classifier\.onnx pruned \(magnitude:0\.5\)\n/);
    expect(out).toMatch(/\n +FP32 +FP32, pruned\n/);
    expect(out).toMatch(/Packed by gzip +[\d.]+ MB +[\d.]+ MB {2}\(0\.\d\dx\)\n/);
    expect(out).toMatch(/Decided\n +Pruning 50 % of the weights .* It gained/);
    expect(lines).toContain('Comparing with FP32: the pruned model');
    expect(lines).not.toContain('Calibrating');
    const both = await optimize(...call(), '--threads', '1', '--prune', '2:4', '--json', '-q');
    const report = JSON.parse(both.out) as OptimizationReport;
    expect(report).toMatchObject({ precision: 'int8', pruning: { scheme: '2:4' } });
    expect(report.forms.map(({ form }) => form)).toEqual(['float32', 'pruned', 'onnxruntime', 'tensorrt']);
  });

  it('hands on how the model is opened', async () => {
    const error = await rejectionOf(optimize(...call(), '--task', 'segment'));
    expect(error).toMatchObject({ code: 'MODEL_UNSUPPORTED' });
  });

  it('refuses what it does not know', async () => {
    for (const [args, message] of [
      [[models.classifier, '--precision', 'int8', '-o', 'x'], /--data/],
      [[...call(), '--precision', 'int3'], /int8/],
      [[...call(), '--prune', 'magnitude:0.1'], /from 0\.3 to 0\.9 for prune/],
      [call().filter((arg) => arg !== '--precision' && arg !== 'int8'), /one of int8, int8\+fp16, .*auto for precision/],
      [[...call(), '--pictures', 'many'], /whole number/],
      [[...call(), '--data-free'], /--data-free.*cannot be used with.*--data/],
      [[...call(), '--device', 'cuda'], /cpu, tensorrt, tensorrt-rtx/],
      [[...call(), '--device', 'tensorrt', '--target-latency', '5ms'], /tensorrt, which is not timed/],
      [[...call(), '--split', 'val'], /--split/],
      [[...call(), '--resume'], /resume/],
    ] as const) {
      await expect(optimize(...args)).rejects.toThrow(message);
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  it('ends in order when it is interrupted', async () => {
    const spy = vi.spyOn(Invocation.prototype, 'signal', 'get').mockReturnValue(AbortSignal.abort());
    const error = await rejectionOf(optimize(...call()));
    spy.mockRestore();
    expect(error).toMatchObject({ code: 'ABORTED' });
    expect(readdirSync(folder)).toEqual([]);
  });
});
