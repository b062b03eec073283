/** Which TensorRT libraries are found, and where: trees of empty files, because nothing is opened. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { chooseTensorRt, tensorRtCandidates, tensorRtPlaces, type TensorRtCandidate } from '../../lib/engine/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';

const variables = [
  'FOVEATE_TENSORRT_PATH',
  'FOVEATE_CACHE_DIR',
  'XDG_CACHE_HOME',
  'VIRTUAL_ENV',
  'PATH',
  'HOME',
  'LD_LIBRARY_PATH',
];
const originals = variables.map((name) => [name, process.env[name]] as const);
let folder: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'foveate-tensorrt-')));
  for (const name of variables) delete process.env[name];
  process.env['HOME'] = join(folder, 'home');
});
afterEach(() => {
  for (const [name, value] of originals) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Makes an empty file; `path` lies in the folder of the test. */
function file(path: string): string {
  const whole = join(folder, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, '');
  return whole;
}

/** What is found in the folder of the test; this machine may have a TensorRT of its own. */
function found(explicit?: string): TensorRtCandidate[] {
  return tensorRtCandidates(explicit).filter(({ path }) => path.startsWith(folder));
}

const candidate = (
  family: string,
  origin: string,
  path: string,
  parserPath: string | undefined,
  versionHint: string | undefined,
) => ({
  family,
  origin,
  path,
  parserPath,
  versionHint,
});

describe('what a folder holds', () => {
  const option = 'option tensorrtPath';

  it('is told by name: family, version, and the parser beside it', () => {
    const nvinfer = file('libs/libnvinfer.so.10');
    const parser = file('libs/libnvonnxparser.so.10');
    const rtx = file('libs/libtensorrt_rtx.so.1');
    const rtxParser = file('libs/libtensorrt_onnxparser_rtx.so.1');
    const lean = file('libs/libnvinfer_lean.so.11');
    for (const name of ['libnvinfer_plugin.so.10', 'libnvinfer_dispatch.so.10', 'libnvinfer_builder_resource.so.10.15.1']) {
      file(`libs/${name}`);
    }
    for (const name of ['libnvinfer.so.10.bak', 'libnvinfer.so.', 'libnvinfer_static.a', '__init__.py']) file(`libs/${name}`);
    expect(found(join(folder, 'libs'))).toEqual([
      candidate('tensorrt', option, nvinfer, parser, '10'),
      candidate('tensorrt-rtx', option, rtx, rtxParser, '1'),
      candidate('tensorrt-lean', option, lean, undefined, '11'),
    ]);
  });

  it('counts once, however many links lead to it', () => {
    const real = file('libs/libnvinfer.so.10.15.1');
    symlinkSync('libnvinfer.so.10.15.1', join(folder, 'libs/libnvinfer.so.10'));
    symlinkSync('libnvinfer.so.10', join(folder, 'libs/libnvinfer.so'));
    symlinkSync('nowhere', join(folder, 'libs/libnvinfer.so.8'));
    const parser = file('libs/libnvonnxparser.so.10.15.1');
    symlinkSync('libnvonnxparser.so.10.15.1', join(folder, 'libs/libnvonnxparser.so.10'));
    symlinkSync('libs', join(folder, 'same'));
    process.env['FOVEATE_TENSORRT_PATH'] = `${join(folder, 'libs')}:${join(folder, 'same')}:${real}`;
    expect(found()).toEqual([candidate('tensorrt', 'environment variable FOVEATE_TENSORRT_PATH', real, parser, '10.15.1')]);
  });

  it('may be two versions, each with its parser', () => {
    for (const version of ['8.6.1', '10.3.0']) {
      file(`libs/libnvinfer.so.${version}`);
      file(`libs/libnvonnxparser.so.${version}`);
    }
    file('libs/libnvinfer.so.11.1.0');
    const parsers = found(join(folder, 'libs')).map(({ versionHint, parserPath }) => [
      versionHint,
      parserPath && relative(join(folder, 'libs'), parserPath),
    ]);
    expect(new Map(parsers as [string, string][])).toEqual(
      new Map([
        ['8.6.1', 'libnvonnxparser.so.8.6.1'],
        ['10.3.0', 'libnvonnxparser.so.10.3.0'],
        ['11.1.0', undefined],
      ]),
    );
  });

  it('may lie in lib/, as in an archive of NVIDIA', () => {
    const library = file('TensorRT-10.15.1/lib/libnvinfer.so.10');
    expect(found(join(folder, 'TensorRT-10.15.1')).map(({ path }) => path)).toEqual([library]);
  });
});

