/** What is kept of a run: the same numbers again, whatever ended it. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Prediction, PredictionsHeader } from '../../lib/evaluation/predictions.js';
import { PredictionsFile, readPredictions, readPredictionsHeader } from '../../lib/evaluation/predictions-file.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-predictions-'));
  path = join(folder, 'predictions.ndjson');
});
afterEach(() => rmSync(folder, { recursive: true }));

const classify: PredictionsHeader = { task: 'classify', labels: ['cat', 'dog'], options: { preprocess: '{}' } };
const detect: PredictionsHeader = { ...classify, task: 'detect' };
const segment: PredictionsHeader = { ...classify, task: 'segment' };
const scores = (image: string, ...values: number[]): Prediction => ({ image, found: { classScores: Float32Array.from(values) } });

function write(header: PredictionsHeader, ...predictions: Prediction[]): void {
  const file = PredictionsFile.create(path, header);
  for (const prediction of predictions) file.append(prediction);
  file.close();
}

async function read(): Promise<Prediction[]> {
  const all: Prediction[] = [];
  for await (const prediction of readPredictions(path, await readPredictionsHeader(path))) all.push(prediction);
  return all;
}

describe('a file of predictions', () => {
  it('gives scores back to the last bit', async () => {
    const predictions = [scores('a.jpg', 0.1, 1 / 3), scores('ü b.jpg', 1e-30, 0), { ...scores('c', 1, 0), ms: 12.3456 }];
    write(classify, ...predictions);
    expect(await read()).toEqual([predictions[0], predictions[1], { ...predictions[2], ms: 12.346 }]);
  });

  it('gives objects back as 32-bit numbers are', async () => {
    const found = {
      boxes: Float64Array.from([1 / 3, 0, 2e6, 5.5, 0, 0, 1, 1].map(Math.fround)),
      scores: Float64Array.from([0.9, 0.1].map(Math.fround)),
      classIds: Int32Array.from([1, 0]),
      masks: [
        { size: [2, 3] as const, counts: [1, 2, 3] },
        { size: [2, 3] as const, counts: '06' },
      ],
      keypoints: Float64Array.from([1.5, 2.5, 0.5, 3, 4, 1]),
    };
    write(
      detect,
      { image: 'a', found },
      { image: 'none', found: { boxes: new Float64Array(), scores: new Float64Array(), classIds: new Int32Array() } },
    );
    const [first, second] = await read();
    expect(first).toEqual({ image: 'a', found });
    expect(second).toEqual({
      image: 'none',
      found: { boxes: new Float64Array(), scores: new Float64Array(), classIds: new Int32Array() },
    });
  });

  it('gives maps and failures back', async () => {
    const map = { data: Uint8Array.from([0, 0, 1, 1, 1, 0]), width: 3, height: 2 };
    const failure = { error: { code: 'MEDIA_INVALID', message: 'cut off' } };
    write(segment, { image: 'a', found: map }, { image: 'b', found: failure });
    expect(await read()).toEqual([
      { image: 'a', found: map },
      { image: 'b', found: failure },
    ]);
  });

  it('goes on after a line that was cut off, and tries failures again', async () => {
    write(
      classify,
      scores('a', 1, 0),
      { image: 'b', found: { error: { code: 'MEDIA_INVALID', message: '' } } },
      scores('c', 0, 1),
    );
    const whole = readFileSync(path);
    for (const cut of [1, 20, whole.length - whole.lastIndexOf('\n', whole.length - 2) - 2]) {
      writeFileSync(path, whole);
      truncateSync(path, whole.length - cut);
      const file = await PredictionsFile.resume(path, classify);
      expect(['a', 'b', 'c'].map((image) => file.has(image))).toEqual([true, false, false]);
      file.append(scores('b', 0.5, 0.5));
      file.append(scores('c', 0, 1));
      file.close();
      expect((await read()).map(({ image }) => image)).toEqual(['a', 'b', 'b', 'c']);
    }
  });

  it('is begun where there is nothing to go on with', async () => {
    for (const text of [undefined, '', '{"predictions":1,"task":"cl']) {
      if (text !== undefined) writeFileSync(path, text);
      const file = await PredictionsFile.resume(path, classify);
      file.append(scores('a', 1, 0));
      file.close();
      expect(await read()).toHaveLength(1);
    }
  });

  it.each<[string, Partial<PredictionsHeader>, RegExp]>([
    ['labels', { labels: ['cat', 'cow'] }, /another labels: expected \["cat","cow"\], received \["cat","dog"\]/],
    ['model', { model: { name: 'm', sha256: 'f00', bytes: 1, device: 'cpu' } }, /another model: expected f00, received none/],
    ['task', { task: 'detect' }, /another task/],
    [
      'option',
      { options: { preprocess: '{}', scoreThreshold: 0.1 } },
      /another option scoreThreshold: expected 0.1, received none/,
    ],
  ])('is not gone on with by another %s', async (_, change, message) => {
    write(classify, scores('a', 1, 0));
    const error = await rejectionOf(PredictionsFile.resume(path, { ...classify, ...change }));
    expectFailure(error, 'DATASET_INVALID', message, /begin anew/);
    expect(await read()).toHaveLength(1);
  });

  const header = (task: string): string => JSON.stringify({ predictions: 1, task, labels: ['cat', 'dog'], options: {} });
  it.each<[string, string, string, RegExp]>([
    ['no JSON', 'classify', '{"image":', /line 2: it is no JSON/],
    ['no object', 'classify', '[1]', /line 2: is no object/],
    ['no name', 'classify', '{"scores":""}', /line 2, image: is no name/],
    ['too few scores', 'classify', '{"image":"a","scores":"AAAA"}', /line 2, scores: does not hold 2 scores/],
    [
      'scores that are none',
      'classify',
      `{"image":"a","scores":"${Buffer.from(Float32Array.of(NaN, 1).buffer).toString('base64')}"}`,
      /no numbers/,
    ],
    [
      'half a box',
      'detect',
      '{"image":"a","objects":{"boxes":[1,2],"scores":[1],"classes":[0]}}',
      /objects\.boxes: is no list of 4/,
    ],
    [
      'an unknown class',
      'detect',
      '{"image":"a","objects":{"boxes":[1,2,3,4],"scores":[1],"classes":[2]}}',
      /objects\.classes: is no list of 1 classes below 2/,
    ],
    [
      'a score that is text',
      'detect',
      '{"image":"a","objects":{"boxes":[1,2,3,4],"scores":["1"],"classes":[0]}}',
      /objects\.scores/,
    ],
    [
      'keypoints of a part',
      'detect',
      '{"image":"a","objects":{"boxes":[1,2,3,4],"scores":[1],"classes":[0],"keypoints":[1,2]}}',
      /objects\.keypoints/,
    ],
    [
      'a mask too many',
      'detect',
      '{"image":"a","objects":{"boxes":[],"scores":[],"classes":[],"masks":[{"size":[1,1],"counts":[1]}]}}',
      /objects\.masks/,
    ],
    ['too long a run', 'segment', '{"image":"a","map":{"width":2,"height":1,"runs":[0,3]}}', /map\.runs\[0\]/],
    ['pixels without a class', 'segment', '{"image":"a","map":{"width":2,"height":2,"runs":[0,3]}}', /covers 3 of 4 pixels/],
    ['a size that cannot be', 'segment', '{"image":"a","map":{"width":-2,"height":2,"runs":[]}}', /map\.width/],
  ])('that is damaged is refused: %s', async (_, task, line, message) => {
    writeFileSync(path, `${header(task)}\n${line}\n`);
    const error = await rejectionOf(read());
    expectFailure(error, 'DATASET_INVALID', message, /damaged/);
    expect(error.details).toMatchObject({ file: path, line: 2 });
  });

  it.each(['', 'no json', '{"predictions":2}', '{"predictions":1,"task":"sing","labels":[],"options":{}}'])(
    'is told from another: %j',
    async (text) => {
      writeFileSync(path, text);
      const error = await rejectionOf(read());
      expect(error.code).toBe('DATASET_INVALID');
      appendFileSync(path, '');
    },
  );

  it('is told to be missing', async () => {
    expectFailure(await rejectionOf(read()), 'DATASET_NOT_FOUND', /Cannot read the predictions/, /foveate eval/);
  });

  it.each<[string, PredictionsHeader, string, string, RegExp]>([
    ['an error without a reason', detect, '', '{"image":"a","error":null}', /line 2, error: has no code and message/],
    [
      'a box beyond 32 bits',
      detect,
      '',
      '{"image":"a","objects":{"scores":[1],"boxes":[1e300,0,1,1],"classes":[0]}}',
      /objects\.boxes/,
    ],
    [
      'a map of more pixels than memory',
      segment,
      '',
      '{"image":"a","map":{"width":999999,"height":999999,"runs":[0,999998000001]}}',
      /map\.width/,
    ],
    ['half a line', detect, '', '{"image":"a","obj', /line 2: it is no JSON/],
    ['a model without a name', detect, '{"predictions":1,"task":"detect","labels":[],"options":{},"model":{}}', '', /line 1/],
    ['no options', detect, '{"predictions":1,"task":"detect","labels":[],"options":null}', '', /line 1/],
  ])('refuses %s', async (_, header, first, second, message) => {
    write(header);
    if (first !== '') writeFileSync(path, `${first}\n`);
    appendFileSync(path, second);
    expectFailure(await rejectionOf(read()), 'DATASET_INVALID', message, second.endsWith('obj') ? /--resume/ : /./);
  });
});
