import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { listPictures } from '../../lib/cli/inputs.js';
import { foveate, models, picture, temporaryFolder } from './foveate.js';

const folder = temporaryFolder();
const { signal } = new AbortController();

const named = async (args: readonly string[], recursive: boolean): Promise<string[]> =>
  (await listPictures(args, recursive, signal)).pictures.map(({ name }) => name.replace(`${folder}/`, ''));

beforeAll(() => {
  for (const inner of ['a/b', '.hidden', 'empty']) mkdirSync(join(folder, inner), { recursive: true });
  for (const path of ['p10.jpg', 'p9.JPEG', 'a/q.png', 'a/b/r.webp', '.hidden/s.jpg', '.t.jpg']) {
    cpSync(picture('star.jpg'), join(folder, path));
  }
  writeFileSync(join(folder, 'notes.txt'), '');
  writeFileSync(join(folder, 'a/labels.json'), '');
  mkdirSync(join(folder, 'folder.jpg'));
  const elsewhere = temporaryFolder();
  cpSync(picture('ring.jpg'), join(elsewhere, 'u.jpg'));
  symlinkSync(elsewhere, join(folder, 'linked'));
  symlinkSync('..', join(folder, 'a/around'));
  symlinkSync('b', join(folder, 'a/again'));
  symlinkSync('none.jpg', join(folder, 'broken.jpg'));
});

describe('pictures of a folder', () => {
  it('are those in it, and with --recursive those of all folders within, each folder once', async () => {
    expect(await named([folder], false)).toEqual(['broken.jpg', 'p9.JPEG', 'p10.jpg']);
    const all = await named([folder], true);
    const inner = ['a/again/r.webp', 'a/b/r.webp'].filter((path) => all.includes(path));
    expect(inner).toHaveLength(1); // of two ways to one folder, whichever the file system names first
    expect(all).toEqual([...inner, 'a/q.png', 'broken.jpg', 'linked/u.jpg', 'p9.JPEG', 'p10.jpg']);
  });

  it('are counted apart from other files, which is told', async () => {
    expect((await listPictures([folder], false, signal)).passedOver).toBe(1);
    expect((await listPictures([folder], true, signal)).passedOver).toBe(2);
    const { stderr } = await foveate(['run', models.classifier, join(folder, 'linked'), folder, '-r', '--csv']);
    expect(stderr).toMatch(/^Passed over: 2 other files in the folders\.$/m);
    expect(stderr).toMatch(/broken\.jpg.*\[MEDIA_NOT_FOUND\]/);
  });

  it('come in the same order whatever order the file system has', async () => {
    const names = Array.from({ length: 30 }, (_, i) => `${(i * 7) % 30}.jpg`);
    const many = temporaryFolder();
    for (const name of names) symlinkSync(picture('star.jpg'), join(many, name));
    expect((await listPictures([many], true, signal)).pictures.map(({ name }) => name.replace(`${many}/`, ''))).toEqual(
      Array.from({ length: 30 }, (_, i) => `${i}.jpg`),
    );
  });

  it('are not looked for after an interruption', async () => {
    await expect(listPictures([folder], true, AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
  });
});

describe('a folder that cannot be read', () => {
  /** Root may read everything: as root, the folders are looked into as another user. */
  const nobody = 65534;
  const isRoot = process.geteuid?.() === 0;

  it('is told with what to do about it', async () => {
    const outer = temporaryFolder();
    chmodSync(outer, 0o755);
    const closed = join(outer, 'closed');
    mkdirSync(closed, { mode: 0 });
    if (isRoot) process.seteuid?.(nobody);
    try {
      const { pictures } = await listPictures([closed], false, signal);
      expect(pictures.map(({ name }) => name)).toEqual([closed]);
      await expect(pictures[0]?.load(signal)).rejects.toMatchObject({
        code: 'MEDIA_NOT_FOUND',
        message: expect.stringMatching(/^Cannot read the folder .*\/closed: EACCES/) as string,
        hint: expect.stringMatching(/permissions/) as string,
      });
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  it('within another one is told like a picture that failed', async () => {
    const outer = temporaryFolder();
    chmodSync(outer, 0o755);
    writeFileSync(join(outer, 'z.jpg'), '');
    mkdirSync(join(outer, 'closed'), { mode: 0 });
    if (isRoot) process.seteuid?.(nobody);
    try {
      const { pictures } = await listPictures([outer], true, signal);
      expect(pictures.map(({ name }) => name)).toEqual([join(outer, 'closed'), join(outer, 'z.jpg')]);
      await expect(pictures[0]?.load(signal)).rejects.toMatchObject({ code: 'MEDIA_NOT_FOUND' });
      expect(await pictures[1]?.load(signal)).toBe(join(outer, 'z.jpg'));
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });
});
