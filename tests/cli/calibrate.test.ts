/** `foveate calibrate`, as a user types it, with a model of the demo on made scenes. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { CalibrationTable } from '../../lib/precision/index.js';
import { writeScenes } from '../optimize/made-scenes.js';
import { foveate, models, temporaryFolder } from './foveate.js';

const folder = temporaryFolder();
const inFolder = (name: string): string => join(folder, name);

describe('foveate calibrate', { timeout: 120_000 }, () => {
  it('stops where ranges would be wrong, and with --force goes on and says why it did', async () => {
    const few = await writeScenes(inFolder('few'), 5);
    const table = inFolder('few.json');
    const call = ['calibrate', models.classifier, '--data', few, '-o', table] as const;
    const stopped = await foveate([...call]);
    expect(stopped.code).toBe(4);
    expect(stopped.stderr).toMatch(/5 pictures are too few.*\[CALIBRATION_DOUBTFUL\]\nhint: .*The option --force goes on/s);
    const json = await foveate([...call, '--json', '-q']);
    const { error } = JSON.parse(json.stdout) as { error: { code: string; details: { reasons: { code: string }[] } } };
    expect(error.details.reasons.map(({ code }) => code)).toContain('TOO_FEW_PICTURES');
    const forced = await foveate([...call, '--force']);
    expect(forced.code, forced.stderr).toBe(0);
    expect(forced.stderr).toMatch(/warning: 5 pictures are too few/);
    expect(forced.stdout).toMatch(/shapes-classifier\.onnx: \d+ tensors, 5 pictures/);
    const shown = await foveate(['inspect', table]);
    expect(shown.stdout).toMatch(/^Calibration of shapes-classifier\.onnx[\s\S]* {2}forced +5 pictures are too few/);
    expect((JSON.parse((await foveate(['inspect', table, '--json'])).stdout) as { pictures: unknown[] }).pictures).toHaveLength(
      5,
    );
  });

  it('merges tables, and writes the cache of TensorRT', async () => {
    for (const [name, first] of [
      ['a', 20],
      ['b', 30],
    ] as const) {
      const data = await writeScenes(inFolder(name), 10, { first });
      const { code, stderr } = await foveate([
        'calibrate',
        models.classifier,
        '--data',
        data,
        '-o',
        inFolder(`${name}.json`),
        '--force',
        '-q',
      ]);
      expect(code, stderr).toBe(0);
    }
    const cache = inFolder('calib.cache');
    const [a, b, both] = ['a.json', 'b.json', 'both.json'].map(inFolder) as [string, string, string];
    const merge = ['calibrate', models.classifier, '--merge', a, b, '--force'];
    const { code, stderr } = await foveate([...merge, '-o', both, '--tensorrt-cache', cache, '--tensorrt-version', '10.14.1']);
    expect(code, stderr).toBe(0);
    expect(stderr).not.toMatch(/too few/);
    expect((await CalibrationTable.read(both)).pictures).toHaveLength(20);
    expect(readFileSync(cache, 'utf8')).toMatch(/^TRT-101401-EntropyCalibration2\n[^\n]+: [0-9a-f]+\n/);
    expect((await foveate(['inspect', cache])).stdout).toMatch(
      /^Calibration cache of TensorRT 10\.14\.1, .* tensors\n\n {2}\S+ +±\d/,
    );
    expect((await foveate(['calibrate', models.classifier, '--merge', a, a, '-o', both])).stderr).toMatch(
      /10 pictures are in both/,
    );
    expect((await foveate(['calibrate', models.detector, '--merge', a, '-o', both])).stderr).toMatch(
      /a\.json" is of another model, shapes-classifier/,
    );
  });

  it('leaves a table that goes on when it is interrupted', async () => {
    const data = await writeScenes(inFolder('many'), 60, { first: 100 });
    const table = inFolder('many.json');
    const call = ['calibrate', models.segmenter, '--data', data, '--pictures', '60', '-o', table, '--force', '-q'];
    const stopped = await foveate(call, { kill: { when: () => existsSync(table), signal: 'SIGINT' } });
    // The table is there for the first time some seconds before the end, or with the last picture.
    expect([0, 130], stopped.stderr).toContain(stopped.code);
    if (stopped.code === 130) expect(stopped.stderr).toMatch(/--resume goes on from here[\s\S]*Interrupted/);
    const resumed = await foveate([...call, '--resume']);
    expect(resumed.code, resumed.stderr).toBe(0);
    const { pictures, partial } = await CalibrationTable.read(table);
    expect([pictures.length, partial]).toEqual([60, false]);
  });

  it('says what is wrong with the call, and replaces nothing that is no table', async () => {
    const model = models.classifier;
    const precious = inFolder('precious.onnx');
    writeFileSync(precious, 'weights');
    for (const [args, message] of [
      [[model], /Expected --data or --merge/],
      [[model, '--data', folder], /Expected --output/],
      [[model, '--merge', 'a.json', '-o', 'b.json', '--resume'], /--resume goes on with a table/],
      [[model, '--data', folder, '--tensorrt-cache', 'c'], /--tensorrt-cache and --tensorrt-version/],
      [[model, '--data', folder, '-o', precious], /precious\.onnx" is there and is no calibration table/],
      [[model, '--data', folder, '-o', 't.json', '--preprocess', 'yollo'], /Allowed choices are imagenet.* as JSON/],
      [[model, '--data', folder, '-o', 't.json', '--preprocess', '{"scael":1}'], /Unknown option "scael"/],
      [[model, '--data', folder, '-o', inFolder('none/t.json')], /Cannot write .*none\/t\.json/],
      [[model, '--data', inFolder('none'), '-o', 't.json'], /no such file or folder/],
    ] as const) {
      const { code, stderr } = await foveate(['calibrate', ...args], { cwd: folder });
      expect(code, stderr).toBeGreaterThan(1);
      expect(stderr).toMatch(message);
    }
    expect(readFileSync(precious, 'utf8')).toBe('weights');
  });
});
