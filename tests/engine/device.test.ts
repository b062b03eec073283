import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NativeRuntime } from '../../lib/binding/index.js';
import { chooseDevice } from '../../lib/engine/index.js';
import { expectFailure, thrownBy } from '../errors/failure.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-device-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A library as it describes itself; the choice reads nothing else of it. */
function runtime(providers: readonly string[]): NativeRuntime {
  const path = join(folder, 'libonnxruntime.so.1');
  return { name: 'onnxruntime', version: '1.30.0', path, providers } as unknown as NativeRuntime;
}

const cpuOnly = ['CPUExecutionProvider'];
const withCuda = ['CUDAExecutionProvider', 'CPUExecutionProvider'];

describe('auto', () => {
  it('takes the CPU, and says why', () => {
    const choice = chooseDevice('auto', runtime(cpuOnly));
    expect(choice.device).toBe('cpu');
    expect(choice.reason).toMatch(/1\.30\.0 was built without CUDA/);
  });

  it('takes the CPU where the library that does the work on CUDA is missing', () => {
    const choice = chooseDevice('auto', runtime(withCuda));
    expect(choice.device).toBe('cpu');
    expect(choice.reason).toContain('libonnxruntime_providers_cuda.so');
  });

  it('takes CUDA where all is there', () => {
    const provider = join(folder, 'libonnxruntime_providers_cuda.so');
    writeFileSync(provider, '');
    expect(chooseDevice('auto', runtime(withCuda)).device).toBe('cuda');
    expect(chooseDevice('cuda', runtime(withCuda))).toEqual({ device: 'cuda', reason: 'asked for' });
    rmSync(provider);
  });
});

describe('a named device', () => {
  it('is taken', () => {
    expect(chooseDevice('cpu', runtime(cpuOnly))).toEqual({ device: 'cpu', reason: 'asked for' });
  });

  it.each([['cuda', /'cuda' cannot be used: .*without CUDA/, /FOVEATE_ONNXRUNTIME_PATH/]] as const)(
    '%s is refused where it cannot be had',
    (device, message, hint) => {
      const error = thrownBy(() => chooseDevice(device, runtime(cpuOnly)));
      expectFailure(error, 'BACKEND_UNAVAILABLE', message, hint);
      expect(error.details).toEqual({ device });
    },
  );
});
