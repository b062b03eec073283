/**
 * TensorRT for a machine with a GPU: NVIDIA's libraries, under a licence of NVIDIA's own, as an artifact for Java carries them. Nothing of it is shipped.
 */
import { ensureEntry } from './cache.mjs';
import { ensureMavenFile } from './downloads.mjs';
import { run } from './process.mjs';

const artifact = {
  coordinates: 'org.bytedeco:tensorrt:10.15-1.5.13:jar:linux-x86_64-redist',
  sha256: '8543a6bda95c5d42141d409e1b74024b444e96334a3815d53997cc4ec3cfce83',
};

/** Builder, runtime and parser; then what the builder may ask for on GPUs that it has no kernels for. */
export const tensorRtFiles = {
  libraries: ['libnvinfer.so.10', 'libnvonnxparser.so.10'],
  resources: ['libnvinfer_builder_resource_ptx.so.10.15.1'],
};

/**
 * The unpacked libraries in the cache.
 *
 * @param {import('./tools.mjs').Tools} tools
 * @returns {Promise<string>} Their folder.
 */
export async function ensureTensorRt(tools) {
  const { coordinates, sha256 } = artifact;
  const files = Object.values(tensorRtFiles).flat();
  return ensureEntry({
    name: `tensorrt-10.15-${sha256.slice(0, 12)}`,
    reason: 'unpacking TensorRT 10.15, for a machine with a GPU',
    build: async (folder, { log }) => {
      const reason = 'fetching TensorRT 10.15 by NVIDIA, under its own licence (533 MB, once)';
      const file = await ensureMavenFile({ coordinates, sha256, reason });
      const script = [
        'import shutil, sys, zipfile',
        'file, folder, *names = sys.argv[1:]',
        'archive = zipfile.ZipFile(file)',
        'for name in names:',
        '  with archive.open(f"org/bytedeco/tensorrt/linux-x86_64/{name}") as source, open(f"{folder}/{name}", "wb") as target:',
        '    shutil.copyfileobj(source, target, 1 << 20)',
      ];
      await run(tools.python, ['-c', script.join('\n'), file, folder, ...files], { log });
    },
  });
}
