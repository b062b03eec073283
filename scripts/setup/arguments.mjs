/** Command line options of the build scripts. */
import { parseArgs } from 'node:util';
import { SetupError } from './process.mjs';

/**
 * Parses the command line; an unknown option is an error with the usage.
 *
 * @param {string} usage One line, said where the arguments do not fit.
 * @param {import('node:util').ParseArgsConfig['options']} options
 * @returns {{ values: Record<string, any> }}
 */
export function parseCommandLine(usage, options) {
  try {
    return parseArgs({ options });
  } catch (cause) {
    throw new SetupError(`${cause.message}\nUsage: ${usage}`, { cause, exitCode: 2 });
  }
}
