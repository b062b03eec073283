/** Which nodes of real models become integers, against what ONNX Runtime makes of the forms: see tests/reference/precision/forms.py. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { normalizeModel, parseModel } from '../../lib/graph/index.js';
import { evaluateConstants } from '../../lib/optimize/evaluate-constants.js';
import { nothingKept, planFloat8, planOnnxRuntime, planTensorRt, Structure, type FormPlan } from '../../lib/precision/index.js';
import { folders } from '../graph/models.js';
import { example } from '../session/fixtures.js';

type Counts = Readonly<Record<string, number>>;

interface Answer {
  readonly planned: { readonly onnxruntime: Counts; readonly tensorrt: Counts; readonly float8: Counts };
  readonly optimized: Counts;
  readonly requantized: readonly string[];
}

const file = new URL('../reference/fixtures/forms.json', import.meta.url);
const answers = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, Answer>);

function pathOf(name: string): string {
  return path.join(name.startsWith('shapes-') ? example('models') : folders.shared, `${name}.onnx`);
}

const present = answers.filter(([name]) => existsSync(pathOf(name)));
if (present.length < answers.length) console.warn(`SKIPPED: there is no ${folders.shared}, so only example models are planned`);

function operators({ int8 }: FormPlan): Counts {
  const counts: Record<string, number> = {};
  for (const { opType } of int8) counts[opType] = (counts[opType] ?? 0) + 1;
  return counts;
}

describe('plans', () => {
  it.each(present)('of %s', async (name, { planned }) => {
    const { proto } = parseModel(new Uint8Array(readFileSync(pathOf(name))));
    const structure = new Structure(await normalizeModel(proto, { evaluate: evaluateConstants }));
    const found = {
      onnxruntime: operators(planOnnxRuntime(structure, nothingKept)),
      tensorrt: operators(planTensorRt(structure, nothingKept)),
      float8: operators(planFloat8(structure, nothingKept)),
    };
    // Otherwise what ONNX Runtime made of the forms is of others: run tests/reference/precision/forms.py again.
    expect(found).toEqual(planned);
  });
});

describe('ONNX Runtime', () => {
  const kernels = {
    Conv: 'QLinearConv',
    Gemm: 'QGemm',
    Add: 'QLinearAdd',
    Mul: 'QLinearMul',
    Sigmoid: 'QLinearSigmoid',
    Concat: 'QLinearConcat',
    GlobalAveragePool: 'QLinearGlobalAveragePool',
    MaxPool: 'NhwcMaxPool',
  };
  it.each(answers)('computes in integers what was planned of %s, and no more', (_, { planned, optimized, requantized }) => {
    for (const [operator, kernel] of Object.entries(kernels)) {
      expect(optimized[kernel] ?? 0, kernel).toBe(planned.onnxruntime[operator] ?? 0);
    }
    expect(requantized).toEqual([]);
  });
});
