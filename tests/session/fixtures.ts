/** Paths of the models and pictures that the suites use. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A small model of `tests/reference/make_models.py`. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../native/fixtures/${name}`, import.meta.url));
}

/** A file of `examples/`. */
export function example(name: string): string {
  return fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
}

/** A file of the folder `shared` beside the checkout, or undefined where that is missing. */
export function shared(name: string): string | undefined {
  const path = fileURLToPath(new URL(`../../../shared/${name}`, import.meta.url));
  return existsSync(path) ? path : undefined;
}
