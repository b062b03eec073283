import { invalidArgument } from '../errors/index.js';
import type { CalibrationTable } from '../precision/index.js';
import { doubtfulCalibration, pictureDoubts, tensorDoubts } from './calibration-guards.js';

/** Doubts that more pictures do not take away. */
const lasting: readonly string[] = ['OTHER_PREPROCESSING', 'DOUBTFUL_PREPROCESSING', 'UNREADABLE_PICTURES'];

/**
 * One table of several, with what is doubtful about all their pictures together: few may be enough in sum. Throws CALIBRATION_DOUBTFUL where that is so and it
 * is not forced, and as {@link CalibrationTable.merge}.
 */
export function mergeTables(
  tables: readonly CalibrationTable[],
  { force = false }: { readonly force?: boolean | undefined } = {},
): CalibrationTable {
  const [first, ...others] = tables;
  if (first === undefined) throw invalidArgument('tables', 'one table or more', tables);
  const merged = others.reduce((table, other) => table.merge(other), first);
  const doubts = [
    ...pictureDoubts(merged.pictures, { copies: 0, unreadable: 0 }),
    ...merged.doubts.filter(({ code }) => lasting.includes(code)),
    ...tensorDoubts(merged.tensors),
  ];
  if (doubts.length > 0 && !force) throw doubtfulCalibration(doubts);
  return merged.withDoubts(doubts);
}
