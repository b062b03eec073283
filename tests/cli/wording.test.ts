/** Messages of the library, as the command line words them. */
import { describe, expect, it } from 'vitest';

import { errorInFlags, type Flags } from '../../lib/cli/wording.js';
import { ArgumentError } from '../../lib/errors/index.js';

const flags: Flags = new Map([
  ['ssd', { flag: '--ssd', call: '' }],
  ['task', { flag: '--task', call: 'foveate run ' }],
]);

describe('an option in a message', () => {
  it.each([
    ["Say so: { task: 'detect' }.", 'Say so: foveate run --task detect.'],
    ["{ ssd: { boxes: 'decoded' } } or", '--ssd \'{"boxes":"decoded"}\' or'],
    [
      "{ ssd: { boxes: 'raw', priors: [{ stride, sizes }, …] } } with",
      '--ssd \'{"boxes":"raw","priors":[{"stride":…,"sizes":…},…]}\' with',
    ],
    ["{ priors: { boxes: 'raw' } } is not ours", "{ priors: { boxes: 'raw' } } is not ours"],
  ])('%s', (message, worded) => {
    const error = new ArgumentError('INVALID_ARGUMENT', { message: 'm', hint: message });
    expect(errorInFlags(error, flags).hint).toBe(worded);
  });
});
