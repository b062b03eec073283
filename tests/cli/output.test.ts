import { cpSync, linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import sharp from 'sharp';
import { describe, expect, it } from 'vitest';

import { classColor } from '../../lib/results/index.js';
import { foveate, models, picture, temporaryFolder } from './foveate.js';

const shapes = picture('shapes-640x480.jpg');

describe('--output', () => {
  it('writes annotated pictures of the same size and format, and says where', async () => {
    const folder = join(temporaryFolder(), 'not/there/yet');
    const png = picture('shapes-480x360.png');
    const { code, stdout } = await foveate(['run', models.detector, shapes, png, '--output', folder, '--quiet']);
    expect(code).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(['shapes-480x360.png', 'shapes-640x480.jpg']);
    expect(stdout).toContain(`-> ${join(folder, 'shapes-640x480.jpg')}`);
    expect(await sharp(join(folder, 'shapes-640x480.jpg')).metadata()).toMatchObject({ format: 'jpeg', width: 640, height: 480 });
    expect(await sharp(join(folder, 'shapes-480x360.png')).metadata()).toMatchObject({ format: 'png', width: 480, height: 360 });
    const before = await sharp(png).removeAlpha().raw().toBuffer();
    const after = await sharp(join(folder, 'shapes-480x360.png')).removeAlpha().raw().toBuffer();
    const changed = before.filter((value, i) => Math.abs(value - (after[i] as number)) > 40).length;
    expect(changed).toBeGreaterThan(200);
    expect(changed).toBeLessThan(before.length / 2);
  });

  it('writes masks beside the pictures of a segmenter', async () => {
    const folder = temporaryFolder();
    const { code, stdout } = await foveate([
      'run',
      models.segmenter,
      picture('segment-400x300.jpg'),
      '-o',
      folder,
      '--json',
      '-q',
    ]);
    expect(code).toBe(0);
    const [told] = (
      JSON.parse(stdout) as {
        pictures: { output: string; mask: string; colors: string; regions: { classId: number; pixels: number }[] }[];
      }
    ).pictures;
    expect(told?.output).toBe(join(folder, 'segment-400x300.jpg'));
    expect(told?.mask).toBe(join(folder, 'segment-400x300.mask.png'));
    const mask = sharp(told?.mask);
    expect(await mask.metadata()).toMatchObject({ format: 'png', width: 400, height: 300, channels: 1 });
    const data = await mask.extractChannel(0).raw().toBuffer();
    for (const { classId, pixels } of told?.regions ?? []) {
      expect(data.filter((value) => value === classId).length).toBe(pixels);
    }
    expect(told?.colors).toBe(join(folder, 'segment-400x300.colors.png'));
    const colors = await sharp(told?.colors).raw().toBuffer({ resolveWithObject: true });
    expect(colors.info).toMatchObject({ format: 'raw', width: 400, height: 300, channels: 3 });
    data.forEach((classId, i) => {
      const color = classId === 0 ? [0, 0, 0] : classColor(classId);
      if (color.some((value, c) => colors.data[i * 3 + c] !== value)) throw new Error(`pixel ${i} is not of class ${classId}`);
    });
  });

  it('never overwrites an input, however it is reached', async () => {
    const folder = temporaryFolder();
    const output = join(folder, 'out');
    mkdirSync(output);
    cpSync(shapes, join(folder, 'a.jpg'));
    cpSync(shapes, join(folder, 'b.jpg'));
    symlinkSync('../a.jpg', join(output, 'a.jpg'));
    linkSync(join(folder, 'b.jpg'), join(output, 'b.jpg'));
    const { code } = await foveate(['run', models.detector, join(folder, 'a.jpg'), join(folder, 'b.jpg'), '-o', output, '-q']);
    expect(code).toBe(0);
    const into = await foveate(['run', models.detector, join(folder, 'a.jpg'), '-o', folder, '-q']);
    expect(into.stdout).toContain('a-2.jpg');
    expect(readdirSync(output).sort()).toEqual(['a-2.jpg', 'a.jpg', 'b-2.jpg', 'b.jpg']);
    for (const name of ['a.jpg', 'b.jpg']) expect(readFileSync(join(folder, name)).equals(readFileSync(shapes))).toBe(true);
  });

  it('never overwrites an input that was given as a URL', async () => {
    const folder = temporaryFolder();
    const original = join(folder, 'a b.jpg');
    cpSync(shapes, original);
    const { code } = await foveate(['run', models.detector, pathToFileURL(original).href, '-o', folder, '--overwrite', '-q']);
    expect(code).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(['a b-2.jpg', 'a b.jpg']);
    expect(readFileSync(original).equals(readFileSync(shapes))).toBe(true);
  });

  it.each(['star.jpg', 'star.mask.png', 'star.colors.png'])(
    'leaves %s alone where it is there already, unless told to --overwrite',
    async (name) => {
      const folder = temporaryFolder();
      writeFileSync(join(folder, name), 'mine');
      const call = ['run', models.segmenter, picture('ring.jpg'), picture('star.jpg'), '-o', folder, '-q'];
      const refused = await foveate(call);
      expect(refused).toMatchObject({ code: 4, stdout: '' });
      expect(refused.stderr).toMatch(/The output would overwrite .*\/star\..* \[OUTPUT_NOT_WRITABLE\]\nhint: .*--overwrite/);
      expect(readdirSync(folder)).toEqual([name]);
      expect(readFileSync(join(folder, name), 'utf8')).toBe('mine');
      expect((await foveate([...call, '--overwrite'])).code).toBe(0);
      expect(readFileSync(join(folder, name), 'utf8')).not.toBe('mine');
    },
  );

  it('keeps inputs of one name apart, and gives the same names again', async () => {
    const folder = temporaryFolder();
    for (const sub of ['x', 'y']) {
      mkdirSync(join(folder, sub));
      cpSync(picture(sub === 'x' ? 'star.jpg' : 'ring.jpg'), join(folder, sub, 'p.jpg'));
    }
    const output = join(folder, 'out');
    const inputs = [join(folder, 'x/p.jpg'), join(folder, 'y/p.jpg')];
    const call = ['run', models.classifier, ...inputs, '-o', output, '--overwrite', '-q'];
    for (let times = 0; times < 2; times++) {
      expect((await foveate(call)).code).toBe(0);
      expect(readdirSync(output).sort()).toEqual(['p-2.jpg', 'p.jpg']);
    }
    expect(readFileSync(join(output, 'p.jpg')).equals(readFileSync(join(output, 'p-2.jpg')))).toBe(false);
  });

  it('writes PNG where the format of the input cannot be written, and for standard input', async () => {
    const folder = temporaryFolder();
    const gif = join(folder, 'star.gif');
    await sharp(picture('star.jpg')).gif().toFile(gif);
    const stdin = readFileSync(picture('star.jpg'));
    expect((await foveate(['run', models.classifier, gif, '-', '-o', join(folder, 'out'), '-q'], { stdin })).code).toBe(0);
    expect(readdirSync(join(folder, 'out')).sort()).toEqual(['star.png', 'stdin.png']);
  });

  it('that cannot be made is told before anything is run', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, 'in the way');
    const { code, stdout, stderr } = await foveate(['run', models.classifier, picture('star.jpg'), '-o', join(file, 'out')]);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toMatch(/Cannot make the folder .*\[OUTPUT_NOT_WRITABLE\]/);
  });

  it.skipIf(process.platform !== 'linux')('below a folder that takes none is told, where Node would try for ever', async () => {
    const { code, stderr } = await foveate(['run', models.classifier, picture('star.jpg'), '-o', '/proc/x/y', '-q']);
    expect(code).toBe(4);
    expect(stderr).toMatch(/Cannot make the folder \/proc\/x\/y: ENOENT.*\[OUTPUT_NOT_WRITABLE\]/);
  });

  it('of one picture that cannot be written stops neither the others nor its own results', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'star.jpg'));
    const inputs = [picture('star.jpg'), picture('ring.jpg')];
    const call = ['run', models.classifier, ...inputs, '-o', folder, '--overwrite', '-q'];
    const table = await foveate(call);
    expect(table.code).toBe(4);
    expect(table.stderr).toMatch(/star\.jpg.*\[OUTPUT_NOT_WRITABLE\]/);
    expect(table.stdout).toMatch(/star\.jpg {2}\d+ x \d+ {2}\d+\.\d ms\n {2}\w+ +0\.\d{3}\n/);
    const { code, stdout } = await foveate([...call, '--json']);
    expect(code).toBe(4);
    const { pictures } = JSON.parse(stdout) as { pictures: { output?: string; classes: unknown[]; error?: { code: string } }[] };
    expect(pictures.map(({ classes }) => classes.length)).toEqual([5, 5]);
    expect(pictures.map(({ error }) => error?.code)).toEqual(['OUTPUT_NOT_WRITABLE', undefined]);
    expect(pictures.map(({ output }) => output)).toEqual([undefined, join(folder, 'ring.jpg')]);
  });
});
