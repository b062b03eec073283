/** Which of several libraries is taken. What they are is told by a table: a machine has no five versions of TensorRT. */
import { describe, expect, it } from 'vitest';

import type { TensorRtFamily, TensorRtPlace } from '../../lib/engine/index.js';
import { chooseAmong } from '../../lib/engine/tensorrt.js';
import { BackendError, InternalError } from '../../lib/errors/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';

interface Library {
  readonly path: string;
  readonly family: TensorRtFamily;
  readonly version: string;
}

/** A place with libraries; each is told as `path family version`, which stands for its path, and of which the name says the first number. */
function place(origin: string, named: boolean, ...libraries: readonly string[]): TensorRtPlace {
  return {
    origin,
    named,
    where: '/somewhere',
    missing: libraries.length === 0 ? 'nothing' : undefined,
    libraries: libraries.map((told) => {
      const { family, version } = parse(told);
      return { family, origin, path: told, parserPath: undefined, versionHint: version.split('.')[0] };
    }),
  };
}

function parse(told: string): Library {
  const [path, family, version] = told.split(' ') as [string, TensorRtFamily, string];
  return { path, family, version };
}

const opened: string[] = [];
async function open({ path }: { readonly path: string }): Promise<Library> {
  const library = parse(path);
  opened.push(library.path);
  if (library.path.includes('broken')) {
    throw new BackendError('BACKEND_INVALID', { message: `"${library.path}" is not a shared library`, hint: 'Another one.' });
  }
  return library;
}

const machine = [
  place('variable', true),
  place('python', false, '/python/10 tensorrt 10.8.0', '/python/rtx tensorrt-rtx 1.6.1'),
  place('system', false, '/system/10 tensorrt 10.15.1', '/system/8 tensorrt 8.6.1', '/system/lean tensorrt-lean 11.4.0'),
  place('cache', false, '/cache/rtx tensorrt-rtx 1.7.1'),
];

describe('of several libraries', () => {
  it.each([
    ['tensorrt', '/system/10'],
    ['tensorrt@10.8', '/python/10'],
    ['tensorrt@8', '/system/8'],
    ['tensorrt@>=10.9', '/system/10'],
    ['tensorrt-rtx', '/cache/rtx'],
    ['tensorrt-rtx@1.6', '/python/rtx'],
    ['tensorrt-lean', '/system/lean'],
  ])('%s takes the newest that fits: %s', async (wanted, path) => {
    expect((await chooseAmong(machine, wanted, open)).path).toBe(path);
  });

  it('takes one that the user named before a newer one', async () => {
    const named = [place('variable', true, '/named/10 tensorrt 10.3.0'), ...machine.slice(1)];
    expect((await chooseAmong(named, 'tensorrt', open)).path).toBe('/named/10');
    expect((await chooseAmong(named, 'tensorrt@>=10.8', open)).path).toBe('/system/10');
  });

  it('opens none whose name rules it out', async () => {
    opened.length = 0;
    await chooseAmong(machine, 'tensorrt@8', open);
    expect(opened).toEqual(['/system/8']);
  });

  it('passes over one that does not open, unless the user named it', async () => {
    const broken = '/broken/10 tensorrt 10.99.0';
    const behind = machine.slice(1);
    expect((await chooseAmong([place('python', false, broken), ...behind], 'tensorrt', open)).path).toBe('/system/10');
    const error = await rejectionOf(chooseAmong([place('variable', true, broken), ...behind], 'tensorrt', open));
    expectFailure(error, 'BACKEND_INVALID', /is not a shared library \(from variable\)$/, /Another one/);
    expect((await chooseAmong([place('variable', true, broken), ...behind], 'tensorrt-rtx', open)).path).toBe('/cache/rtx');
  });

  it('goes by what the library is, where its name says another', async () => {
    const renamed = [place('python', false, '/renamed tensorrt 11.0.0'), ...machine.slice(1)];
    const openRenamed = async (candidate: { readonly path: string }): Promise<Library> => {
      const library = await open(candidate);
      return library.path === '/renamed' ? { ...library, family: 'tensorrt-lean' } : library;
    };
    expect((await chooseAmong(renamed, 'tensorrt', openRenamed)).path).toBe('/system/10');
  });

  it('hides no fault of its own', async () => {
    const fault = new InternalError('INTERNAL', { message: 'a fault' });
    expect(await rejectionOf(chooseAmong(machine, 'tensorrt', () => Promise.reject(fault)))).toBe(fault);
  });

  it('tells of every one where none fits', async () => {
    const places = [...machine, place('python', false, '/broken/rtx tensorrt-rtx 1.7.0')];
    const error = await rejectionOf(chooseAmong(places, 'tensorrt-rtx@>=1.8', open));
    expectFailure(
      error,
      'BACKEND_NOT_FOUND',
      /No TensorRT library that fits 'tensorrt-rtx@>=1\.8' was found/,
      /foveate install tensorrt-rtx/,
    );
    const lines = error.message.split('\n').slice(1);
    expect(lines).toHaveLength(1 + 2 + 3 + 1 + 1);
    expect(lines[0]).toBe('  - variable /somewhere: nothing');
    expect(lines[1]).toMatch(/ is tensorrt 10$/);
    expect(lines[2]).toMatch(/ is tensorrt-rtx 1\.6\.1$/);
    expect(lines.at(-2)).toMatch(/ is tensorrt-rtx 1\.7\.1$/);
    expect(lines.at(-1)).toMatch(/ cannot be opened: "\/broken\/rtx" is not a shared library$/);
  });
});
