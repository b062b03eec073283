import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { ModelComparison } from '../../lib/index.js';
import { chain } from '../optimize/made-chains.js';
import { foveate, models, picturesFolder, temporaryFolder } from './foveate.js';

const folder = temporaryFolder();
const file = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};
const sound = file('sound.onnx', chain());
const scaled = file('scaled.onnx', chain({ scaled: { layer: 2, factor: 1.5 } }));
const broken = file('broken.onnx', chain({ notANumber: 1 }));
const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';

describe('foveate compare', () => {
  it('ends with 0 where two models are the same', async () => {
    const { code, stdout, stderr } = await foveate([
      'compare',
      models.classifier,
      models.classifier,
      '--data',
      picturesFolder,
      '--same',
      '-q',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^A: shapes-classifier\.onnx\nB: shapes-classifier\.onnx\nOn 8 pictures\n/);
    expect(stdout).toMatch(/\nLayers, without optimizations: \d+ compared\n/);
    expect(stdout).toMatch(/\n {2}top-1 +1\.000/);
    expect(stdout).toMatch(/\nNo layer diverges\.\nWithin the limits: 2 of 2\.\n$/);
  });

  it('ends with 1 where they differ: the last lines say where, by how much, and what is beyond', async () => {
    const { code, stdout } = await foveate(['compare', sound, scaled, '--random', '--min-snr', '20', '-q']);
    expect(code).toBe(1);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.at(-2)).toBe('The first layer that diverges is Conv "conv2": 6.0 dB, its input has no difference.');
    expect(lines.at(-1)).toBe('Beyond the limits: output "y" has 6.0 dB, 14.0 dB below the limit of 20.0 dB.');
    expect(stdout).toMatch(/Where the most noise comes in\n.*\n {2}Conv +conv2 +no difference +6\.0 dB/);
  });

  it('names what is not finite in B alone', async () => {
    const { code, stdout } = await foveate(['compare', sound, broken, '--random', '--pictures', '1', '-q']);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /\nThe first layer that diverges is Conv "conv1": 256 elements are not finite in B alone, its input has no difference\.\n/,
    );
    expect(lastLine(stdout)).toMatch(/^Beyond the limits: output "y" has \d elements? that (is|are) not finite in B alone/);
  });

  it('prints JSON, and writes a page and CSV', async () => {
    const [html, csv] = [join(folder, 'report.html'), join(folder, 'report.csv')];
    const { code, stdout } = await foveate([
      'compare',
      sound,
      scaled,
      '--random',
      '--json',
      '--html',
      html,
      '--csv',
      csv,
      '--min-snr',
      '20',
    ]);
    expect(code).toBe(1);
    const { layers, passed, verdicts } = JSON.parse(stdout) as ModelComparison;
    expect({ node: layers.firstDiverging?.node, passed, judged: verdicts.length }).toEqual({
      node: 'conv2',
      passed: false,
      judged: 1,
    });
    const rows = readFileSync(csv, 'utf8').trimEnd().split('\r\n');
    expect(rows).toHaveLength(1 + 1 + 11);
    expect(rows[0]).toMatch(/^kind,name,name in B,paired by,operator,node,input dB,SNR dB,/);
    expect(rows.find((row) => row.startsWith('layer,conv2:out,'))).toMatch(
      /^layer,conv2:out,conv2:out,name,Conv,conv2,inf,6\.02/,
    );
    const columns = rows.map((row) => row.split(',').length);
    expect(new Set(columns)).toEqual(new Set([18]));
    const page = readFileSync(html, 'utf8');
    expect(page).toMatch(/^<!DOCTYPE html>/);
    expect(page).toContain('Beyond the limits');
    expect(page.match(/<circle /g)).toHaveLength(11);
    expect(page).toMatch(/<tr class="notable"><td class="number" data-value="5">5<\/td><th scope="row"><bdi>conv2<\/bdi>/);
  });

  it.each([
    [['a', 'b'], 2, /^error: Expected data or random but received neither/],
    [['a'], 2, /^error: Missing required argument 'b'/],
    [['a', 'b', '--random', '--min-snr', 'much'], 2, /Expected a number/],
    [['a', 'b', '--random', '--task', 'detect'], 2, /^error: The option --task is for pictures/],
    [['a', 'b', '--random', '--layer-optimization', 'some'], 2, /Allowed choices are disabled, all/],
    [['/nowhere.onnx', '/nowhere.onnx', '--random'], 4, /\[MODEL_NOT_FOUND\]/],
  ])('%j is refused', async (args, expected, message) => {
    const { code, stdout, stderr } = await foveate(['compare', ...args]);
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('refuses a folder without pictures', async () => {
    const { code, stderr } = await foveate([
      'compare',
      models.classifier,
      models.classifier,
      '--data',
      join(picturesFolder, 'nowhere'),
    ]);
    expect(code).toBe(4);
    expect(stderr).toMatch(/There is no folder of pictures at .*nowhere/);
  });
});
