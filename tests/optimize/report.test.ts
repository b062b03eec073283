/** What is told of an optimisation, in every form. */
import { describe, expect, it } from 'vitest';

import {
  csvOfForms,
  csvOfLayers,
  htmlReport,
  judgeSpeed,
  markdownReport,
  tableReport,
  type OptimizationReport,
  type ReportedForm,
} from '../../lib/optimize/index.js';
import { classed, elements, named, parseMarkup, rows, textOf } from '../evaluation/markup-tree.js';
import { pruningNotices, pruningWords } from '../../lib/optimize/pruning-words.js';
import { latency, layers, report, search } from './made-report.js';

const hostile = '<img src=x onerror="alert(1)">|`*[a](b)\u001b[31m\n';
const bare: OptimizationReport = {
  ...report,
  forms: report.forms.map((form) => ({ ...form, agreement: undefined, accuracy: undefined, latency: [] })),
  layers: [],
  decisions: [],
  notices: [],
};

describe('the page', () => {
  it.each(Object.entries({ whole: { ...report, search }, bare }))(
    'of a %s report is well-formed, and needs and allows nothing else',
    (_, given) => {
      const html = htmlReport(given);
      const root = parseMarkup(html);
      const policy = named(root, 'meta')[1]?.attributes['content'];
      expect(policy).toMatch(/^default-src 'none'; img-src data:; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'/);
      const attributes = elements(root).flatMap((element) => Object.keys(element.attributes));
      expect(attributes.filter((name) => /^(style|on.*|src)$/.test(name))).toEqual([]);
      expect(html).not.toMatch(/@import|url\(|https?:/);
      expect(html.replace(/<script>[^]*<\/script>/, '')).not.toMatch(/NaN|Infinity|undefined/);
      const links = named(root, 'a').map(({ attributes }) => attributes['href']);
      const ids = elements(root).map(({ attributes }) => attributes['id']);
      for (const link of links) expect(ids).toContain(link?.slice(1));
      expect(named(root, 'caption')).toHaveLength(named(root, 'table').length);
    },
  );

  it('has a row for each number and a place for each layer in the plots', () => {
    const root = parseMarkup(htmlReport(report));
    const text = textOf(root);
    for (const told of [
      '12.8 MB',
      '0.27x',
      '24.1 ms',
      '0.54x, faster',
      '1.78 J',
      '0.944',
      '0.914 to 0.964',
      '\u22120.007, worse',
    ]) {
      expect(text).toContain(told);
    }
    const float = layers.filter(({ precision }) => precision.onnxruntime === 'float32').length;
    const floatThere = layers.filter(({ precision }) => precision.tensorrt === 'float32').length;
    const cells = elements(root).filter(({ name, attributes }) => name === 'rect' && attributes['class'] === 'cell-float32');
    expect(cells).toHaveLength(float + floatThere + 1); // and one in the legend
    const circles = named(root, 'circle').filter(({ attributes }) => attributes['class']?.startsWith('cell-'));
    expect(circles).toHaveLength(layers.filter(({ noiseDb }) => Object.keys(noiseDb).length > 0).length);
    expect(rows(classed(root, 'layers')[0] as never)).toHaveLength(layers.length + 1);
  });

  it('says at its head where INT8 was not taken', () => {
    expect(htmlReport(report)).not.toContain('INT8 is slower than FP32 here');
    const kept = report.forms.map((form) => ({ ...form, shipped: form.form !== 'onnxruntime' }));
    expect(htmlReport({ ...report, forms: kept })).toContain('INT8 is slower than FP32 here');
  });

  it('holds names of any kind, and thousands of layers', () => {
    const many = Array.from({ length: 3000 }, (_, i) => ({ ...layers[i % 60]!, name: `${hostile}${i}`, reason: hostile }));
    const html = htmlReport({ ...report, model: { ...report.model, name: hostile }, layers: many });
    const root = parseMarkup(html);
    expect(named(root, 'img')).toEqual([]);
    expect(textOf(root)).toContain('2,000 are shown; layers.csv has all');
  });
});

describe('a search', () => {
  const drawn = (given: OptimizationReport) =>
    elements(parseMarkup(htmlReport(given))).filter(({ attributes }) => attributes['class'] === 'front');

  it('is drawn by what was measured of a form: its time where there is one, and its file', () => {
    const html = htmlReport({ ...report, search });
    const root = parseMarkup(html);
    const titles = classed(root, 'plot-title').map(textOf);
    expect(titles.filter((title) => title.includes('drop by'))).toEqual([
      'ONNX Runtime: drop by latency',
      'ONNX Runtime: drop by file',
      'TensorRT: drop by file',
    ]);
    // The second is slower, larger and worse than the first.
    const points = drawn({ ...report, search }).map(({ attributes }) => attributes['points']!.split(' ').length);
    expect(points).toEqual([3, 3, 3]);
    expect(classed(root, 'taken')).toHaveLength(3);
    // One of size in two panels, and one of the drop in each.
    expect(classed(root, 'limit')).toHaveLength(5);
    expect(html).toContain('INT8, 35.0 % of the work in FP32: 28.4 ms, drop 0.4 % (0.4 % to 0.5 %), taken');
  });

  it('of one candidate is a row, and no drawing', () => {
    const { chosen } = search.forms.tensorrt!;
    const one = { candidates: [chosen!], chosen };
    expect(drawn({ ...report, search: { ...search, forms: { onnxruntime: one, tensorrt: one } } })).toEqual([]);
  });

  it('tells of each form in all reports what is on the front', () => {
    const lines = tableReport({ ...report, search });
    const rowsOf = lines.filter((line) => /^ +TensorRT +(INT8|FP32)/.test(line));
    expect(rowsOf.map((line) => line.includes('\u25cf'))).toEqual([true, false, true, true]);
    expect(rowsOf.map((line) => line.trim().split(/ {2,}/).at(-1))).toEqual([
      'loses too much',
      'loses too much',
      'taken',
      'too large',
    ]);
    expect(markdownReport({ ...report, search })).toContain('| INT8, 35.0 % of the work in FP32 | 3.9 MB | 28.4 ms |');
  });
});

describe('Markdown', () => {
  it('has the table before and after, and every layer', () => {
    const text = markdownReport(report);
    expect(text).toContain('| File | 12.8 MB | 3.5 MB (0.27x) | 3.6 MB (0.28x) |');
    expect(text).toContain('| Latency, 1 thread | 44.5 ms | 24.1 ms (0.54x, faster) | \u2013 |');
    expect(text).toContain('Calibrated with 32 pictures in 4.2 s, measured on 96 pictures held back (seed 0).');
    expect(text.match(/^\| \/model/gm)).toHaveLength(layers.length);
  });

  it('lets no name begin a tag, a cell or a line', () => {
    const text = markdownReport({ ...report, layers: [{ ...layers[1]!, name: hostile }] });
    const line = text.split('\n').find((one) => one.includes('onerror')) as string;
    expect(line).toContain('\\<img src=x');
    expect(line.replace(/\\./g, '').split('|')).toHaveLength(10);
  });
});

describe('CSV', () => {
  it('has a record for each number, with its interval', () => {
    const records = csvOfForms(report).split('\r\n');
    expect(records[0]).toBe('form,name,threads,value,low,high');
    expect(records).toContain('onnxruntime,bytes,,3520000,,');
    expect(records).toContainEqual(expect.stringMatching(/^onnxruntime,latency ratio,2,0\.624,0\.605\d*,0\.648\d*$/));
    expect(records).toContain('onnxruntime,agreement hysteresis precision,,,,');
    expect(records).toContain('float32,accuracy AP,,0.372,0.352,0.392');
  });

  it('has a record for each layer', () => {
    const records = csvOfLayers(report).split('\r\n');
    expect(records).toHaveLength(layers.length + 2);
    expect(records[1]).toBe(
      '/model.0/conv/Conv,Conv,120000000,float32,int8,8,,-2,4,few input channels: the integer kernel is slower,',
    );
    expect(records[58]).toMatch(/^\/model.57\/conv\/Conv,Resize,,float32,float32,,,,/);
  });
});

describe('the terminal', () => {
  it('gets a line for each number, what was decided and what to know', () => {
    const lines = tableReport({ ...report, decisions: [`a${hostile}`] });
    expect(lines.find((line) => line.includes('Recall'))).toMatch(/Recall +\u2013 +0.944 {2}\(0.914 to 0.964\) +0.925 {2}\(/);
    expect(lines.join('')).not.toContain('\u001b');
    expect(tableReport(bare)).not.toContain('Decided');
  });
});

describe('pruning', () => {
  const [before, form] = report.forms as [ReportedForm, ReportedForm];
  const prunedForm: ReportedForm = {
    ...form,
    ...{ form: 'pruned', bytes: before.bytes, sizeRatio: 1, packedBytes: 7_960_000, shipped: false },
    latency: [latency('pruned', 1, 44.5, 1), latency('pruned', 2, 24.3, 1.004)].map((one) => ({ ...one, verdict: 'same' })),
  };
  const pruned = (changes: Partial<ReportedForm> = {}): OptimizationReport => ({
    ...report,
    pruning: { scheme: 'magnitude:0.5', zeros: 0.494, zerosBefore: 0.001 },
    forms: [{ ...before, packedBytes: 11_900_000 }, { ...prunedForm, ...changes }, ...report.forms.slice(1)],
    layers: layers.map((layer, i) => ({ ...layer, pruned: i === 0 ? { zeros: 0, reason: 'depthwise' } : { zeros: 0.5 } })),
  });

  it('is said to gain nothing where it does', () => {
    expect(pruningWords(pruned())).toEqual([
      'Pruning 50 % of the weights (magnitude:0.5; 49 % of all are 0, 0 % were): the file is as large (0.67 times packed), a run takes 1.00 times as long with 1 thread, 1.00 times as long with 2 threads, by labels AP 0.365 instead of 0.372 (worse); agreement with FP32: hysteresis recall 0.990 (0.980 to 1.000). It gained nothing here: only what is sent or kept packed is smaller.',
      '1 of 60 layers were not pruned (1: depthwise).',
    ]);
    expect(pruningWords(pruned({ packedBytes: 11_800_000 }))[0]).toMatch(/\(0\.99 times packed\).* It gained nothing here\.$/);
    expect(pruningWords(report)).toEqual([]);
  });

  it('is said to gain what it does', () => {
    expect(pruningWords(pruned({ latency: [latency('pruned', 1, 30, 0.7)] }))[0]).toMatch(/It gained time\.$/);
    const unsure = { ...latency('pruned', 1, 30, 0.7), verdict: 'same' } as const;
    expect(pruningWords(pruned({ latency: [unsure] }))[0]).toMatch(
      /0\.70 times as long with 1 thread \(not in every round\),.*It gained nothing here/,
    );
    // Not where another number of threads loses more.
    const mixed = [latency('pruned', 1, 30, 0.9), latency('pruned', 2, 30, 1.3)];
    expect(pruningWords(pruned({ latency: mixed }))[0]).toMatch(/It gained nothing here/);
    expect(pruningWords(pruned({ sizeRatio: 0.9 }))[0]).toMatch(
      /the file is 0\.90 times as large by being normalised .*nothing here/,
    );
    const untimed = pruningWords(pruned({ latency: [], agreement: undefined, accuracy: undefined }))[0];
    expect(untimed).toMatch(/\(0\.67 times packed\)\. It gained no bytes, and time was not measured: only/);
  });

  it('is told of 2:4 what was not measured', () => {
    expect(pruningNotices({ scheme: '2:4', zeros: 0.5, zerosBefore: 0 }).join(' ')).toMatch(/Ampere.*--sparsity.*not measured/);
    expect(pruningNotices(undefined)).toEqual([]);
  });

  it('has its place in every report', () => {
    const given = pruned();
    expect(tableReport(given)[0]).toBe('yolov8n.onnx in INT8, pruned (magnitude:0.5)');
    expect(markdownReport(given)).toContain('| Packed by gzip | 11.9 MB | 8.0 MB (0.67x) |');
    expect(markdownReport(given)).toMatch(/\| Range \| Reason \| Zeros \|\n/);
    expect(csvOfForms(given)).toContain('pruned,packed bytes,,7960000,,\r\n');
    const records = csvOfLayers(given).split('\r\n');
    expect(records[0]).toMatch(/,zeros,not pruned$/);
    expect(records.slice(1, 3).map((record) => record.split(',').slice(-2))).toEqual([
      ['0', 'depthwise'],
      ['0.5', ''],
    ]);
    const page = parseMarkup(htmlReport(given));
    expect(textOf(page)).toContain('Optimisation to INT8 \u00b7 Pruning, magnitude:0.5');
    expect(textOf(page)).toContain('0.0 %: depthwise');
    const alone = { ...given, precision: 'fp32', forms: given.forms.slice(0, 2) } as const;
    expect(tableReport(alone)[0]).toBe('yolov8n.onnx pruned (magnitude:0.5)');
    expect(textOf(classed(parseMarkup(htmlReport(alone)), 'kicker')[0] as never)).toBe('Pruning, magnitude:0.5');
    // Without another precision, there is nothing to plot of the layers.
    expect(htmlReport(alone)).not.toContain('Plots of the layers');
    expect(htmlReport(given)).toContain('Plots of the layers');
  });
});

describe('the speed guard', () => {
  const at = (ratio: number, threads = 1) => latency('onnxruntime', threads, 10 * ratio, ratio);

  it('keeps FP32 where INT8 is slower, and says so', () => {
    const { keepFloat, words } = judgeSpeed('int8', [at(1.09), at(1.37, 2)]);
    expect(keepFloat).toBe(true);
    expect(words).toMatch(/stays FP32.*1\.09 times as long with 1 thread, 1\.37 times as long with 2 threads/);
  });

  it('says of a model that is pruned alone no more than that it stays', () => {
    expect(judgeSpeed('float32', [at(1.09)])).toMatchObject({
      keepFloat: true,
      words: expect.stringMatching(/stays as the model was given: pruned, it is slower here, 1\.09 times/) as string,
    });
    expect(judgeSpeed('float32', [{ ...at(1.01), verdict: 'same' }])).toEqual({ keepFloat: false, words: undefined });
  });

  it('goes by all thread counts where they differ', () => {
    expect(judgeSpeed('int8', [at(0.9), at(1.05, 2)])).toMatchObject({
      keepFloat: false,
      words: expect.stringMatching(/slower in part/) as string,
    });
    expect(judgeSpeed('int8', [at(0.95), at(1.3, 2)]).keepFloat).toBe(true);
  });

  it('takes INT8 where it is faster, no slower, or was not timed', () => {
    expect(judgeSpeed('int8', [at(0.5), at(0.6, 2)])).toEqual({ keepFloat: false, words: undefined });
    const same = { ...at(1.2), verdict: 'same' } as const; // within noise
    expect(judgeSpeed('int8', [same])).toMatchObject({
      keepFloat: false,
      words: expect.stringMatching(/not faster than FP32 in every round/) as string,
    });
    expect(judgeSpeed('int8', [])).toEqual({ keepFloat: false, words: undefined });
  });
});
