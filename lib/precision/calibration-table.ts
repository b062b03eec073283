import { writeFile } from 'node:fs/promises';

import { packageVersion } from '../binding/index.js';
import { CalibrationError, checkPath, invalidArgument } from '../errors/index.js';
import type { PreprocessOptions } from '../image/index.js';
import { writeWhole } from '../text/index.js';
import { parseTable, readTable, tableText } from './calibration-file.js';
import { tableLines } from './calibration-report.js';
import { inOrder, mergeStatistics } from './merge-statistics.js';
import type { TensorStatistics } from './tensor-statistics.js';

/** A picture that was calibrated with, so that it is known again. */
export interface CalibratedPicture {
  /** Of the file, in hexadecimal. */
  readonly sha256: string;
  /** SHA-256 of the model's input that it became: the same for pictures with the same pixels. */
  readonly input: string;
  /** What it looks like at 17 x 16 cells: 256 bits in hexadecimal, set where a cell is darker than its right neighbour. */
  readonly look: string;
  /** The darkest and the brightest of the cells, 0 to 1. */
  readonly darkest: number;
  readonly brightest: number;
}

/** A reason why ranges may be wrong. */
export interface CalibrationDoubt {
  /** What it is about, for programs, such as `TOO_FEW_PICTURES`. */
  readonly code: string;
  readonly message: string;
}

/** What a table holds, as plain data. */
export interface CalibrationContents {
  readonly model: { readonly name: string; readonly sha256: string };
  readonly preprocess: PreprocessOptions;
  /** How the pictures were chosen; undefined where tables with different seeds were merged. */
  readonly seed: number | undefined;
  /** How many pictures were asked for. */
  readonly wanted: number;
  /** In the order of their SHA-256, which is that of {@link TensorStatistics.pictures}. */
  readonly pictures: readonly CalibratedPicture[];
  readonly tensors: readonly TensorStatistics[];
  /** What would have stopped calibration, had it not been forced. */
  readonly doubts: readonly CalibrationDoubt[];
  /** The version of foveate that made it. */
  readonly foveate: string;
}

/**
 * What calibration has seen of a model's tensors, and with what: the statistics from which ranges are found. Immutable. It does not depend on the order
 * of the pictures, nor on how often it was interrupted.
 *
 *     const table = await CalibrationTable.read('yolov8n.calibration.json');
 *     console.log(table.toText());
 */
export class CalibrationTable implements CalibrationContents {
  readonly model: CalibrationContents['model'];
  readonly preprocess: PreprocessOptions;
  readonly seed: number | undefined;
  readonly wanted: number;
  readonly pictures: readonly CalibratedPicture[];
  readonly tensors: readonly TensorStatistics[];
  readonly doubts: readonly CalibrationDoubt[];
  readonly foveate: string;
  readonly #byName: ReadonlyMap<string, TensorStatistics>;

  /** @internal Takes the pictures in any order, that of the statistics, and puts both into their own. */
  constructor(contents: Omit<CalibrationContents, 'foveate'> & { readonly foveate?: string }) {
    const order = contents.pictures.map((_, place) => place).sort((a, b) => compare(shaOf(contents, a), shaOf(contents, b)));
    this.model = contents.model;
    this.preprocess = contents.preprocess;
    this.seed = contents.seed;
    this.wanted = contents.wanted;
    this.pictures = order.map((place) => contents.pictures[place] as CalibratedPicture);
    this.tensors = contents.tensors.map((statistics) => inOrder(statistics, order));
    this.doubts = contents.doubts;
    this.foveate = contents.foveate ?? packageVersion;
    this.#byName = new Map(this.tensors.map((statistics) => [statistics.name, statistics]));
  }

  /**
   * Reads a table that {@link save} wrote. Rejects with CALIBRATION_INVALID for a file that cannot be read, is damaged, holds what cannot be, or
   * was written by a newer version.
   */
  static async read(path: string | URL): Promise<CalibrationTable> {
    const file = checkPath('path', path);
    return new CalibrationTable(parseTable(await readTable(file), file));
  }

  /** Statistics of a tensor; undefined for one that was not looked at. */
  tensor(name: string): TensorStatistics | undefined {
    return this.#byName.get(name);
  }

