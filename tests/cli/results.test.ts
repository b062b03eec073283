import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import sharp from 'sharp';
import { describe, expect, it } from 'vitest';

import { constantModel } from '../tasks/made-models.js';
import { foveate, models, picture, temporaryFolder } from './foveate.js';

/** The records of a CSV text, by the rules of RFC 4180. */
function parseCsv(text: string): string[][] {
  const records: string[][] = [];
  let fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  while (field.lastIndex < text.length) {
    const match = field.exec(text);
    if (match === null) throw new Error(`no CSV: ${text}`);
    const [, quoted, plain = '', end] = match;
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    records.push(fields);
    fields = [];
  }
  if (fields.length > 0) throw new Error(`no CSV: ${text}`);
  return records;
}

const parseLines = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const untimed = ({ timing, ...rest }: Record<string, unknown>): object => {
  expect(timing === undefined).toBe('error' in rest);
  return rest;
};

const shapes = picture('shapes-640x480.jpg');
const missing = picture('none.jpg');

describe('--ndjson', () => {
  it('is the item of --json a line, errors too', async () => {
    const inputs = [shapes, missing, picture('star.jpg')];
    const lines = await foveate(['run', models.detector, ...inputs, '--ndjson', '-q']);
    const whole = await foveate(['run', models.detector, ...inputs, '--json', '-q']);
    expect(lines.code).toBe(4);
    const { pictures } = JSON.parse(whole.stdout) as { pictures: Record<string, unknown>[] };
    expect(parseLines(lines.stdout).map(untimed)).toEqual(pictures.map(untimed));
    expect(pictures[1]).toMatchObject({ path: missing, error: { code: 'MEDIA_NOT_FOUND' } });
  });

  it('has a line for the failure of the call', async () => {
    const { code, stdout } = await foveate(['run', 'none.onnx', shapes, '--ndjson']);
    expect(code).toBe(4);
    expect(parseLines(stdout)).toMatchObject([{ error: { code: 'MODEL_NOT_FOUND' } }]);
    const usage = await foveate(['run', models.detector, shapes, '--ndjson', '--tpo-k', '3']);
    expect(parseLines(usage.stdout)).toMatchObject([{ error: { code: 'UNKNOWN_OPTION' } }]);
  });

  it('is written as the results come', async () => {
    const args = ['run', models.classifier, shapes, '-', '--ndjson', '-q'];
    let first = '';
    // Standard input stays open until the first line is there, which it would not be if lines were held back.
    const { code, stdout } = await foveate(args, {
      stdinOpen: true,
      onOutput: (child, text) => {
        first = text;
        child.stdin?.end(readFileSync(picture('star.jpg')));
      },
    });
    expect(code).toBe(0);
    expect(parseLines(first)).toHaveLength(1);
    expect(parseLines(stdout).map(({ path }) => path)).toEqual([shapes, '-']);
  });
});

describe('--csv', () => {
  it('has a record for each box, and one for a picture without any or with an error', async () => {
    const call = ['run', models.detector, shapes, missing, picture('star.jpg'), '--max-detections', '3', '--classes', 'star'];
    const { code, stdout } = await foveate([...call, '--csv', '-q']);
    expect(code).toBe(4);
    const [header, ...records] = parseCsv(stdout);
    expect(header).toEqual('path,width,height,class_id,label,score,x1,y1,x2,y2,rotated_box,keypoints,error,message'.split(','));
    expect(new Set(records.map(({ length }) => length))).toEqual(new Set([14]));
    const { pictures } = JSON.parse((await foveate([...call, '--json', '-q'])).stdout) as {
      pictures: {
        path: string;
        width: number;
        height: number;
        detections?: { classId: number; label: string; score: number; box: number[] }[];
      }[];
    };
    const expected = pictures.flatMap(({ path, width, height, detections }) => {
      if (detections === undefined) return [[path, '', '', '', '', '', '', '', '', '']];
      const seen = detections.map(({ classId, label, score, box }) =>
        [path, width, height, classId, label, score, ...box].map(String),
      );
      return seen.length > 0 ? seen : [[path, width, height, '', '', '', '', '', '', ''].map(String)];
    });
    expect(records.map((record) => record.slice(0, 10))).toEqual(expected);
    const failed = records.find(([path]) => path === missing);
    expect(failed?.slice(10)).toEqual(['', '', 'MEDIA_NOT_FOUND', expect.stringContaining('none.jpg')]);
  });

  it('has oriented boxes and keypoints as lists of numbers', async () => {
    const folder = temporaryFolder();
    // Values that are a box as centre and sides, and as corners.
    const model = (name: string, metadata: Readonly<Record<string, string>>, ...extras: number[]): string => {
      const values = Float32Array.of(...[16, 16, 48, 24, 0.75, 0, ...extras], ...[0, 0, 0, 0, 0, 0, ...extras.map(() => 0)]);
      const output = { name: 'y', shape: [1, 2, 6 + extras.length], values };
      const path = join(folder, name);
      writeFileSync(
        path,
        constantModel({ input: [1, 3, 64, 64], outputs: [output], metadata: { names: "{0: 'ship'}", ...metadata } }),
      );
      return path;
    };
    const call = [picture('star.jpg'), '--preprocess', 'rtdetr', '--csv', '-q'];
    const { width, height } = await sharp(picture('star.jpg')).metadata();
    const upright = (await foveate(['run', model('obb.onnx', { task: 'obb' }, 0), ...call])).stdout;
    const [header, oriented] = parseCsv(upright);
    expect(header?.slice(10, 12)).toEqual(['rotated_box', 'keypoints']);
    expect(oriented?.[10]?.split(' ').map(Number)).toEqual([width / 4, height / 4, width * 0.75, height * 0.375, 0]);
    expect(oriented?.[11]).toBe('');
    const pose = model('pose.onnx', { task: 'pose', kpt_shape: '[2, 3]' }, 32, 32, 0.5, 0, 64, 0.25);
    const [, joints] = parseCsv((await foveate(['run', pose, ...call])).stdout);
    expect(joints?.slice(10, 12)).toEqual(['', `${width / 2} ${height / 2} 0.5 0 ${height} 0.25`]);
  });

  it('has the columns of each task', async () => {
    const classes = parseCsv(
      (await foveate(['run', models.classifier, picture('star.jpg'), '--csv', '--top-k', '2', '-q'])).stdout,
    );
    expect(classes.map((record) => record.slice(3, 6))).toEqual([
      ['rank', 'class_id', 'label'],
      ['1', '3', 'star'],
      ['2', expect.any(String), expect.any(String)],
    ]);
    const { stdout } = await foveate(['run', models.segmenter, picture('segment-400x300.jpg'), '--csv', '-q']);
    const [header, ...regions] = parseCsv(stdout);
    expect(header).toEqual('path,width,height,class_id,label,pixels,fraction,error,message'.split(','));
    expect(regions.reduce((sum, record) => sum + Number(record[5]), 0)).toBe(400 * 300);
  });

  it('quotes what has commas, quotes or line breaks', async () => {
    const folder = temporaryFolder();
    const odd = join(folder, 'a "b", c\nd.jpg');
    symlinkSync(picture('star.jpg'), odd);
    const labels = join(folder, 'labels.json');
    const names = ['plain', 'a,b', 'say "x"', 'two\r\nlines', '', ' space '];
    writeFileSync(labels, JSON.stringify(names));
    const { code, stdout } = await foveate(['run', models.classifier, odd, '--csv', '--labels', labels, '--top-k', '6', '-q']);
    expect(code).toBe(0);
    const records = parseCsv(stdout).slice(1);
    expect(records.map(([path]) => path)).toEqual(Array<string>(6).fill(odd));
    expect(records.map((record) => record[5]).sort()).toEqual([...names].sort());
  });
});