describe('an explicit path', () => {
  it('is the only place', () => {
    process.env['FOVEATE_TENSORRT_PATH'] = dirname(file('environment/libnvinfer.so.10'));
    const library = file('libs/libtensorrt_rtx.so.1');
    expect(tensorRtPlaces(library)).toHaveLength(1);
    expect(tensorRtCandidates(library).map(({ path }) => path)).toEqual([library]);
  });

  it('may name a library, whose neighbours do not count', () => {
    const library = file('libs/libnvinfer.so.10');
    const parser = file('libs/libnvonnxparser.so.10');
    file('libs/libnvinfer.so.8');
    expect(found(relative(process.cwd(), library))).toEqual([
      candidate('tensorrt', 'option tensorrtPath', library, parser, '10'),
    ]);
  });

  it.each([
    ['none', 'no such file or folder'],
    ['empty', 'no libnvinfer, libtensorrt_rtx or libnvinfer_lean'],
    ['libs/other.so', 'no libnvinfer, libtensorrt_rtx or libnvinfer_lean'],
  ])('%s has none, and it is told why', async (path, missing) => {
    mkdirSync(join(folder, 'empty'));
    file('libs/other.so');
    const whole = join(folder, path);
    expect(tensorRtPlaces(whole)).toEqual([{ origin: 'option tensorrtPath', named: true, where: whole, missing, libraries: [] }]);
    const error = await rejectionOf(chooseTensorRt('tensorrt', whole));
    expectFailure(
      error,
      'BACKEND_NOT_FOUND',
      /fits 'tensorrt' was found\. Looked at:\n {2}- option tensorrtPath/,
      /FOVEATE_TENSORRT_PATH/,
    );
    expect(error.message).toContain(`${whole}: ${missing}`);
  });
});

describe('without a path', () => {
  it('the places are looked at in order', () => {
    file('environment/libnvinfer.so.10');
    file('cache/tensorrt-rtx/1.7.1.116/tensorrt_rtx_libs/libtensorrt_rtx.so.1');
    file('cache/tensorrt-rtx/.unfinished/tensorrt_rtx_libs/libtensorrt_rtx.so.1');
    file('active/lib/python3.11/site-packages/tensorrt_libs/libnvinfer.so.10');
    file('other/bin/python3');
    file('other/lib/python3.12/site-packages/tensorrt_rtx_libs/libtensorrt_rtx.so.1');
    file('home/.local/lib/python3.9/site-packages/tensorrt_lean_libs/libnvinfer_lean.so.11');
    file('ld/libnvinfer.so.8');
    Object.assign(process.env, {
      FOVEATE_TENSORRT_PATH: `${join(folder, 'environment')}:`,
      FOVEATE_CACHE_DIR: join(folder, 'cache'),
      VIRTUAL_ENV: join(folder, 'active'),
      PATH: `/nonexistent:${join(folder, 'other/bin')}:${join(folder, 'active/bin')}`,
      LD_LIBRARY_PATH: `${join(folder, 'nothing')}::${join(folder, 'ld')}`,
    });
    expect(found().map(({ origin, path }) => [origin, relative(folder, path)])).toEqual([
      ['environment variable FOVEATE_TENSORRT_PATH', 'environment/libnvinfer.so.10'],
      ['foveate install', 'cache/tensorrt-rtx/1.7.1.116/tensorrt_rtx_libs/libtensorrt_rtx.so.1'],
      ['VIRTUAL_ENV', 'active/lib/python3.11/site-packages/tensorrt_libs/libnvinfer.so.10'],
      ['Python on PATH', 'other/lib/python3.12/site-packages/tensorrt_rtx_libs/libtensorrt_rtx.so.1'],
      ['Python, user packages', 'home/.local/lib/python3.9/site-packages/tensorrt_lean_libs/libnvinfer_lean.so.11'],
      ['LD_LIBRARY_PATH', 'ld/libnvinfer.so.8'],
    ]);
  });

  it('the environment of the python that runs is not looked at twice', () => {
    file('venv/bin/python3');
    file('venv/lib/python3.12/site-packages/tensorrt_libs/libnvinfer.so.10');
    Object.assign(process.env, { VIRTUAL_ENV: join(folder, 'venv'), PATH: join(folder, 'venv/bin') });
    expect(tensorRtPlaces().filter(({ where }) => where?.startsWith(join(folder, 'venv')))).toHaveLength(1);
    expect(found()).toHaveLength(1);
  });

  it.each([
    ['FOVEATE_CACHE_DIR', 'tensorrt-rtx'],
    ['XDG_CACHE_HOME', 'foveate/tensorrt-rtx'],
    ['HOME', '.cache/foveate/tensorrt-rtx'],
  ])('the cache lies where %s says', (variable, path) => {
    process.env[variable] = folder;
    expect(tensorRtPlaces().find(({ origin }) => origin === 'foveate install')?.where).toBe(join(folder, path));
  });

  it('every place is told where none has the library', async () => {
    process.env['LD_LIBRARY_PATH'] = dirname(file('ld/libnvinfer_lean.so.11'));
    process.env['XDG_CACHE_HOME'] = join(folder, 'cache');
    const error = await rejectionOf(chooseTensorRt('tensorrt-rtx@99'));
    expectFailure(error, 'BACKEND_NOT_FOUND', /fits 'tensorrt-rtx@99' was found/, /foveate install tensorrt-rtx/);
    expect(error.message).toContain('- environment variable FOVEATE_TENSORRT_PATH: not set');
    expect(error.message).toContain(`- foveate install ${join(folder, 'cache/foveate/tensorrt-rtx')}: no such file or folder`);
    expect(error.message).toContain(`- Python, user packages ${join(folder, 'home/.local/lib')}`);
    expect(error.message).toContain(`${join(folder, 'ld/libnvinfer_lean.so.11')} is tensorrt-lean 11`);
    expect(error.message).toContain('- system /usr/lib64: ');
  });
});
