/** What a graph does with boxes, told by its end: outputs of one shape that are to be read in different ways. */
import { describe, expect, it } from 'vitest';
import { graphModel, integers, node, value } from '../graph/made-graphs.js';
import { encodeModel, parseModel } from '../../lib/graph/index.js';
import type { RawFrame } from '../../lib/image/index.js';
import { boxDecoding } from '../../lib/tasks/heads/box-decoding.js';
import { Detector, type DetectorOptions } from '../../lib/tasks/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { assembled, decodedYolox, floats, last, scatteredYolox, seeded, side, yolov6, yolox } from './grid-heads.js';
import { constantModel } from './made-models.js';

const labels = ['cat', 'dog'];
const rawYolox = [...yolox(), last('Identity', 'raw')];

/** Colours that differ from cell to cell. */
const colours: RawFrame = {
  data: Uint8Array.from({ length: 128 * 96 * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % 128, Math.floor(i / 384)];
    return [x * 2, y * 2.6, (x * y) % 256][i % 3] as number;
  }),
  width: 128,
  height: 96,
  format: 'rgb',
};

const load = (bytes: Uint8Array, options: DetectorOptions = {}): Promise<Detector> =>
  Detector.load(bytes, { labels, threads: 1, ...options });

describe('a YOLOX that decodes in the graph', () => {
  it.each([
    ['put together', decodedYolox],
    ['assigned in place', scatteredYolox],
  ])('finds what it finds where foveate decodes: %s', async (_, parts) => {
    await using raw = await load(assembled(rawYolox).bytes);
    await using decoded = await load(assembled(parts).bytes);
    expect([raw.head, decoded.head]).toEqual(['yolox', 'yolov5']);
    expect(raw.preprocess.options).toMatchObject({ color: 'bgr', scale: 1, anchor: 'top-left' });
    expect(decoded.preprocess).toEqual(raw.preprocess);
    expect(decoded.preprocessSource).toBe('preset yolox');
    const options = { scoreThreshold: 0.2 };
    const [expected, found] = [await raw.detect(colours, options), await decoded.detect(colours, options)];
    expect(expected.length).toBeGreaterThan(5);
    expect(found.classIds).toEqual(expected.classIds);
    expect(found.scores).toEqual(expected.scores);
    found.boxes.forEach((v, i) => expect(v).toBeCloseTo(expected.boxes[i]!, 3));
  });
});

describe('YOLOv6', () => {
  // Half a cell to the left, one up, one and a half to the right, two down, and a class for red alone.
  const distances = { weights: Array<number>(12).fill(0), bias: [0.5, 1, 1.5, 2] };
  const red = { weights: [20, 0, 0, 0, 0, 0], bias: [-10, -10] };

  it('has boxes in pixels, and colours from 0 to 1', async () => {
    const data = new Uint8Array(side * side * 3);
    for (let y = 24; y < 32; y++) for (let x = 16; x < 24; x++) data[(y * side + x) * 3] = 255;
    await using detector = await load(assembled(yolov6(distances, red)).bytes);
    expect(detector.head).toBe('yolov5');
    expect(detector.preprocessSource).toBe('preset yolo');
    const found = await detector.detect({ data, width: side, height: side, format: 'rgb' });
    expect([...found]).toEqual([
      { label: 'cat', classId: 0, score: expect.closeTo(1 / (1 + Math.exp(-10)), 4) as number, box: [16, 20, 32, 44] },
    ]);
  });

  it('whose boxes are told by their corners is not read as if they had centres', async () => {
    const corners = assembled(yolov6(distances, red, true));
    expect(boxDecoding(corners.graph, 'y')).toBeUndefined();
    expectFailure(await rejectionOf(load(corners.bytes)), 'MODEL_AMBIGUOUS', /yolox with 2 classes, yolov5 with 2 classes/);
  });
});

describe('an output of which the graph does not tell', () => {
  const values = new Float32Array(84 * 7);
  // In the second cell of the second row of the grid of 8 x 8.
  values.set([3, 4, 2, 1, 1, 0, 0.75], 9 * 7);
  const bytes = constantModel({ input: [1, 3, side, side], outputs: [{ name: 'y', shape: [1, 84, 7], values }] });
  const blank: RawFrame = { data: new Uint8Array(side * side), width: side, height: side, format: 'grey' };

  it('is refused, with what to say', async () => {
    const error = await rejectionOf(load(bytes));
    expectFailure(
      error,
      'MODEL_AMBIGUOUS',
      /\[84, 7\] can be read in more than one way: yolox with 2 classes, yolov5 with 2 classes$/,
      /\{ head: 'yolox' \} for offsets.*\{ head: 'yolov5' \} for boxes that are decoded in the graph, .*\{ preprocess: 'yolox' \}/,
    );
    expect(error.details).toMatchObject({ candidates: [{ head: 'yolox' }, { head: 'yolov5' }] });
  });

  it('is read as the user says', async () => {
    await using boxes = await load(bytes, { head: 'yolov5' });
    expect((await boxes.detect(blank)).at(0)).toMatchObject({ label: 'dog', score: 0.75, box: [2, 3.5, 4, 4.5] });
    expect(boxes.preprocessSource).toBe('preset yolo');
    await using offsets = await load(bytes, { head: 'yolox' });
    const { box } = (await offsets.detect(blank)).at(0);
    const [width, height] = [8 * Math.exp(2), 8 * Math.exp(1)];
    const expected = [32 - width / 2, 40 - height / 2, 32 + width / 2, 40 + height / 2];
    box.forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 4));
    expect(offsets.preprocessSource).toBe('preset yolox');
  });

  it('is read as the user says also against the graph', async () => {
    await using offsets = await load(assembled(decodedYolox).bytes, { head: 'yolox' });
    expect([offsets.head, offsets.preprocessSource]).toEqual(['yolox', 'preset yolox']);
    await using boxes = await load(assembled(decodedYolox).bytes, { head: 'yolov5' });
    expect([boxes.head, boxes.preprocessSource]).toEqual(['yolov5', 'preset yolox']);
  });
});

