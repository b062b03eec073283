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
} from '../../lib/optimize/index.js';
import { classed, elements, named, parseMarkup, rows, textOf } from '../evaluation/markup-tree.js';
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
    expect(html).toContain('INT8, 35.0 % of MACs in FP32: 28.4 ms, drop 0.4 % (0.4 % to 0.5 %), taken');
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
    expect(markdownReport({ ...report, search })).toContain('| INT8, 35.0 % of MACs in FP32 | 3.9 MB | 28.4 ms |');
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

describe('the speed guard', () => {
  const at = (ratio: number, threads = 1) => latency('onnxruntime', threads, 10 * ratio, ratio);

  it('keeps FP32 where INT8 is slower, and says so', () => {
    const { keepFloat, words } = judgeSpeed('int8', [at(1.09), at(1.37, 2)]);
    expect(keepFloat).toBe(true);
    expect(words).toMatch(/stays FP32.*1\.09 times as long with 1 thread, 1\.37 times as long with 2 threads/);
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
