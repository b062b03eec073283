/** `child.mjs LIBRARY PROGRAM GIVEN`: runs one of the programs; GIVEN is JSON. */
import { programs } from './programs.mjs';

const [, , library, name, given] = process.argv;
await programs[name]({ foveate: await import(library), library, ...JSON.parse(given) });
