/** Runs one tool on one model and one list of pictures, in a process of its own. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { calibrationCount } from './splits.mjs';

const here = (name) => join(import.meta.dirname, name);
const programs = {
  onnxruntime: [process.env.FOVEATE_PYTHON ?? 'python3', here('quantize_onnxruntime.py')],
  modelopt: [process.env.FOVEATE_MODELOPT_PYTHON ?? 'python3', here('quantize_modelopt.py')],
  foveate: [process.execPath, here('foveate.mjs')],
};
/**
 * onnxruntime's histograms hold every activation of every picture at once, 13 GB for yolov8n. They take so many pictures at a time, which the entropy method
 * gains from.
 */
export const stride = 8;

/** Where the file of a split and what is known of its making lie. */
export function placesOf(work, model, tool, seed, fold) {
  const folder = join(work, 'files', model.name, tool.by === 'foveate' ? 'foveate' : tool.id);
  const name = `${seed}.${fold}`;
  return tool.by === 'foveate'
    ? { file: join(folder, name, tool.file), out: join(folder, name), record: join(folder, `${name}.json`) }
    : { file: join(folder, `${name}.onnx`), out: join(folder, `${name}.onnx`), record: join(folder, `${name}.json`) };
}

/** What is known of a file's making, made now where it is not there: seconds and peak MB, or `error`, what the tool said last. */
export async function quantize(model, tool, places, { shared, source, tensors, list }) {
  if (existsSync(places.record)) return JSON.parse(readFileSync(places.record, 'utf8'));
  mkdirSync(dirname(places.record), { recursive: true });
  rmSync(places.out, { recursive: true, force: true });
  const record = await runTool(tool, { shared, source, tensors, list, out: places.out, stride: isHistogram(tool) ? stride : 0 });
  writeFileSync(`${places.record}.part`, JSON.stringify(record));
  renameSync(`${places.record}.part`, places.record);
  return record;
}

export function isHistogram(tool) {
  return tool.by === 'onnxruntime' && tool.method !== 'minmax';
}

/** Runs the tool; `stride` pictures are held at once, 0: as many as it likes. */
export async function runTool(tool, { shared, source, tensors, list, out, stride: held, pictures = calibrationCount }) {
  const [program, script] = programs[tool.by];
  const args =
    tool.by === 'foveate'
      ? [script, '--model', source, '--shared', shared, '--pictures', list, '--count', String(pictures), '--out', out]
      : [script, '--model', source, '--tensors', tensors, '--pictures', list, '--method', tool.method, '--out', out];
  if (tool.variant !== undefined) args.push('--variant', tool.variant);
  if (held > 0) args.push('--stride', String(held));
  const started = performance.now();
  try {
    const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 2 ** 28 });
    return { ...JSON.parse(stdout.trim().split('\n').at(-1)), processSeconds: (performance.now() - started) / 1000 };
  } catch (error) {
    const said = `${error.stderr ?? ''}`.trim().split('\n');
    // Node writes its version last, Python what went wrong.
    return { error: said.findLast((line) => /^\w*(Error|Exception)\b/.test(line)) ?? (said.at(-1) || error.message) };
  }
}