describe('the end of a graph', () => {
  const decoding = (...parts: Parameters<typeof assembled>[0]) => boxDecoding(assembled(parts).graph, 'y');

  it('tells offsets, exponentials and distances', () => {
    expect(decoding(...rawYolox)).toBe('none');
    expect(decoding(...decodedYolox)).toBe('exponential');
    expect(decoding(...scatteredYolox)).toBe('exponential');
    expect(decoding(...yolov6(seeded(4, 1), seeded(2, 2)))).toBe('distances');
  });

  it('is seen through what quantised models add to it', () => {
    const quantised = parseModel(
      encodeModel(
        graphModel({
          inputs: { x: [1, 3, 8, 8] },
          outputs: [value('y', [1, 7, 64])],
          nodes: [
            node('DynamicQuantizeLinear', 'x', ['whole', 'scale', 'zero']),
            ...['box', 'scores'].flatMap((name) => [
              node('ConvInteger', ['whole', `${name}.w`, 'zero'], `${name}.sum`),
              node('Cast', `${name}.sum`, `${name}.float`, { to: 1 }),
              node('Mul', ['scale', 'w.scale'], `${name}.scale`),
              node('Mul', [`${name}.float`, `${name}.scale`], `${name}.scaled`),
              node('Add', [`${name}.scaled`, 'bias'], name),
            ]),
            node('Sigmoid', 'scores', 'sure'),
            node('Concat', ['box', 'sure'], 'both', { axis: 1 }),
            node('QuantizeLinear', ['both', 'w.scale', 'no zero'], 'both.whole'),
            node('DequantizeLinear', ['both.whole', 'w.scale', 'no zero'], 'both.float'),
            node('Reshape', ['both.float', 'flat'], 'y'),
          ],
          constants: [floats('w.scale', [], [1]), floats('bias', [], [0]), integers('flat', [1, 7, -1])],
        }),
      ),
    );
    expect(boxDecoding(quantised, 'y')).toBe('none');
  });

  it('is seen through what optimised models fuse', () => {
    const ends = (activation: string) => [
      node('FusedConv', ['x', 'w'], 'sure', { activation }),
      node('Conv', ['x', 'w'], 'box'),
      node('Concat', ['box', 'sure'], 'y', { axis: 1 }),
    ];
    const model = (activation: string) =>
      parseModel(encodeModel(graphModel({ inputs: { x: [1, 3, 8, 8] }, nodes: ends(activation) })));
    expect(boxDecoding(model('Sigmoid'), 'y')).toBe('none');
    expect(boxDecoding(model('Relu'), 'y')).toBeUndefined();
  });

  it.each([
    ['boxes through a sigmoid', [...yolox(), last('Sigmoid', 'raw')]],
    ['fractions of the input', [...decodedYolox.slice(0, -1), ...fractions()]],
    ['something else', [...yolox(), last('Softmax', 'raw')]],
  ])('does not tell: %s', (_, parts) => {
    expect(decoding(...parts)).toBeUndefined();
  });

  it('does not tell of scores without a sigmoid, of the input itself, or of nothing', () => {
    const plain = (...nodes: ReturnType<typeof node>[]) =>
      boxDecoding(parseModel(encodeModel(graphModel({ inputs: { x: [1, 3, 8, 8] }, nodes }))), 'y');
    expect(plain(node('Conv', ['x', 'w'], 'y'))).toBeUndefined();
    expect(plain(node('Identity', 'x', 'y'))).toBeUndefined();
    expect(plain(node('Shape', 'x', 'y'))).toBeUndefined();
    // A graph that goes in a circle, which no engine opens.
    expect(plain(node('Add', ['x', 'z'], 'y'), node('Mul', ['y', 'x'], 'z'))).toBeUndefined();
  });
});

/** A decoded YOLOX whose boxes are divided by the size of the input. */
function fractions(): typeof decodedYolox {
  const [decode] = decodedYolox.slice(-1);
  const nodes = decode!.nodes.map((one) => (one.opType === 'Concat' ? { ...one, output: ['pixels'] } : one));
  return [{ ...decode!, nodes: [...nodes, node('Div', ['pixels', 'two'], 'y')] }];
}
