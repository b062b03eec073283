import { describe, expect, it } from 'vitest';

import { tensorRtRtxPackage, tensorRtRtxWheel, tensorRtRtxWheels } from '../../lib/engine/index.js';
import { expectFailure, thrownBy } from '../errors/failure.js';

describe('the package for a machine', () => {
  it.each([
    ['linux-x64', '2.28', 'manylinux_2_28_x86_64'],
    ['linux-x64', '2.41', 'manylinux_2_28_x86_64'],
    ['linux-arm64', '2.35', 'manylinux_2_35_aarch64'],
    ['linux-arm64', '3.0', 'manylinux_2_35_aarch64'],
  ])('is there for %s with glibc %s', (platform, glibc, expected) => {
    expect(tensorRtRtxWheel(platform, glibc).pipPlatform).toBe(expected);
  });

  it.each(['darwin-arm64', 'win32-x64', 'linux-ia32'])('is not there for %s', (platform) => {
    const error = thrownBy(() => tensorRtRtxWheel(platform, '2.41'));
    expectFailure(
      error,
      'BACKEND_UNAVAILABLE',
      new RegExp(`no TensorRT-RTX for ${platform}.*linux-x64 and linux-arm64`),
      /'cpu'/,
    );
  });

  it('needs a C library that is new enough', () => {
    const error = thrownBy(() => tensorRtRtxWheel('linux-arm64', '2.28'));
    expectFailure(
      error,
      'BACKEND_UNAVAILABLE',
      /Expected glibc 2\.35 or newer for TensorRT-RTX but found glibc 2\.28/,
      /newer system/,
    );
  });
});

it('is the one that the tests are set up with', async () => {
  const script = new URL('../../scripts/setup/tensorrt-rtx.mjs', import.meta.url).href;
  const { requirement, wheels } = (await import(script)) as { requirement: string; wheels: object };
  expect(requirement).toBe(tensorRtRtxPackage.requirement);
  expect(wheels).toEqual(
    Object.fromEntries(
      tensorRtRtxWheels.map(({ platform, pipPlatform, sha256 }) => [platform, { platform: pipPlatform, sha256 }]),
    ),
  );
});
