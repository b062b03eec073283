import { cpSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { beforeAll, describe, expect, it } from 'vitest';

import { libraryCandidates } from '../../lib/engine/index.js';
import { Preprocess, type PreprocessOptions } from '../../lib/image/index.js';
import { brightness, constantModel, type ConstantOutput } from '../tasks/made-models.js';
import { foveate, models, picture, projectRoot, temporaryFolder } from './foveate.js';

interface Labelled {
  readonly file: string;
  readonly task: string;
  readonly objects?: readonly { readonly label: string; readonly box: readonly number[] }[];
}

interface Reported {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly timing: Readonly<Record<string, number>>;
  readonly detections: readonly { readonly label: string; readonly score: number; readonly box: readonly number[] }[];
  readonly classes: readonly { readonly label: string; readonly score: number }[];
  readonly regions: readonly { readonly label: string; readonly pixels: number; readonly fraction: number }[];
  readonly error: { readonly code: string; readonly message: string };
}

interface Report {
  readonly model: string;
  readonly device: string;
  readonly runtime: { readonly name: string };
  readonly labelSource: string;
  readonly preprocess: PreprocessOptions;
  readonly pictures: readonly Reported[];
}

const shapes = ['circle', 'cross', 'ring', 'square', 'star', 'triangle'];
const labelled = (JSON.parse(readFileSync(picture('labels.json'), 'utf8')) as { pictures: Labelled[] }).pictures;

async function report(...args: string[]): Promise<Report> {
  const { stdout, stderr } = await foveate(['run', ...args, '--json']);
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout) as Report;
}

function iou(a: readonly number[], b: readonly number[]): number {
  const [ax1 = 0, ay1 = 0, ax2 = 0, ay2 = 0] = a;
  const [bx1 = 0, by1 = 0, bx2 = 0, by2 = 0] = b;
  const shared = Math.max(0, Math.min(ax2, bx2) - Math.max(ax1, bx1)) * Math.max(0, Math.min(ay2, by2) - Math.max(ay1, by1));
  return shared / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared);
}

