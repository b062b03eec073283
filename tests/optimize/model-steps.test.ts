/** The steps of `foveate optimize`, all of them: from a model and pictures to a bundle that runs. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeModel, normalizeModel, parseModel, writeModel, type ModelProto } from '../../lib/graph/index.js';
import { ModelBundle, type EngineBundle } from '../../lib/engine/index.js';
import { evaluateConstants } from '../../lib/optimize/evaluate-constants.js';
import { methods } from '../../lib/optimize/methods.js';
import { modelSteps } from '../../lib/optimize/model-steps.js';
import { optimizeModel } from '../../lib/optimize/index.js';
import { quantizedForms } from '../../lib/optimize/quantized-layer.js';
import { TappedSession } from '../../lib/optimize/tapped-session.js';
import { CalibrationTable, calibrationPoints, planInt4, Structure, writeWeightOnlyForm } from '../../lib/precision/index.js';
import { buildEngine, loadTask, type Classifier } from '../../lib/tasks/index.js';
import { rtx, rtxPresent, useOwnCache } from '../engine/rtx.js';
import { rejectionOf } from '../errors/failure.js';
import { graphModel, node, scales, value, weights } from '../graph/made-graphs.js';
import { models, picture, picturesFolder } from '../cli/foveate.js';
import { limits, Made } from './made-layers.js';
import { sampleOf, statisticsOf } from './quantized.js';

let folder: string;
let bundle: string;
const inFolder = (name: string): string => path.join(folder, name);
const options = { data: picturesFolder, precision: 'int8', pictures: 5, force: true, threads: 1 } as const;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'foveate-int8-'));
  bundle = inFolder('bundle');
  await optimizeModel(models.classifier, { ...options, output: bundle, exportOnnx: inFolder('exported') });
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a bundle', () => {
  it('tells what the model does', async () => {
    await using float = (await loadTask(models.classifier)) as Classifier;
    await using int8 = (await loadTask(bundle)) as Classifier;
    for (const name of ['star.jpg', 'ring.jpg', 'cross.jpg']) {
      const [wanted, found] = [await float.classify(picture(name)), await int8.classify(picture(name))];
      expect(found.top.label, name).toBe(wanted.top.label);
    }
  });

  it('holds the forms that were exported, a quarter of the model each', async () => {
    const { manifest, form } = await openBundle();
    expect(Object.keys(manifest.forms)).toEqual(['onnxruntime', 'tensorrt']);
    const bytes = readFileSync(models.classifier).length;
    for (const name of ['tensorrt', 'onnxruntime'] as const) {
      // Where the speed guard keeps FP32, the bundle holds that.
      if (manifest.forms[name]?.precision !== 'int8') continue;
      const exported = readFileSync(inFolder(`exported/shapes-classifier.${name}.int8.onnx`));
      expect(exported.equals(readFileSync(form(name))), name).toBe(true);
      expect(exported.length / bytes).toBeLessThan(0.3);
    }
  });

  it('tells of each form what was corrected', async () => {
    const { manifest } = await openBundle();
    expect(manifest.decisions.filter((decision) => /^(Biases|Weights) .* ONNX Runtime/.test(decision))).toHaveLength(1);
    expect(manifest.decisions.filter((decision) => /^(Biases|Weights) .* TensorRT/.test(decision))).toHaveLength(1);
  });

  it('is no model to optimise', async () => {
    const error = await rejectionOf(optimizeModel(bundle, { ...options, output: inFolder('again') }));
    expect(error).toMatchObject({ code: 'MODEL_UNSUPPORTED', hint: expect.stringContaining('FP32') as string });
  });

  async function openBundle(): Promise<{
    manifest: ModelBundle['manifest'];
    form: (name: 'onnxruntime' | 'tensorrt') => string;
  }> {
    const opened = await ModelBundle.open(bundle);
    return { manifest: opened.manifest, form: (name) => opened.form(name) as string };
  }
});

describe('FP16', () => {
  const half = { ...options, precision: 'fp16', pictures: 5 } as const;

  it('is half the size, tells the same, and goes by every value', async () => {
    const output = inFolder('half');
    const report = await optimizeModel(models.classifier, { ...half, output, exportOnnx: inFolder('half-exported') });
    const exported = readFileSync(inFolder('half-exported/shapes-classifier.tensorrt.float16.onnx'));
    expect(exported.length / readFileSync(models.classifier).length).toBeLessThan(0.55);
    expect(parseModel(new Uint8Array(exported)).inputs[0]!.dtype).toBe('float32');
    const { manifest } = await ModelBundle.open(output);
    expect(manifest.forms.tensorrt?.precision).toBe('float16');
    const agreement = report.forms.find(({ form }) => form === 'tensorrt')!.agreement!;
    expect(agreement.metrics.find(({ name }) => name === 'top-1')?.value).toBe(1);
    await using task = (await loadTask(output)) as Classifier;
    expect((await task.classify(picture('star.jpg'))).top.label).toBe('star');
    const [all, layers] = await Promise.all(
      [output, bundle].map((one) => CalibrationTable.read(path.join(one, 'calibration.json'))),
    );
    expect(all!.tensors.length).toBeGreaterThan(layers!.tensors.length);
    const again = {
      ...half,
      pictures: undefined,
      output: inFolder('half-again'),
      calibration: path.join(output, 'calibration.json'),
    };
    await optimizeModel(models.classifier, { ...again, exportOnnx: inFolder('half-again-exported') });
    expect(readFileSync(inFolder('half-again-exported/shapes-classifier.tensorrt.float16.onnx')).equals(exported)).toBe(true);
  }, 120_000);

  it('does not go by a table of the layers alone', async () => {
    const calibration = path.join(bundle, 'calibration.json');
    const call = optimizeModel(models.classifier, {
      ...half,
      pictures: undefined,
      output: inFolder('half-of-layers'),
      calibration,
    });
    expect(await rejectionOf(call)).toMatchObject({
      code: 'CALIBRATION_INVALID',
      hint: expect.stringContaining('--tensors all') as string,
    });
  });
});

describe('INT8 and FP16', () => {
  it('is INT8 for ONNX Runtime, and mixed for TensorRT, in the bundle, the report and the file', async () => {
    const [output, exportOnnx] = [inFolder('mixed'), inFolder('mixed-exported')];
    const report = await optimizeModel(models.classifier, { ...options, precision: 'int8+fp16', output, exportOnnx });
    const exported = readFileSync(path.join(exportOnnx, 'shapes-classifier.tensorrt.mixed.onnx'));
    const { inputs, graph } = parseModel(new Uint8Array(exported));
    expect(inputs[0]!.dtype).toBe('float32');
    expect([...graph.initializers.values()].some(({ dtype }) => dtype === 'float16')).toBe(true);
    const { manifest } = await ModelBundle.open(output);
    expect(manifest.forms).toMatchObject({
      onnxruntime: { precision: 'int8' },
      tensorrt: { precision: 'mixed', passes: ['normalize', 'int8 for tensorrt', 'float16'] },
    });
    expect(report.layers.filter(({ precision }) => precision.tensorrt === 'float32')).toEqual([]);
    expect(readFileSync(path.join(output, 'report', 'report.md'), 'utf8')).toContain('INT8 and FP16 for TensorRT');
    expect(report.notices).toContainEqual(expect.stringContaining('rounded to 16 bits'));
    const agreement = report.forms.find(({ form }) => form === 'tensorrt')!.agreement!;
    expect(agreement.metrics.find(({ name }) => name === 'top-1')?.value).toBeGreaterThan(0.9);
  }, 120_000);
});

describe.each([
  ['bf16', 'bfloat16', 0.55, /layers stay FP32 in the form for ONNX Runtime \(\d+: CPUs have no BF16\)/],
  ['fp8', 'float8', 0.4, /layers stay FP32 in the form for ONNX Runtime \(\d+: CPUs have no FP8\)/],
  ['int4', 'int4', 0.3, /^2 of 11 layers stay FP32 in the form for either engine \(2: few weights\)\.$/],
] as const)('%s', (precision, stored, ratio, decision) => {
  it('is smaller, tells the same, and says what ONNX Runtime gets', async () => {
    const [output, exportOnnx] = [inFolder(stored), inFolder(`${stored}-exported`)];
    const report = await optimizeModel(models.classifier, { ...options, precision, output, exportOnnx });
    const exported = readFileSync(path.join(exportOnnx, `shapes-classifier.tensorrt.${stored}.onnx`));
    expect(exported.length / readFileSync(models.classifier).length).toBeLessThan(ratio);
    expect(parseModel(new Uint8Array(exported)).inputs[0]!.dtype).toBe('float32');
    const { manifest } = await ModelBundle.open(output);
    expect(manifest.forms.tensorrt).toMatchObject({ precision: stored, passes: ['normalize', stored] });
    if (precision !== 'int4') {
      expect(manifest.forms.onnxruntime).toMatchObject({ precision: 'float32', passes: ['normalize'] });
      expect(readFileSync(path.join(output, 'report', 'report.md'), 'utf8')).toContain('FP32 for ONNX Runtime');
    }
    const agreement = report.forms.find(({ form }) => form === 'tensorrt')!.agreement!;
    // One of twelve pictures may be told otherwise in four bits.
    expect(agreement.metrics.find(({ name }) => name === 'top-1')?.value).toBeGreaterThan(precision === 'int4' ? 0.9 : 0.99);
    expect(
      report.decisions.some((sentence) => decision.test(sentence)),
      report.decisions.join('\n'),
    ).toBe(true);
    await using task = (await loadTask(output)) as Classifier;
    expect((await task.classify(picture('star.jpg'))).top.label).toBe('star');
  }, 120_000);
});

describe.skipIf(!rtxPresent)('TensorRT-RTX', () => {
  const built = useOwnCache();

  // Depthwise, transposed and grouped convolutions, matrix products, and what takes no bfloat16.
  const made = new Made()
    .conv('x', 'a', [16, 32, 3])
    .add(node('HardSwish', 'a', 'h'))
    .conv('h', 'd', [32, 32, 3], { group: 32 })
    .add(node('Clip', ['d', 'min', 'max'], 'c'))
    .conv('c', 'e', [32, 64, 3])
    .add(node('ConvTranspose', ['e', 't.w'], 't', { kernel_shape: [2, 2], strides: [2, 2] }))
    .conv('t', 'g', [64, 64, 3], { group: 2 })
    .add(node('ReduceMean', 'g', 'm', { axes: [2, 3], keepdims: 0 }), node('Gemm', ['m', 'y.w', 'y.b'], 'y', { transB: 1 }))
    .with(...limits(0, 6), weights('t.w', [64, 64, 2, 2]), weights('y.w', [96, 64]), weights('y.b', [96]));

  const engineOf = async (name: string, model: ModelProto): Promise<EngineBundle> => {
    const file = inFolder(`${name}.onnx`);
    await writeModel(model, file);
    return (await buildEngine(file, { ...rtx, bake: false, output: path.join(built.folder(), name) })).bundle;
  };
  const storedIn = (model: ModelProto): string[] =>
    [...parseModel(encodeModel(model)).graph.initializers.values()].map(({ dtype }) => dtype);

  it.each([
    ['int8+fp16', 'int8', 'Int8'],
    ['int8+fp16', 'float16', 'Half'],
    ['bf16', 'bfloat16', 'BFloat16'],
    ['fp8', 'float8e4m3fn', 'FP8'],
    // What is in four bits is dequantised on the way, and read as Float, as anything may be.
    ['int4', 'int4', undefined],
  ] as const)(
    'takes what is written in %s, with %s',
    async (precision, stored, read) => {
      const model = await normalizeModel(graphModel(made.graph()), { evaluate: evaluateConstants });
      const samples = [1, 2, 3].map((seed) => sampleOf(model, seed));
      const { tensorrt } = await methods[precision].convert(model, await statisticsOf(model, samples), samples, {
        forms: quantizedForms,
      });
      expect(storedIn(tensorrt)).toContain(stored);
      const layers = await (await engineOf(`${precision} ${stored}`, tensorrt)).layers();
      const types = layers.flatMap(({ inputs }) => inputs.map(({ dtype }) => dtype));
      if (read !== undefined) expect(types).toContain(read);
    },
    120_000,
  );

  it('keeps weights of four bits packed in the engine', async () => {
    const one = new Made()
      .conv('x', 'a', [16, 16, 3])
      .add(node('Flatten', 'a', 'f'), node('Gemm', ['f', 'y.w', 'y.b'], 'y', { transB: 1 }))
      .with(weights('y.w', [512, 2304]), weights('y.b', [512]));
    const model = await normalizeModel(graphModel(one.graph()), { evaluate: evaluateConstants });
    const structure = new Structure(model);
    const { int4 } = await planInt4(structure);
    const form = writeWeightOnlyForm(model, structure, int4);
    expect(storedIn(form).filter((dtype) => dtype === 'int4')).toHaveLength(1);
    const [before, after] = [await engineOf('float', model), await engineOf('packed', form)];
    const saved = before.manifest.engine.bytes - after.manifest.engine.bytes;
    // Of bytes in float32, eight bits would save three quarters at most.
    expect(saved / (4 * 512 * 2304)).toBeGreaterThan(0.77);
  }, 120_000);
});

describe('a calibration table', () => {
  const table = (): Promise<CalibrationTable> => CalibrationTable.read(path.join(bundle, 'calibration.json'));

  it('gives the same forms again', async () => {
    const again = { ...options, output: inFolder('second'), exportOnnx: inFolder('second-exported') };
    await optimizeModel(models.classifier, { ...again, pictures: undefined, calibration: path.join(bundle, 'calibration.json') });
    for (const form of ['onnxruntime', 'tensorrt']) {
      const name = `shapes-classifier.${form}.int8.onnx`;
      expect(readFileSync(inFolder(`second-exported/${name}`)).equals(readFileSync(inFolder(`exported/${name}`))), form).toBe(
        true,
      );
    }
  }, 120_000);

  it('of other pictures corrects nothing: those that there are judge the forms', async () => {
    const others = inFolder('others');
    mkdirSync(others);
    for (const name of readdirSync(picturesFolder)) {
      // Bytes after the end of a picture make another file of it.
      const bytes = readFileSync(path.join(picturesFolder, name));
      writeFileSync(path.join(others, name), Buffer.concat([bytes, Buffer.from('another')]));
    }
    const calibration = path.join(bundle, 'calibration.json');
    const output = inFolder('of-others');
    const { decisions } = await optimizeModel(models.classifier, {
      ...options,
      data: others,
      output,
      pictures: undefined,
      calibration,
    });
    expect(decisions.filter((decision) => /^(Biases|Weights) /.test(decision))).toEqual([]);
  }, 120_000);

  it('of another model is refused', async () => {
    const calibration = path.join(bundle, 'calibration.json');
    const other = optimizeModel(models.segmenter, { ...options, output: inFolder('other'), pictures: undefined, calibration });
    expect(await rejectionOf(other)).toMatchObject({
      code: 'CALIBRATION_INVALID',
      message: expect.stringContaining('another model') as string,
    });
  });

  it('that was interrupted is refused', async () => {
    const { model, preprocess, seed, pictures, tensors, doubts } = await table();
    const partial = inFolder('partial.json');
    await new CalibrationTable({ model, preprocess, seed, pictures, tensors, doubts, wanted: pictures.length + 1 }).save(partial);
    const error = await rejectionOf(
      optimizeModel(models.classifier, { ...options, output: inFolder('partial'), pictures: undefined, calibration: partial }),
    );
    expect(error).toMatchObject({
      code: 'CALIBRATION_INVALID',
      message: expect.stringContaining('5 of 6') as string,
      hint: expect.stringContaining('--resume') as string,
    });
  });
});

describe('the normalised model', () => {
  // Batch normalisation is folded into weights, which passes have to read for it.
  const made = graphModel({
    inputs: { x: [1, 64, 8, 8] },
    nodes: [
      node('Conv', ['x', 'w'], 'a'),
      node('BatchNormalization', ['a', 's', 'b', 'm', 'v'], 'n'),
      node('Relu', 'n', 'r'),
      node('Conv', ['r', 'w2', 'v2'], 'y'),
    ],
    constants: [
      weights('w', [64, 64, 3, 3]),
      ...[weights('s', [64]), weights('b', [64]), weights('m', [64])],
      scales(
        'v',
        Array.from({ length: 64 }, (_, i) => 1 + i),
      ),
      ...[weights('w2', [64, 64, 3, 3]), weights('v2', [64])],
    ],
  });

  it('is the same where weights are in another file, and calibration looks at its values', async () => {
    const [within, beside] = [inFolder('within.onnx'), inFolder('beside.onnx')];
    await writeModel(made, within, { externalData: 'never' });
    await writeModel(made, beside, { externalData: 'always' });
    expect(readFileSync(beside).length).toBeLessThan(readFileSync(within).length / 4);
    const [one, other] = [await modelSteps.normalize(within, 'int8', {}), await modelSteps.normalize(beside, 'int8', {})];
    const contents = (model: ModelProto) => {
      const { nodes, initializers } = parseModel(encodeModel(model)).graph;
      return {
        nodes: nodes.map(({ opType, inputs, outputs }) => [opType, inputs, outputs]),
        constants: [...initializers].map(([name, { dims, data }]) => [name, dims, data]),
      };
    };
    expect(contents(one).nodes.map(([opType]) => opType)).toEqual(['Conv', 'Relu', 'Conv']);
    expect(contents(other)).toEqual(contents(one));
    for (const file of [within, beside]) {
      await using tapped = await TappedSession.open(file, 'layers', {}, 1);
      expect(tapped.points).toEqual(calibrationPoints(one));
    }
  });

  it('of a fixed batch has the values that calibration looks at', async () => {
    const batch = graphModel({
      inputs: { x: [4, 16, 8, 8] },
      nodes: [
        node('Conv', ['x', 'w', 'v'], 'a'),
        node('Relu', 'a', 'r'),
        node('GlobalAveragePool', 'r', 'p'),
        node('Flatten', 'p', 'f'),
        node('Gemm', ['f', 'g', 'h'], 'y', { transB: 1 }),
      ],
      constants: [weights('w', [16, 16, 3, 3]), weights('v', [16]), weights('g', [10, 16]), weights('h', [10])],
      outputs: [value('y', [4, 10])],
    });
    const file = inFolder('batch.onnx');
    writeFileSync(file, encodeModel(batch));
    await using tapped = await TappedSession.open(file, 'layers', {}, 1);
    expect(tapped.points).toEqual(calibrationPoints(await modelSteps.normalize(file, 'int8', {})));
  });

  it('without layers is refused, before any picture is read', async () => {
    const none = graphModel({ inputs: { x: [1, 3, 8, 8] }, nodes: [node('Relu', 'x', 'y')] });
    expect(() => calibrationPoints(none)).toThrow(/no layer that can be quantised/);
    expect(await rejectionOf(TappedSession.open(encodeModel(none), 'layers', {}, 1))).toMatchObject({
      code: 'MODEL_UNSUPPORTED',
    });
  });
});
