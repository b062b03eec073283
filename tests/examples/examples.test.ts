/** The examples run as they are, on the built library, as a reader of them would run them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { projectRoot, runProgram } from '../package/node-child.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-examples-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What each prints, and the picture that it writes, with its size. */
const expected = {
  'detect.mjs': { prints: /^cross +0\.9\d +\d+ \d+ \d+ \d+$/m, writes: ['detections.jpg', 1280, 720] },
  'classify.mjs': { prints: /^circle 9\d\.\d%, .*\nstar 9\d\.\d%, .*\nring 9\d\.\d%, /, writes: undefined },
  'segment.mjs': { prints: /^background +5\d\.\d%\ncircle +3\d\.\d%$/m, writes: ['mask.png', 400, 300] },
  'embed.mjs': { prints: /^circle +1\.00 .*\nring +-?0\.\d\d +1\.00 .*\nsquare .*\nstar .* 1\.00$/m, writes: undefined },
  'slices.mjs': { prints: /^\d+ at a glance, \d+ in slices$/m, writes: ['slices.jpg', 1280, 720] },
  'evaluate.mjs': {
    prints: /^AP 0\.[67]\d\d, 0\.\d+ to 0\.\d+\ncircle [^]*\npass AP 0\.[^]*\npass bytes of the model .*$/m,
    writes: undefined,
  },
  'optimize.mjs': {
    prints:
      /^float32 1503 kB [\d.]+ ms \nonnxruntime 4\d\d kB [\d.]+ ms recall (0\.9\d|1\.00)\ntensorrt 4\d\d kB - recall 0?\d\.\d\d\n\w+ 0\.\d\d$/m,
    writes: undefined,
  },
  'metrics.mjs': {
    prints:
      /^MEDIA_UNSUPPORTED for a mistake\n.*outcome="ok"\} 3\n.*outcome="MEDIA_UNSUPPORTED"\} 1\nfoveate_compute_seconds_count.* 3$/m,
    writes: undefined,
  },
  'teacher.mjs': { prints: /^3 pictures: input, logits$/m, writes: undefined },
  'session.mjs': { prints: /^onnxruntime on cpu: .*\nlogits Tensor<float32>\[1, 6\] .*\n0 bytes copied$/m, writes: undefined },
} as const;

it('are all tested here', () => {
  const examples = readdirSync(join(projectRoot, 'examples')).filter((name) => name.endsWith('.mjs'));
  expect(examples.sort()).toEqual(Object.keys(expected).sort());
});

it.each(Object.entries(expected))('%s', async (name, { prints, writes }) => {
  const { code, stdout, stderr } = await runProgram(process.execPath, [join(projectRoot, 'examples', name)], { cwd: folder });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(prints);
  if (name === 'teacher.mjs') {
    // Three inputs of 3 x 96 x 96 and three times six classes, each after a header of 128 bytes.
    expect(statSync(join(folder, 'teacher/input.npy')).size).toBe(128 + 4 * 3 * 3 * 96 * 96);
    expect(readFileSync(join(folder, 'teacher/logits.npy')).subarray(128)).toHaveLength(4 * 3 * 6);
  }
  if (writes === undefined) return;
  const [file, width, height] = writes;
  expect(await sharp(join(folder, file)).metadata()).toMatchObject({ width, height });
});
