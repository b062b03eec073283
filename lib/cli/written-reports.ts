import { writeFile } from 'node:fs/promises';

import { writeWhole } from '../text/index.js';

/** Writes each report whose file was asked for. Throws OUTPUT_NOT_WRITABLE. */
export async function writeReports(reports: readonly (readonly [path: string | undefined, text: () => string])[]): Promise<void> {
  for (const [path, text] of reports) {
    if (path !== undefined) await writeWhole(path, (partial) => writeFile(partial, text()));
  }
}

/** As `--save` writes a report, and as it is read again. */
export function jsonText(report: object): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}
