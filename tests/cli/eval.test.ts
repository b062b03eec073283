/** `foveate eval` and `foveate gate`, as a user types them: with the demo's models, on its labelled pictures. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { EvaluationResult } from '../../lib/index.js';
import { foveate as run, projectRoot, type CallResult } from './foveate.js';

const foveate = (...args: readonly string[]): Promise<CallResult> => run(args);
const example = (path: string): string => join(projectRoot, 'examples', path);
const detector = example('models/shapes-detector.onnx');
const labelled = example('pictures/detect.json');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-eval-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const inFolder = (name: string): string => join(folder, name);
const resultsIn = (name: string): EvaluationResult =>
  JSON.parse(readFileSync(join(folder, name, 'results.json'), 'utf8')) as EvaluationResult;
/** What two runs of the same have in common. */
const counted = ({ metrics, intervals, classes, slices, confusion, dataset }: EvaluationResult): object => ({
  ...{ metrics, intervals, classes, slices, confusion },
  sha256: dataset.sha256,
});

describe('foveate eval', { timeout: 120_000 }, () => {
  it('measures the demo models on their labelled pictures, and writes what each reader needs', async () => {
    const runs = [
      { model: 'shapes-detector', data: labelled, metric: 'AP50', least: 0.85 },
      { model: 'shapes-classifier', data: example('pictures/classify.csv'), metric: 'top1', least: 1 },
      { model: 'shapes-segmenter', data: example('pictures'), metric: 'mIoU', least: 0.85, more: ['--format', 'masks'] },
    ];
    for (const { model, data, metric, least, more = [] } of runs) {
      const output = inFolder(model);
      const { code, stdout, stderr } = await foveate(
        'eval',
        example(`models/${model}.onnx`),
        '--data',
        data,
        '-o',
        output,
        ...more,
      );
      expect(code, stderr).toBe(0);
      expect(stdout).toMatch(new RegExp(`^ +${metric} +0\\.[89]|^ +${metric} +1\\.000`, 'm'));
      expect(resultsIn(model).metrics[metric]).toBeGreaterThanOrEqual(least);
      for (const name of ['report.html', 'results.csv', 'junit.xml', 'predictions.ndjson'])
        expect(existsSync(join(output, name)), name).toBe(true);
      const again = await foveate('eval', '--predictions', join(output, 'predictions.ndjson'), '--data', data, '--json', ...more);
      expect(again.code, again.stderr).toBe(0);
      expect(counted(JSON.parse(again.stdout) as EvaluationResult)).toEqual(counted(resultsIn(model)));
    }
  });

  it('counts the results of any detector in the form of COCO', async () => {
    const { images, categories, annotations } = JSON.parse(readFileSync(labelled, 'utf8')) as {
      images: { id: number }[];
      categories: { id: number }[];
      annotations: { image_id: number; category_id: number; bbox: number[] }[];
    };
    const perfect = annotations.map(({ image_id, category_id, bbox }, i) => ({
      image_id,
      category_id,
      bbox,
      score: 1 - i / 1000,
    }));
    writeFileSync(inFolder('results.json'), JSON.stringify(perfect));
    const { code, stdout, stderr } = await foveate(
      'eval',
      '--predictions',
      inFolder('results.json'),
      '--data',
      labelled,
      '--json',
      '-q',
    );
    expect(code, stderr).toBe(0);
    const { metrics, dataset } = JSON.parse(stdout) as EvaluationResult;
    expect(metrics['AP']).toBeCloseTo(1, 12);
    expect(dataset).toMatchObject({ images: images.length, annotations: annotations.length });
    writeFileSync(
      inFolder('bad.json'),
      JSON.stringify([...perfect, { ...perfect[0], category_id: Math.max(...categories.map(({ id }) => id)) + 1 }]),
    );
    const bad = await foveate('eval', '--predictions', inFolder('bad.json'), '--data', labelled);
    expect(bad.code).toBe(4);
    expect(bad.stderr).toMatch(/\[33\]\.category_id.*\[DATASET_INVALID\]/s);
  });

  it('tells a picture that cannot be read, counts it nowhere, and tries it again', async () => {
    for (const { file_name: name } of (JSON.parse(readFileSync(labelled, 'utf8')) as { images: { file_name: string }[] }).images)
      copyFileSync(example(`pictures/${name}`), inFolder(name));
    writeFileSync(inFolder('shapes-640x480.jpg'), 'no picture');
    const call = ['eval', detector, '--data', labelled, '--images', folder, '-o', inFolder('out'), '-q'];
    const first = await foveate(...call);
    expect(first.code, first.stderr).toBe(4);
    expect(resultsIn('out').failures).toMatchObject([
      { image: 'shapes-640x480.jpg', code: expect.stringMatching(/^MEDIA_/) as string },
    ]);
    expect(first.stdout).toMatch(/shapes-640x480\.jpg/);
    copyFileSync(example('pictures/shapes-640x480.jpg'), inFolder('shapes-640x480.jpg'));
    const second = await foveate(...call, '--resume');
    expect(second.code, second.stderr).toBe(0);
    await foveate('eval', detector, '--data', labelled, '-o', inFolder('whole'), '-q');
    expect(counted(resultsIn('out'))).toEqual(counted(resultsIn('whole')));
  });

  it('goes on after kill -9, with the same results', async () => {
    const rows = Array.from({ length: 60 }, (_, i) => `p${i}.jpg,circle`);
    for (let i = 0; i < 60; i++) copyFileSync(example('pictures/circle.jpg'), inFolder(`p${i}.jpg`));
    writeFileSync(inFolder('data.csv'), `image,label\n${rows.join('\n')}\n`);
    const predictions = join(folder, 'out', 'predictions.ndjson');
    const call = ['eval', example('models/shapes-classifier.onnx'), '--data', inFolder('data.csv'), '-o', inFolder('out')];
    const lines = (): number => (existsSync(predictions) ? readFileSync(predictions, 'utf8').split('\n').length : 0);
    const killed = await run(call, { kill: { when: () => lines() > 6, signal: 'SIGKILL' } });
    expect(killed.signal).toBe('SIGKILL');
    expect(lines()).toBeLessThan(61);
    const refused = await foveate(...call);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toMatch(/would overwrite.*--resume/s);
    const other = await foveate(...call, '--resume', '--preprocess', 'clip');
    expect(other.stderr).toMatch(/another option --preprocess\.\w+: expected/);
    const resumed = await foveate(...call, '--resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resultsIn('out')).toMatchObject({ metrics: { top1: 1 }, dataset: { images: 60 } });
    expect(lines()).toBe(62);
  });

  it('compares with the predictions of another run', async () => {
    await foveate('eval', detector, '--data', labelled, '-o', inFolder('a'), '-q');
    const { code, stdout, stderr } = await foveate(
      ...['eval', detector, '--data', labelled, '-o', inFolder('b'), '-q'],
      ...['--baseline', join(folder, 'a', 'predictions.ndjson'), '--max-detections', '2'],
    );
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(
      /Against the baseline\n {2}AP: no difference that shows\. 0\.\d+ became 0\.\d+, -0\.\d+;.*Fewer than 30 pictures/,
    );
  });

  it('tells before the model runs that a baseline cannot be compared, or would be replaced', async () => {
    const call = ['eval', detector, '--data', labelled, '-o', inFolder('out'), '-q', '--baseline'];
    const missing = await foveate(...call, inFolder('none.ndjson'));
    expect(missing.code).toBe(4);
    expect(missing.stderr).toMatch(/Cannot read the predictions/);
    const own = await foveate(...call, join(folder, 'out', 'predictions.ndjson'));
    expect(own.code).toBe(2);
    expect(own.stderr).toMatch(/where the predictions of this run are kept/);
    expect(existsSync(join(folder, 'out', 'predictions.ndjson'))).toBe(false);
  });

  it('does not go on with predictions of other pictures', async () => {
    const data = inFolder('one.csv');
    copyFileSync(example('pictures/circle.jpg'), inFolder('circle.jpg'));
    copyFileSync(example('pictures/star.jpg'), inFolder('star.jpg'));
    const call = ['eval', example('models/shapes-classifier.onnx'), '--data', data, '-o', inFolder('out'), '-q'];
    writeFileSync(data, 'image,label\ncircle.jpg,circle\n');
    expect((await foveate(...call)).code).toBe(0);
    const before = readFileSync(join(folder, 'out', 'predictions.ndjson'), 'utf8');
    writeFileSync(data, 'image,label\nstar.jpg,star\n');
    const other = await foveate(...call, '--resume');
    expect(other.code).toBe(4);
    expect(other.stderr).toMatch(/not of this data set: it holds "circle\.jpg"/);
    expect(readFileSync(join(folder, 'out', 'predictions.ndjson'), 'utf8')).toBe(before);
  });

  it('tells of the labels of YOLO what is odd, and what is wrong before the model runs', async () => {
    for (const name of ['images', 'labels']) mkdirSync(inFolder(name));
    copyFileSync(example('pictures/star.jpg'), join(folder, 'images', 'a.jpg'));
    copyFileSync(example('pictures/star.jpg'), join(folder, 'images', 'b.jpg'));
    writeFileSync(join(folder, 'labels', 'a.txt'), '3 0.5 0.5 0.8 0.8\n');
    writeFileSync(inFolder('data.yaml'), 'path: .\nval: images\nnames: [circle, square, triangle, star, ring, cross]\n');
    const call = ['eval', detector, '--data', inFolder('data.yaml'), '-o', inFolder('out')];
    const odd = await foveate(...call);
    expect(odd.code, odd.stderr).toBe(0);
    expect(odd.stderr.match(/note: a picture without a label file.*b\.jpg/g)).toHaveLength(1);
    writeFileSync(join(folder, 'labels', 'b.txt'), '9 0.5 0.5 0.8 0.8\n');
    const wrong = await foveate(...call, '--overwrite');
    expect(wrong.code).toBe(4);
    expect(wrong.stderr).toMatch(/b\.txt", line 1, class/);
    expect(readFileSync(join(folder, 'out', 'predictions.ndjson'), 'utf8').split('\n')).toHaveLength(2);
  });

  it('says why not one picture could be read', async () => {
    const { code, stderr } = await foveate('eval', detector, '--data', labelled, '--images', folder, '-q');
    expect(code).toBe(4);
    expect(stderr).toMatch(/None of 4 pictures could be read, the first: .*shapes-1280x720\.jpg.*\[MEDIA_NOT_FOUND\].*--images/s);
  });

  it.each([
    [['eval', '--data', labelled], /a model or --predictions but received neither/],
    [['eval', detector, '--data', labelled, '--predictions', 'x'], /a model or --predictions but received both/],
    [['eval', detector, '--data', labelled, '--resume'], /--output beside --resume/],
    [['eval', detector], /--data/],
    [['eval', detector, '--data', labelled, '--top-k', '3'], /--top-k/],
    [['eval', detector, '--data', labelled, '--baseline', 'x'], /--output beside --baseline/],
    [['eval', detector, '--data', labelled, '--benchmark', 'MOT17'], /--benchmark is of tracks/],
    [['eval', '--predictions', 'x', '--data', labelled, '--score-threshold', '0.5'], /--score-threshold is of a model that runs/],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await foveate(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('says what the data set labels where the model is for something else', async () => {
    const { code, stderr } = await foveate('eval', example('models/shapes-classifier.onnx'), '--data', labelled);
    expect(code).toBe(4);
    expect(stderr).toMatch(/labels classes of whole pictures, as the model finds, but .*detect\.json labels objects/);
  });

  it('counts tracks of MOTChallenge, a file for each sequence', async () => {
    mkdirSync(join(folder, 'data', 'A', 'gt'), { recursive: true });
    mkdirSync(inFolder('tracks'));
    const rows = (ids: readonly number[]): string => ids.map((id, i) => `${i + 1},${id},10,10,20,40,1,1,1\n`).join('');
    writeFileSync(join(folder, 'data', 'A', 'gt', 'gt.txt'), rows([1, 1, 1, 1]));
    writeFileSync(join(folder, 'tracks', 'A.txt'), rows([5, 5, 6, 6]));
    const call = ['eval', '--predictions', inFolder('tracks'), '--data', inFolder('data')];
    const { code, stdout, stderr } = await foveate(...call, '--json');
    expect(code, stderr).toBe(0);
    const { task, metrics, slices } = JSON.parse(stdout) as EvaluationResult;
    expect(task).toBe('track');
    expect(metrics).toMatchObject({ MOTA: 0.75, IDF1: 0.5, IDSW: 1, DetA: 1 });
    expect(slices).toMatchObject([{ attribute: 'sequence', value: 'A', images: 4 }]);
    rmSync(join(folder, 'tracks', 'A.txt'));
    const missing = await foveate(...call);
    expect(missing.code).toBe(4);
    expect(missing.stderr).toMatch(/no file has the tracks of sequence A/);
  });
});

describe('foveate gate', { timeout: 120_000 }, () => {
  it('ends with 0 where all is met, with 1 where something is not, and tells a CI system', async () => {
    await foveate('eval', detector, '--data', labelled, '-o', inFolder('val'), '-q');
    const results = join(folder, 'val', 'results.json');
    writeFileSync(
      inFolder('met.yaml'),
      'metrics: { AP50: 0.8 }\nlatencyMs: { p95: 60000 }\nmodelBytes: 5 MB\nmaxDrop: { AP: 0 }\nbaseline: val/results.json\n',
    );
    const met = await foveate('gate', inFolder('met.yaml'), results);
    expect(met.code, met.stderr).toBe(0);
    expect(met.stdout).toMatch(/Passed: 4 of 4\./);
    writeFileSync(inFolder('missed.yaml'), 'metrics: { AP50: 0.999 }\nclasses: { AP: 0.9 }\nmodelBytes: 1 kB\n');
    const missed = await foveate('gate', inFolder('missed.yaml'), results, '--junit', inFolder('gate.xml'));
    expect(missed.code).toBe(1);
    expect(missed.stdout).toMatch(/FAIL {2}AP50 0\.9\d+ is below 0\.999/);
    expect(missed.stdout).toMatch(/Not passed: 3 of 3\./);
    expect(readFileSync(inFolder('gate.xml'), 'utf8')).toMatch(/failures="3"/);
    const json = await foveate('gate', inFolder('missed.yaml'), results, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ passed: false, verdicts: [{ name: 'AP50', passed: false }, {}, {}] });
  });

  it('refuses results that are none', async () => {
    writeFileSync(inFolder('gate.yaml'), 'metrics: { AP: 0 }');
    for (const [name, text, message] of [
      ['none.json', undefined, /Cannot read the results/],
      ['list.json', '[]', /Expected results of an evaluation/],
      ['text.json', 'AP=1', /Expected results of an evaluation/],
      ['later.json', '{"format":2}', /its format is 2/],
      [
        'parts.json',
        '{"format":1,"task":"detect","metrics":{},"intervals":{},"dataset":{},"classes":[null],"slices":[]}',
        /parts of it are missing or damaged/,
      ],
    ] as const) {
      if (text !== undefined) writeFileSync(inFolder(name), text);
      const { code, stderr } = await foveate('gate', inFolder('gate.yaml'), inFolder(name));
      expect(code).toBe(4);
      expect(stderr).toMatch(message);
    }
  });
});