describe('what is told of a picture', () => {
  it('the classes, for a classifier', async () => {
    const { pictures, ...head } = await report(models.classifier, ...shapes.map((shape) => picture(`${shape}.jpg`)));
    expect(head).toMatchObject({
      model: models.classifier,
      device: 'cpu',
      labelSource: 'metadata',
      runtime: { name: 'onnxruntime' },
    });
    const right = pictures.filter(({ classes }, i) => classes[0]?.label === shapes[i]);
    expect(right.length).toBeGreaterThanOrEqual(5);
    for (const { classes, timing } of pictures) {
      expect(classes.length).toBe(5);
      expect(classes.every(({ score }) => score >= 0 && score <= 1)).toBe(true);
      expect(timing['computeMs']).toBeGreaterThan(0);
    }
  });

  it('the objects, for a detector', async () => {
    const truth = labelled.filter(({ task }) => task === 'detect');
    const { pictures } = await report(models.detector, ...truth.map(({ file }) => picture(file)));
    expect(pictures.map(({ path }) => path)).toEqual(truth.map(({ file }) => picture(file)));
    const objects = truth.flatMap(({ objects = [] }, i) =>
      objects.map(({ label, box }) =>
        pictures[i]?.detections.some((found) => found.label === label && iou(found.box, box) > 0.5),
      ),
    );
    expect(objects.length).toBeGreaterThan(10);
    expect(objects.filter(Boolean).length / objects.length).toBeGreaterThan(0.4);
  });

  it('the regions, for a segmenter', async () => {
    const { pictures } = await report(models.segmenter, picture('segment-400x300.jpg'));
    const [found] = pictures as [Reported];
    expect({ width: found.width, height: found.height }).toEqual({ width: 400, height: 300 });
    expect(found.regions.reduce((sum, { pixels }) => sum + pixels, 0)).toBe(400 * 300);
    expect(found.regions.length).toBeGreaterThan(1);
  });

  it('a table for people, notes apart from it', async () => {
    const path = picture('circle.jpg');
    const { code, stdout, stderr } = await foveate(['run', models.classifier, path, '--top-k', '2']);
    expect(code).toBe(0);
    const [heading, ...rows] = stdout.trimEnd().split('\n');
    expect(heading).toMatch(/circle\.jpg {2}\d+ x \d+ {2}\d+\.\d ms$/);
    expect(rows).toHaveLength(2);
    // Labels padded to one width, scores below each other.
    expect(new Set(rows.map((row) => row.length)).size).toBe(1);
    expect(rows[0]).toMatch(/^ {2}circle +\d\.\d{3}$/);
    expect(stderr).toMatch(/^1 picture in \d.* on cpu with onnxruntime 1\./);
    expect(stderr.split('\n')[1]).toMatch(
      /^Classifier: shortest edge to 110, crop to 96 x 96, bilinear-antialias, rgb, scale 1\/255, mean /,
    );
    expect(stderr).not.toMatch(/^(Device|Labels)/m);
    const quiet = await foveate(['run', models.classifier, path, '--quiet']);
    expect(quiet).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('what the model was taken for', () => {
  const path = picture('segment-400x300.jpg');

  it('is told in JSON', async () => {
    const detector = await report(models.detector, path);
    expect(detector).toMatchObject({
      task: 'detect',
      head: 'yolov8',
      preprocessSource: 'preset yolo',
      deviceReason: expect.stringMatching(/cuda/i) as string,
    });
    expect(detector.preprocess).toEqual(Preprocess.preset('yolo', { width: 256, height: 256, resizeEdge: 293 }).options);
    expect(await report(models.classifier, path)).toMatchObject({ task: 'classify', preprocess: { fit: 'crop' } });
    const segmenter = await report(models.segmenter, path);
    expect(segmenter).toMatchObject({ task: 'segment', preprocess: { fit: 'stretch' } });
    expect(segmenter).not.toHaveProperty('head');
  });

  it('is told in a line', async () => {
    const { stderr } = await foveate(['run', models.detector, path]);
    expect(stderr).toMatch(/^Detector: yolov8 head, letterbox to 256 x 256, rgb, scale 1\/255, from preset yolo\.$/m);
    const named = await foveate(['run', models.detector, path, '--preprocess', 'yolox']);
    expect(named.stderr).toMatch(/^Detector: yolov8 head, letterbox to 256 x 256, top-left, bgr, scale 1, as asked\.$/m);
  });

  it('comes with the names of background and foreground, for a binary segmenter', async () => {
    const model = join(temporaryFolder(), 'binary.onnx');
    writeFileSync(model, brightness());
    const { stderr } = await foveate(['run', model, path]);
    expect(stderr).toMatch(
      /^Labels: background and foreground, because the model tells one class from the rest and has no names\.$/m,
    );
  });

  it('comes with the reason for the device, where the library is of the user', async () => {
    const library = libraryCandidates(undefined).find((candidate) => candidate.path !== undefined)?.path as string;
    const { stderr } = await foveate(['run', models.detector, path], { env: { FOVEATE_ONNXRUNTIME_PATH: library } });
    expect(stderr).toMatch(/^Device cpu: .*CUDA.*\.$/m);
  });
});

describe('options', () => {
  const file = 'shapes-640x480.jpg';

  it('choose what is found', async () => {
    const all = (await report(models.detector, picture(file), '--score-threshold', '0.05')).pictures[0] as Reported;
    const sure = (await report(models.detector, picture(file), '--score-threshold', '0.5')).pictures[0] as Reported;
    expect(all.detections.length).toBeGreaterThan(sure.detections.length);
    expect(sure.detections.every(({ score }) => score >= 0.5)).toBe(true);
    const one = (await report(models.detector, picture(file), '--max-detections', '1')).pictures[0] as Reported;
    expect(one.detections).toEqual(sure.detections.slice(0, 1));
    const label = sure.detections[0]?.label as string;
    const only = (await report(models.detector, picture(file), '--classes', label)).pictures[0] as Reported;
    expect(new Set(only.detections.map((found) => found.label))).toEqual(new Set([label]));
  });

  it('name the task, or leave it to be recognised', async () => {
    const named = await report(models.classifier, picture('star.jpg'), '--task', 'classify');
    const recognised = await report(models.classifier, picture('star.jpg'));
    expect(named.pictures[0]?.classes).toEqual(recognised.pictures[0]?.classes);
    const wrong = await foveate(['run', models.classifier, picture('star.jpg'), '--task', 'detect']);
    expect(wrong).toMatchObject({ code: 4, stdout: '' });
    expect(wrong.stderr).toMatch(/MODEL_UNSUPPORTED/);
  });

  it('take labels from a file, which cannot steer the terminal', async () => {
    const labels = join(temporaryFolder(), 'labels.txt');
    writeFileSync(labels, ['\u001b[31mred', 'b', 'c', 'd', 'e', 'f'].join('\n'));
    const { code, stdout } = await foveate(['run', models.classifier, picture('star.jpg'), '--labels', labels, '--top-k', '6']);
    expect(code).toBe(0);
    expect(stdout).toContain('\uFFFD[31mred');
    expect(stdout).not.toContain('\u001b');
  });
});

describe('inputs', () => {
  const folder = temporaryFolder();
  const names = async (...inputs: string[]): Promise<string[]> =>
    (await report(models.classifier, ...inputs)).pictures.map(({ path }) => path.replace(`${folder}/`, ''));

  beforeAll(() => {
    mkdirSync(join(folder, 'more'));
    for (const name of ['p10.jpg', 'p2.JPG', 'more/p3.jpg', 'odd[1].jpg']) cpSync(picture('star.jpg'), join(folder, name));
    symlinkSync('p2.JPG', join(folder, 'link.jpg'));
    writeFileSync(join(folder, 'notes.txt'), 'not a picture');
    writeFileSync(join(folder, '.hidden.jpg'), 'not a picture either');
  });

  it('of a folder are its pictures, counted as people count', async () => {
    expect(await names(folder)).toEqual(['link.jpg', 'odd[1].jpg', 'p2.JPG', 'p10.jpg']);
    expect(await names(folder, '--recursive')).toEqual(['link.jpg', 'more/p3.jpg', 'odd[1].jpg', 'p2.JPG', 'p10.jpg']);
  });

  it('of a pattern are the files that match', async () => {
    expect(await names(join(folder, '**/p*.{jpg,JPG}'))).toEqual(['more/p3.jpg', 'p2.JPG', 'p10.jpg']);
  });

  it('with brackets in the name are files before they are patterns', async () => {
    expect(await names(join(folder, 'odd[1].jpg'))).toEqual(['odd[1].jpg']);
  });

  it('come in the order they were named, each once', async () => {
    expect(await names(join(folder, 'p10.jpg'), folder, join(folder, 'p10.jpg'))).toEqual([
      'p10.jpg',
      'link.jpg',
      'odd[1].jpg',
      'p2.JPG',
    ]);
  });

  it('may come through standard input', async () => {
    const stdin = readFileSync(picture('star.jpg'));
    const { code, stdout } = await foveate(['run', models.classifier, '-', '--json'], { stdin });
    expect(code).toBe(0);
    const { pictures } = JSON.parse(stdout) as Report;
    const direct = await report(models.classifier, picture('star.jpg'));
    expect(pictures[0]?.path).toBe('-');
    expect(pictures[0]?.classes).toEqual(direct.pictures[0]?.classes);
  });

  it('that are missing or bad do not stop the others', async () => {
    const truncated = join(folder, 'more/truncated.png');
    writeFileSync(truncated, readFileSync(picture('segment-256x256.png')).subarray(0, 2000));
    const inputs = [
      picture('star.jpg'),
      join(folder, 'nope.jpg'),
      join(folder, 'notes.txt'),
      truncated,
      join(folder, '*.webp'),
      picture('ring.jpg'),
    ];
    const { code, stdout, stderr } = await foveate(['run', models.classifier, ...inputs, '--json', '--quiet']);
    expect(code).toBe(4);
    const { pictures } = JSON.parse(stdout) as Report;
    expect(pictures.map(({ path }) => path)).toEqual(inputs);
    expect(pictures.map(({ error }) => error?.code)).toEqual([
      undefined,
      'MEDIA_NOT_FOUND',
      'MEDIA_UNSUPPORTED',
      'MEDIA_INVALID',
      'MEDIA_NOT_FOUND',
      undefined,
    ]);
    expect(stderr.match(/^error: /gm)).toHaveLength(4);
    expect(stderr).toMatch(/nope\.jpg.*\[MEDIA_NOT_FOUND\]/);
  });

  it('that no picture can be named by do not stop the others', async () => {
    const inputs = ['https://127.0.0.1/y.jpg', '', 'file://elsewhere/z.jpg', picture('ring.jpg')];
    const { code, stdout, stderr } = await foveate(['run', models.classifier, ...inputs, '--json', '--quiet']);
    expect(code).toBe(4);
    const { pictures } = JSON.parse(stdout) as Report;
    expect(pictures.map(({ path }) => path)).toEqual(inputs);
    const invalid = 'INVALID_ARGUMENT';
    expect(pictures.map(({ error }) => error?.code)).toEqual([invalid, invalid, invalid, undefined]);
    expect(stderr).toContain("hint: Fetch it first: curl -s 'https://127.0.0.1/y.jpg' | foveate run MODEL -\n");
    expect(stderr).toMatch(/received "" \[INVALID_ARGUMENT\]\nhint: A variable/);
  });

  it('may be file: URLs, which name the same file as its path', async () => {
    const path = join(folder, 'p10.jpg');
    expect(await names(pathToFileURL(path).href, path)).toEqual(['p10.jpg']);
    const { href } = pathToFileURL(folder);
    expect(await names(href)).toContain('p2.JPG');
  });

  it('that are too large, or an empty or missing standard input, are told', async () => {
    const large = await foveate(['run', models.classifier, picture('star.jpg'), '--pixel-limit', '100', '--quiet']);
    expect(large).toMatchObject({ code: 4, stdout: '' });
    expect(large.stderr).toMatch(/star\.jpg.*100 pixels.*\[MEDIA_TOO_LARGE\]/);
    const empty = await foveate(['run', models.classifier, '-', '--quiet']);
    expect(empty).toMatchObject({ code: 4, stdout: '' });
    expect(empty.stderr).toMatch(/empty \(0 bytes\).*\[MEDIA_INVALID\]/);
  });

  it('of an empty folder are told, with the way to its subfolders', async () => {
    const outer = join(folder, 'outer');
    mkdirSync(join(outer, 'inner'), { recursive: true });
    const { code, stderr } = await foveate(['run', models.classifier, outer, '--quiet']);
    expect(code).toBe(4);
    expect(stderr).toMatch(/no picture in the folder .*\[MEDIA_NOT_FOUND\]\nhint: --recursive/);
  });

  it('that are the same file under two names are two pictures', async () => {
    linkSync(join(folder, 'p10.jpg'), join(folder, 'more/p11.jpg'));
    expect(await names(join(folder, 'p10.jpg'), join(folder, 'more/p11.jpg'))).toEqual(['p10.jpg', 'more/p11.jpg']);
  });
});

describe('a model that cannot be used', () => {
  it.each([
    ['missing', 'nope.onnx', 'MODEL_NOT_FOUND'],
    ['a picture', picture('star.jpg'), 'MODEL_INVALID'],
    ['for no known task', join(projectRoot, 'tests/native/fixtures/identity_int64.onnx'), 'MODEL_UNSUPPORTED'],
    ['for a task that is not clear', join(projectRoot, 'tests/native/fixtures/identity_float32.onnx'), 'MODEL_AMBIGUOUS'],
  ])('%s', async (_, model, expected) => {
    const { code, stdout, stderr } = await foveate(['run', model, picture('star.jpg'), '--json']);
    expect(code).toBe(4);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string; hint: string } };
    expect(error.code).toBe(expected);
    expect(stderr).toContain(error.message);
    expect(stderr).toMatch(/^hint: /m);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it('names the flag where the task is not clear', async () => {
    const model = join(projectRoot, 'tests/native/fixtures/identity_float32.onnx');
    const { stderr } = await foveate(['run', model, picture('star.jpg')]);
    expect(stderr).toMatch(/hint: Say so: --task classify or --task embed/);
  });

  it('names the flag of an output that must be named, and takes it', async () => {
    const map = (name: string, side: number): ConstantOutput => ({
      name,
      shape: [1, side, side],
      values: new Float32Array(side * side).fill(side),
    });
    const model = join(temporaryFolder(), 'two-maps.onnx');
    const call = ['run', model, picture('star.jpg'), '--task', 'dense'];
    writeFileSync(model, constantModel({ input: [1, 3, 16, 16], outputs: [map('a map', 8), map('b', 4)] }));
    const quoted = await foveate(call);
    expect(quoted.stderr).toMatch(/\[MODEL_AMBIGUOUS\]\nhint: Name it: --model-output "a map"\.\n/);
    writeFileSync(model, constantModel({ input: [1, 3, 16, 16], outputs: [map('a', 8), map('b', 4)] }));
    const plain = await foveate(call);
    expect(plain.stderr).toMatch(/\[MODEL_AMBIGUOUS\]\nhint: Name it: --model-output a\.\n/);
    const { code, stdout } = await foveate([...call, '--model-output', 'b', '--csv', '-q']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/,4,4,,\r\n$/);
    const foreign = await foveate(['run', models.detector, picture('star.jpg'), '--model-output', 'b']);
    expect(foreign.stderr).toMatch(/The option --model-output is for an embedder, but/);
  });

  it('because a device was named that is not there', async () => {
    const { code, stderr } = await foveate(['run', models.classifier, picture('star.jpg'), '--device', 'tensorrt']);
    expect(code).toBe(3);
    // Without a library, or without a GPU.
    expect(stderr).toMatch(/tensorrt.*\[BACKEND_(NOT_FOUND|UNAVAILABLE)\]/s);
  });
});

describe('--slices', () => {
  const large = picture('shapes-640x480.jpg');
  const boxes = async (...flags: string[]): Promise<number> => {
    const { code, stdout } = await foveate(['run', models.detector, ...flags, large, '--ndjson', '-q']);
    expect(code).toBe(0);
    return (JSON.parse(stdout) as { detections: unknown[] }).detections.length;
  };

  it('takes no value: the picture may follow', async () => {
    expect(await boxes('--slices')).toBeGreaterThan(0);
  });

  it('--slice-size is their size, and asks for them', async () => {
    const sliced = await boxes('--slice-size', '200');
    expect(await boxes('--slice-size', '200', '--slices')).toBe(sliced);
    expect(sliced).not.toBe(await boxes());
  });

  it('refuses a size that is none in terms of the command line', async () => {
    const { code, stderr } = await foveate(['run', models.detector, large, '--slice-size', '0']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/for --slice-size but received 0 /);
  });
});