  /** The same, with other reasons to doubt it. */
  withDoubts(doubts: readonly CalibrationDoubt[]): CalibrationTable {
    return new CalibrationTable({ ...this.#contents(), doubts });
  }

  /** Whether fewer pictures are in than were asked for: calibration was interrupted. */
  get partial(): boolean {
    return this.pictures.length < this.wanted;
  }

  /** Writes the table whole or not at all. Rejects with OUTPUT_NOT_WRITABLE. */
  async save(path: string | URL): Promise<void> {
    await writeWhole(checkPath('path', path), (partialPath) => writeFile(partialPath, tableText(this)));
  }

  /**
   * The table of the pictures of both: what one calibration with all of them would have given, means but for their rounding. Throws
   * CALIBRATION_INVALID for a table of another model, other preprocessing or other tensors, or with a picture that this one has too: its statistics
   * cannot be taken out again.
   */
  merge(other: CalibrationTable): CalibrationTable {
    if (!(other instanceof CalibrationTable)) throw invalidArgument('other', 'a CalibrationTable', other);
    this.checkSame(other, other.tensors);
    const mine = new Set(this.pictures.map(({ sha256 }) => sha256));
    const shared = other.pictures.filter(({ sha256 }) => mine.has(sha256)).length;
    if (shared > 0) {
      throw new CalibrationError('CALIBRATION_INVALID', {
        message: `The tables cannot be merged: ${shared} ${shared === 1 ? 'picture is' : 'pictures are'} in both, and would count twice`,
        hint: 'Calibrate with pictures that are in one of them only.',
        details: { shared },
      });
    }
    return new CalibrationTable({
      model: this.model,
      preprocess: this.preprocess,
      seed: this.seed === other.seed ? this.seed : undefined,
      wanted: this.wanted + other.wanted,
      pictures: [...this.pictures, ...other.pictures],
      tensors: this.tensors.map((statistics) => mergeStatistics(statistics, other.tensor(statistics.name) as TensorStatistics)),
      doubts: [...this.doubts, ...other.doubts.filter(({ code }) => !this.doubts.some((doubt) => doubt.code === code))],
    });
  }

  /** @internal Throws CALIBRATION_INVALID unless it is of this model, preprocessing and these tensors; of more, where that is said. */
  checkSame(
    { model, preprocess }: Pick<CalibrationContents, 'model' | 'preprocess'>,
    tensors: readonly Pick<TensorStatistics, 'name'>[],
    mayHaveMore = false,
  ): void {
    if (model.sha256 !== this.model.sha256) {
      throw differs(
        `it is of another model: ${this.model.name} (SHA-256 ${this.model.sha256.slice(0, 12)}), not ${model.name} (${model.sha256.slice(0, 12)})`,
        'Calibrate the model that the table is to be used for.',
      );
    }
    const options = Object.keys(this.preprocess) as (keyof PreprocessOptions)[];
    const option = options.find((name) => String(this.preprocess[name]) !== String(preprocess[name]));
    if (option !== undefined) {
      throw differs(
        `it was made with other preprocessing: ${option} ${this.preprocess[option]}, not ${preprocess[option]}`,
        'Calibrate again, or give the same preprocessing.',
      );
    }
    const hasAll = tensors.every(({ name }) => this.#byName.has(name));
    if (hasAll && (mayHaveMore || tensors.length === this.tensors.length)) return;
    throw differs(
      'it is of other tensors',
      'int8, fp8 and int4 go by those of layers; int8+fp16, fp16, bf16 and auto by all (foveate calibrate --tensors all). Or another version of foveate made it: calibrate again.',
    );
  }

  /** The table for people: what it was made with, and a line for each tensor. */
  toText(): string {
    return `${tableLines(this).join('\n')}\n`;
  }

  #contents(): CalibrationContents {
    const { model, preprocess, seed, wanted, pictures, tensors, doubts, foveate } = this;
    return { model, preprocess, seed, wanted, pictures, tensors, doubts, foveate };
  }

  /** Plain data without the statistics, as `JSON.stringify` shows it. */
  toJSON(): object {
    const { tensors: all, ...others } = this.#contents();
    const tensors = all.map(({ name, count, nonFinite, min, max }) => ({ name, count, nonFinite, min, max }));
    return { ...others, tensors };
  }
}

function differs(why: string, hint: string): CalibrationError {
  return new CalibrationError('CALIBRATION_INVALID', { message: `The calibration table cannot be used here: ${why}`, hint });
}

function shaOf({ pictures }: Pick<CalibrationContents, 'pictures'>, place: number): string {
  return (pictures[place] as CalibratedPicture).sha256;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
