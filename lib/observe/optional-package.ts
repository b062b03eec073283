import { createRequire } from 'node:module';

import { BindingError } from '../errors/index.js';

const requireHere = createRequire(import.meta.url);

/** A package that the user installs beside foveate; loaded on use, so that its absence can be told in our words. Throws PACKAGE_NOT_FOUND. */
export function optionalPackage<T>(name: string, purpose: string): T {
  try {
    return requireHere(name) as T;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw cause;
    throw new BindingError('PACKAGE_NOT_FOUND', {
      message: `Expected the package ${name}, which ${purpose} needs, but it is not installed`,
      hint: `npm install ${name}`,
      details: { package: name },
      cause,
    });
  }
}