describe('--results', () => {
  it.each(['json', 'ndjson', 'csv'])('writes to a file what --%s prints', async (format) => {
    const folder = temporaryFolder();
    const path = join(folder, 'results');
    const call = ['run', models.classifier, shapes, missing, `--${format}`, '-q'];
    const { code, stdout } = await foveate([...call, '--results', path]);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    const untimedText = (text: string): string => text.replace(/"timing":\{[^}]*\}/g, '');
    expect(untimedText(readFileSync(path, 'utf8'))).toBe(untimedText((await foveate(call)).stdout));
    expect(readdirSync(folder)).toEqual(['results']);
  });

  it('replaces nothing that is there unless told to, and never what is read', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'results.csv');
    writeFileSync(path, 'mine');
    const call = ['run', models.classifier, shapes, '--csv', '-q', '--results'];
    const refused = await foveate([...call, path]);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toMatch(/would overwrite .*results\.csv \[OUTPUT_NOT_WRITABLE\]\nhint: .*--overwrite.*--resume/);
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect((await foveate([...call, path, '--overwrite'])).code).toBe(0);
    expect(parseCsv(readFileSync(path, 'utf8'))).toHaveLength(6);

    const link = join(folder, 'link.csv');
    symlinkSync(models.classifier, link);
    const before = readFileSync(models.classifier);
    const model = await foveate([...call, link, '--overwrite']);
    expect(model.code).toBe(4);
    expect(model.stderr).toMatch(/which is read/);
    expect(readFileSync(models.classifier).equals(before)).toBe(true);
    expect(existsSync(`${link}.foveate-journal`)).toBe(false);
  });

  it('that cannot be written to is told', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'a'));
    for (const path of [join(folder, 'a'), join(folder, 'none/results.csv'), '/dev/null']) {
      const { code, stdout, stderr } = await foveate(['run', models.classifier, shapes, '--csv', '-q', '--results', path]);
      expect({ code, stdout }, path).toEqual({ code: 4, stdout: '' });
      expect(stderr).toMatch(/Cannot write .*\[OUTPUT_NOT_WRITABLE\]\nhint: /);
    }
  });

  it('as JSON is one whole document also where the call fails', async () => {
    const folder = temporaryFolder();
    for (let i = 0; i < 3000; i++) symlinkSync(picture('star.jpg'), join(folder, `${i}.jpg`));
    const path = join(folder, 'results.json');
    const { code, stdout } = await foveate(['run', models.classifier, folder, '--json', '--results', path, '-q'], {
      kill: { when: () => existsSync(path) && statSync(path).size > 10_000, signal: 'SIGINT' },
    });
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    const { pictures, error } = JSON.parse(readFileSync(path, 'utf8')) as { pictures: unknown[]; error: { code: string } };
    expect(pictures.length).toBeGreaterThan(10);
    expect(error.code).toBe('ABORTED');
  });
});

describe('options that do not go together', () => {
  it.each([
    [['--json', '--csv'], /'--json' cannot be used with option '--csv'/],
    [['--ndjson', '--json'], /cannot be used with option/],
    [['--results', 'x'], /Expected --json, --ndjson or --csv beside --results/],
    [['--resume'], /Expected --output, or --results with --ndjson or --csv, beside --resume/],
    [['--resume', '--csv'], /beside --resume/],
    [['--resume', '--json', '--results', 'x'], /beside --resume/],
    [['--resume', '-o', 'x', '-'], /Expected files beside --resume but received standard input/],
  ])('%j', async (options, message) => {
    const { code, stderr } = await foveate(['run', models.classifier, shapes, ...options], { cwd: temporaryFolder() });
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/\[INVALID_ARGUMENT\]\nhint: /);
  });
});
