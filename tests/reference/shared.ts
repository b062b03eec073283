import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of shared models and pictures, which is not part of the project. */
export const sharedFolder = fileURLToPath(new URL('../../../shared', import.meta.url));

/** Whether it is there; tests that need it are skipped, and counted, where it is not. */
export const sharedPresent = existsSync(sharedFolder);

if (!sharedPresent) console.warn(`SKIPPED: there is no ${sharedFolder}, so nothing is compared on real models and pictures.`);

/** The linear congruential generator of the reference scripts: calls `use` with `count` states after 1. */
export function eachState(count: number, use: (state: number, index: number) => void): void {
  let state = 1;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    use(state, i);
  }
}
