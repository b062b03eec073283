/** What is remembered of files: never of one that has changed. */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { readSource } from '../../lib/engine/build-model.js';
import { sha256OfFile } from '../../lib/engine/file-hash.js';
import { FileState, rememberedSha256 } from '../../lib/engine/file-state.js';
import { encodeModel } from '../../lib/graph/index.js';
import { rejectionOf } from '../errors/failure.js';
import { DataType, elsewhere, graphModel, node } from '../graph/made-graphs.js';

describe('what is known of a file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'foveate-state-'));
    path = join(folder, 'file');
    vi.stubEnv('FOVEATE_CACHE_DIR', join(folder, 'cache'));
    writeFileSync(path, 'one');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.useRealTimers();
    rmSync(folder, { recursive: true });
  });

  /** Files are settled: all that was written was written long ago. */
  const later = (): void => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
  let looked = 0;
  const recall = async (): Promise<string> =>
    (await FileState.of(path)).recall('hash', () => {
      looked++;
      return sha256OfFile(path);
    });
  const looksOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = looked;
    await work();
    return looked - before;
  };

  it('is found out once, and again after any change', async () => {
    later();
    expect(await looksOf(recall)).toBe(1);
    expect(await looksOf(recall)).toBe(0);
    const { atime, mtime } = statSync(path);
    const changes: Record<string, () => void> = {
      'written with the same length and times': () => {
        writeFileSync(path, 'two');
        utimesSync(path, atime, mtime);
      },
      replaced: () => {
        writeFileSync(`${path}.new`, 'six');
        utimesSync(`${path}.new`, atime, mtime);
        renameSync(`${path}.new`, path);
      },
      longer: () => writeFileSync(path, 'seven'),
    };
    for (const [change, make] of Object.entries(changes)) {
      make();
      expect(await looksOf(async () => expect(await recall()).toBe(await sha256OfFile(path))), change).toBe(1);
      expect(await looksOf(recall), change).toBe(0);
    }
  });

  it('is not remembered of a file that changed a moment ago, or while it was read', async () => {
    expect(await looksOf(recall)).toBe(1);
    expect(await looksOf(recall)).toBe(1);
    later();
    const state = await FileState.of(path);
    await state.recall('hash', async () => {
      writeFileSync(path, 'two');
      return 'anything';
    });
    expect(await looksOf(recall)).toBe(1);
  });

  it('is found out where what is kept cannot be read, and each kind by itself', async () => {
    later();
    await recall();
    const kept = join(folder, 'cache', 'files');
    for (const text of ['{"state":', 'null', '[]']) {
      writeFileSync(join(kept, readdirSync(kept)[0] as string), text);
      expect(await looksOf(recall), text).toBe(1);
    }
    expect(await (await FileState.of(path)).recall('other', async () => 'other')).toBe('other');
    expect(await rememberedSha256(path)).toBe(await sha256OfFile(path));
  });

  it('is lost where the cache cannot be written to, and that is all', async () => {
    vi.stubEnv('FOVEATE_CACHE_DIR', path);
    later();
    expect(await looksOf(recall)).toBe(1);
    expect(await looksOf(recall)).toBe(1);
  });

  it('of a model, does not hide that it changed before it was built', async () => {
    const model = (size: number): Uint8Array =>
      encodeModel(graphModel({ inputs: { x: [size] }, nodes: [node('Relu', 'x', 'y')] }));
    writeFileSync(path, model(2));
    later();
    await readSource(path, undefined);
    const source = await readSource(path, undefined);
    expect(source.inputs).toMatchObject([{ name: 'x', shape: [2] }]);
    expect((await source.read()).model.inputs).toEqual(source.inputs);
    const second = await readSource(path, undefined);
    writeFileSync(path, model(3));
    const error = await rejectionOf(second.read());
    expect(error).toMatchObject({ code: 'MODEL_INVALID' });
    expect(error.message).toMatch(/changed while the model was built/);
    expect((await readSource(path, undefined)).inputs).toMatchObject([{ shape: [3] }]);
  });

  it('of a model, does not hide that a file beside it changed', async () => {
    mkdirSync(join(folder, 'model'));
    path = join(folder, 'model', 'm.onnx');
    const weights = join(folder, 'model', 'w.bin');
    writeFileSync(weights, 'ab');
    const constants = [elsewhere('w', 'w.bin', DataType.UINT8)];
    writeFileSync(path, encodeModel(graphModel({ inputs: { x: [2] }, nodes: [], constants })));
    later();
    const before = await readSource(path, undefined);
    expect((await readSource(path, undefined)).externalData).toEqual(before.externalData);
    writeFileSync(weights, 'ac');
    expect((await readSource(path, undefined)).externalData[0]?.sha256).toBe(await sha256OfFile(weights));
  });
});
