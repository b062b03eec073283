import { CalibrationTable, readTensorRtCache } from '../precision/index.js';
import { alignRows } from '../text/index.js';
import type { Invocation } from './invocation.js';

/** Prints a table of `foveate calibrate`. Loaded when it is wanted, as the other. */
export async function inspectTable(path: string, invocation: Invocation): Promise<void> {
  const table = await CalibrationTable.read(path);
  if (invocation.document !== undefined) invocation.document.whole({ path, ...table.toJSON() });
  else invocation.out(table.toText());
}

/** Prints a calibration cache of TensorRT. */
export async function inspectTensorRtCache(path: string, invocation: Invocation): Promise<void> {
  const { version, algorithm, ranges } = await readTensorRtCache(path);
  const tensors = [...ranges].map(([name, { max }]) => ({ name, max }));
  if (invocation.document !== undefined) return invocation.document.whole({ path, version, algorithm, tensors });
  invocation.out(`Calibration cache of TensorRT ${version}, ${algorithm}: ${tensors.length} tensors\n\n`);
  const rows = tensors.map(({ name, max }) => [name, { number: `±${Number(max.toPrecision(6))}` }]);
  invocation.out(`${alignRows(rows).join('\n')}\n`);
}
