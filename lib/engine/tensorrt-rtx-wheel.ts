import { glibcVersion, platformName } from '../binding/index.js';
import { BackendError } from '../errors/index.js';

/** A package of NVIDIA's that holds TensorRT-RTX: one file of one release, for one platform. */
export interface TensorRtRtxWheel {
  readonly platform: string;
  /** As pip calls the platform. */
  readonly pipPlatform: string;
  /** The C library that it needs, or newer. */
  readonly glibc: readonly [major: number, minor: number];
  readonly bytes: number;
  readonly unpackedBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** The text of the licence, within it. */
  readonly licence: string;
}

/** Release of TensorRT-RTX that `foveate install` brings. */
export const tensorRtRtxVersion = '1.7.1.116';

const distInfo = `tensorrt_rtx_cu13_libs-${tensorRtRtxVersion}.dist-info`;

export const tensorRtRtxPackage = {
  /** As pip is asked for it. */
  requirement: `tensorrt-rtx-cu13-libs==${tensorRtRtxVersion}`,
  /** The folder within it that holds the libraries. */
  folder: 'tensorrt_rtx_libs',
  library: 'libtensorrt_rtx.so.1',
  licenceName: 'NVIDIA Software License Agreement, with its TensorRT supplement',
  licenceUrl: 'https://docs.nvidia.com/deeplearning/tensorrt-rtx/latest/reference/sla.html',
} as const;

/** scripts/setup/tensorrt-rtx.mjs has the same. */
export const tensorRtRtxWheels: readonly TensorRtRtxWheel[] = [
  {
    platform: 'linux-x64',
    pipPlatform: 'manylinux_2_28_x86_64',
    glibc: [2, 28],
    bytes: 95_153_708,
    unpackedBytes: 238_160_000,
    sha256: 'e3fd45fed001240d63304e77a2d4006319b839994237cb294b6e7ad72acaabcd',
    licence: `${distInfo}/licenses/LICENSE.txt`,
  },
  {
    platform: 'linux-arm64',
    pipPlatform: 'manylinux_2_35_aarch64',
    glibc: [2, 35],
    bytes: 90_582_711,
    unpackedBytes: 217_220_000,
    sha256: 'ec8b6cb95a8ea61e31d544dbc5039d35219b311999f92c518a3889aaae74359c',
    licence: `${distInfo}/LICENSE.txt`,
  },
];

/** The one for a platform, by default this one. Throws BACKEND_UNAVAILABLE where there is none. */
export function tensorRtRtxWheel(platform = platformName, libc = glibcVersion()): TensorRtRtxWheel {
  const wheel = tensorRtRtxWheels.find((candidate) => candidate.platform === platform);
  if (wheel === undefined) {
    throw new BackendError('BACKEND_UNAVAILABLE', {
      message: `There is no TensorRT-RTX for ${platform}: NVIDIA's package is for ${tensorRtRtxWheels.map((one) => one.platform).join(' and ')}`,
      hint: "Use device 'auto' or 'cpu' on this machine.",
    });
  }
  const [major = 0, minor = 0] = (libc ?? '').split('.').map(Number);
  const [neededMajor, neededMinor] = wheel.glibc;
  if (major < neededMajor || (major === neededMajor && minor < neededMinor)) {
    throw new BackendError('BACKEND_UNAVAILABLE', {
      message: `Expected glibc ${neededMajor}.${neededMinor} or newer for TensorRT-RTX but found ${libc === undefined ? 'another C library' : `glibc ${libc}`}`,
      hint: 'Use a newer system with glibc, such as a current Debian-based image.',
    });
  }
  return wheel;
}
