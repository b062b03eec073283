import { cpSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import sharp from 'sharp';
import { describe, expect, it } from 'vitest';

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
      JSON.parse(stdout) as { pictures: { output: string; mask: string; regions: { classId: number; pixels: number }[] }[] }
    ).pictures;
    expect(told?.output).toBe(join(folder, 'segment-400x300.jpg'));
    expect(told?.mask).toBe(join(folder, 'segment-400x300.mask.png'));
    const mask = sharp(told?.mask);
    expect(await mask.metadata()).toMatchObject({ format: 'png', width: 400, height: 300, channels: 1 });
    const data = await mask.extractChannel(0).raw().toBuffer();
    for (const { classId, pixels } of told?.regions ?? []) {
      expect(data.filter((value) => value === classId).length).toBe(pixels);
    }
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

  it('keeps inputs of one name apart, and gives the same names again', async () => {
    const folder = temporaryFolder();
    for (const sub of ['x', 'y']) {
      mkdirSync(join(folder, sub));
      cpSync(picture(sub === 'x' ? 'star.jpg' : 'ring.jpg'), join(folder, sub, 'p.jpg'));
    }
    const output = join(folder, 'out');
    const call = ['run', models.classifier, join(folder, 'x/p.jpg'), join(folder, 'y/p.jpg'), '-o', output, '-q'];
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

  it('of one picture that cannot be written does not stop the others', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'star.jpg'));
    const { code, stderr } = await foveate([
      'run',
      models.classifier,
      picture('star.jpg'),
      picture('ring.jpg'),
      '-o',
      folder,
      '-q',
    ]);
    expect(code).toBe(4);
    expect(stderr).toMatch(/star\.jpg.*\[OUTPUT_NOT_WRITABLE\]/);
    expect(existsSync(join(folder, 'ring.jpg'))).toBe(true);
  });
});
