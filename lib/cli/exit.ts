import { errorCodes, type FoveateError } from '../errors/index.js';

/** What the program ends with, and what each stands for. */
export const exitCodes = {
  0: 'Done.',
  1: 'A verdict was not met, or a question was answered with no.',
  2: 'The command line is wrong.',
  3: 'This machine lacks something: `foveate doctor` tells what.',
  4: 'The model or an input cannot be used; other inputs were processed.',
  5: 'A failure while the model ran.',
  130: 'Interrupted (Ctrl-C).',
  143: 'Terminated (SIGTERM).',
} as const;

export type ExitCode = keyof typeof exitCodes;

export function exitCodeOf(error: FoveateError): ExitCode {
  return errorCodes[error.code].exitCode;
}
