import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { BindingError } from '../errors/index.js';
import { glibcVersion } from './glibc.js';
import type { Native } from './native.js';
import { packageVersion } from './version.js';

const require = createRequire(import.meta.url);

/** One place that the addon was looked for in, and what came of it. */
export interface BindingAttempt {
  readonly file: string;
  /** undefined where it was loaded. */
  readonly failure: string | undefined;
}

/** Where the addon came from. */
export interface LoadedBinding {
  readonly native: Native;
  readonly file: string;
  readonly attempts: readonly BindingAttempt[];
}

/** `linux-x64`: the folder of prebuilds for this machine. */
export const platformName = `${process.platform}-${process.arch}`;

const supportedPlatforms = ['linux-x64', 'linux-arm64'];

/**
 * The requires are literal, one per line, so that file tracers (@vercel/nft, as Next.js and serverless packagers use it) find and carry the
 * files. A checkout has the addon in build/, a package in prebuilds/.
 */
const candidates: readonly { readonly file: string; readonly platform: string; readonly load: () => unknown }[] = [
  {
    file: '../../build/Release/foveate.node',
    platform: platformName,
    load: () => require('../../build/Release/foveate.node'),
  },
  {
    file: '../../prebuilds/linux-x64/foveate.glibc.node',
    platform: 'linux-x64',
    load: () => require('../../prebuilds/linux-x64/foveate.glibc.node'),
  },
  {
    file: '../../prebuilds/linux-arm64/foveate.glibc.node',
    platform: 'linux-arm64',
    load: () => require('../../prebuilds/linux-arm64/foveate.glibc.node'),
  },
];

/** What to do, worked out from what was found. */
function remedy(attempts: readonly BindingAttempt[]): string {
  if (!supportedPlatforms.includes(platformName)) {
    return `There is no core for ${platformName}; there is one for ${supportedPlatforms.join(' and ')}.`;
  }
  if (process.platform === 'linux' && glibcVersion() === undefined) {
    return 'This Node runs on musl (Alpine); the core needs glibc 2.28 or newer. Use a Debian-based image, such as node:22-slim.';
  }
  const failures = attempts.map((attempt) => attempt.failure ?? '').join('\n');
  if (failures.includes('GLIBC_')) return 'The C library is too old: glibc 2.28 or newer is needed.';
  if (failures.includes('loading addons is disabled')) {
    return 'Native addons are switched off: start node without --no-addons.';
  }
  if (existsSync(fileURLToPath(new URL('../../native', import.meta.url)))) {
    return 'This is a checkout: build the core with `npm run build`.';
  }
  return 'Install the package again on this machine (node_modules copied from another platform does not work), or, if a bundler is used, mark foveate as external.';
}

/** Loads the addon, or throws a {@link BindingError} that lists every file tried, what went wrong with each, and the remedy. */
export function loadBinding(): LoadedBinding {
  const attempts: BindingAttempt[] = [];
  for (const candidate of candidates) {
    if (candidate.platform !== platformName) continue;
    const file = fileURLToPath(new URL(candidate.file, import.meta.url));
    if (!existsSync(file)) {
      attempts.push({ file, failure: 'no such file' });
      continue;
    }
    try {
      const native = candidate.load() as Native;
      attempts.push({ file, failure: undefined });
      return { native, file, attempts };
    } catch (cause) {
      attempts.push({ file, failure: cause instanceof Error ? cause.message : String(cause) });
    }
  }
  const tried = attempts.map((attempt) => `\n  - ${attempt.file}: ${attempt.failure}`).join('');
  throw new BindingError('BINDING_NOT_FOUND', {
    message: `Cannot load the native core of foveate ${packageVersion} for ${platformName}. Tried:${tried || '\n  - nothing: unknown platform'}`,
    hint: remedy(attempts),
    details: { platform: platformName, attempts },
  });
}
