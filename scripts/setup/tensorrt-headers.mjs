/**
 * NVIDIA's public headers of TensorRT, for what compares ours with them. They are never copied into the project.
 */
import { resolve } from 'node:path';
import { ensureCrateFolder } from './downloads.mjs';
import { SetupError, which } from './process.mjs';

/** A crate that carries the headers of TensorRT 11.4 and of TensorRT-RTX 1.3 to 1.7, which NVIDIA publishes under Apache-2.0. */
const crate = {
  name: 'trtx-sys',
  version: '0.9.1+rtx1.7',
  sha256: '5480ee056292951daa1bc74532162d6cb75190f091e45d7d97c0c356916ae171',
  folder: 'TensorRT-Headers',
  reason: 'loading the public headers of TensorRT, for a comparison with them (40 MB to load, once)',
};

/**
 * @param {string} [given] A folder that is already there; without it FOVEATE_TRT_HEADERS, and without that they are loaded with cargo into the
 *   build cache.
 * @returns {Promise<string>} A folder with one folder for each release, such as TRT-RTX-1.7.
 */
export async function tensorRtHeaders(given) {
  const named = given ?? process.env.FOVEATE_TRT_HEADERS;
  if (named) return resolve(named);
  if (which('cargo') === undefined) {
    throw new SetupError('The headers of TensorRT are not here: name their folder in FOVEATE_TRT_HEADERS, or install cargo.');
  }
  return ensureCrateFolder(crate);
}
