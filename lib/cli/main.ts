#!/usr/bin/env node
import { Invocation } from './invocation.js';

const invocation = new Invocation(process.argv.slice(2));
invocation.watch();
try {
  // Everything else is loaded while Ctrl-C is already answered.
  const { createProgram } = await import('./program.js');
  await createProgram(invocation)
    .parseAsync()
    .finally(() => invocation.outWritten());
  invocation.signal.throwIfAborted();
} catch (error) {
  invocation.fail(error);
}
process.exitCode = invocation.exitCode;
