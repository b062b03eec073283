import { native } from '../binding/index.js';
import { publish } from '../events/index.js';

let listening = false;

/** Publishes what vendors' libraries log, from the first call on. */
export function listenToLog(): void {
  if (listening) return;
  native().logListen((line) => publish('foveate:log', line));
  listening = true;
}
