/** The file of a calibration table: JSON, whose long lists of numbers are base64. Everything in it is checked: a range made of damaged counts looks right. */
import { readFile, stat } from 'node:fs/promises';

import { CalibrationError, describeValue, FoveateError } from '../errors/index.js';
import { Preprocess } from '../image/index.js';
import type { CalibratedPicture, CalibrationContents, CalibrationDoubt } from './calibration-table.js';
import { packCounts, packFloats, unpackCounts, unpackFloat32, unpackFloat64 } from './packed-numbers.js';
import { maxBins, type ChannelStatistics, type TensorStatistics } from './tensor-statistics.js';

/** Counts up where older versions would misread it. */
const format = 1;
/** Far above the table of any model. */
const maxFileBytes = 256 * 2 ** 20;
/** Far above any model. */
const maxChannels = 1_000_000;

const againHint = 'The file is damaged or cut short: make it again with foveate calibrate MODEL --data FOLDER -o FILE.';

export function tableText(table: CalibrationContents): string {
  const { model, preprocess, seed, wanted, pictures, doubts, foveate } = table;
  const head = { calibrationTable: format, foveate, model, preprocess, seed, wanted, doubts, pictures };
  // A line for each tensor: what changed between two tables can be seen with line tools.
  const tensors = table.tensors.map((tensor) => JSON.stringify(tensorRecord(tensor)));
  return `${JSON.stringify(head).slice(0, -1)},"tensors":[\n${tensors.join(',\n')}\n]}\n`;
}

function tensorRecord({ name, count, nonFinite, min, max, pictures, histogram, channels }: TensorStatistics): object {
  return {
    ...{ name, count, nonFinite },
    ...(count > 0 && { min, max }),
    pictures: { min: packFloats(pictures.min), max: packFloats(pictures.max) },
    histogram: { exponent: histogram.exponent, first: histogram.first, counts: packCounts(histogram.counts) },
    ...(channels && {
      channels: {
        count: channels.min.length,
        min: packFloats(channels.min),
        max: packFloats(channels.max),
        mean: packFloats(channels.mean),
        meanSquare: packFloats(channels.meanSquare),
      },
    }),
  };
}

/** The text of a table. Rejects with CALIBRATION_INVALID. */
export async function readTable(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > maxFileBytes) throw new Error(`it has ${size} bytes, and no table has more than ${maxFileBytes}`);
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CalibrationError('CALIBRATION_INVALID', {
      message: `Cannot read the calibration table ${JSON.stringify(path)}: ${(cause as Error).message}`,
      hint: 'Check the path; foveate calibrate MODEL --data FOLDER -o FILE makes one.',
      details: { file: path },
      cause,
    });
  }
}

/** What the text of a table holds. Throws CALIBRATION_INVALID, which names `path`. */
export function parseTable(text: string, path: string): CalibrationContents {
  return new TableParser(path).contents(text);
}

type Fields = Readonly<Record<string, unknown>>;

class TableParser {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  contents(text: string): CalibrationContents {
    let table: unknown;
    try {
      table = JSON.parse(text);
    } catch (cause) {
      throw this.#invalid(`it is no JSON: ${(cause as Error).message}`, againHint, cause);
    }
    const isTable = typeof table === 'object' && table !== null && 'calibrationTable' in table;
    if (!isTable) throw this.#invalid('it is none', 'Give a file that foveate calibrate wrote.');
    const fields = table as Fields;
    const version = this.#integer(fields, 'calibrationTable', 1);
    if (version > format) {
      throw this.#invalid(
        `its format is ${version}, and this version of foveate knows ${format}`,
        'Update foveate, or make the table again.',
      );
    }
    const model = this.#object(fields, 'model');
    const pictures = this.#list(fields, 'pictures').map((picture, i) => this.#picture(picture, `pictures[${i}]`));
    if (new Set(pictures.map(({ sha256 }) => sha256)).size < pictures.length) {
      throw this.#wrong('pictures', 'pictures that differ', 'one twice');
    }
    const tensors = this.#list(fields, 'tensors').map((tensor, i) => this.#tensor(tensor, `tensors[${i}]`, pictures.length));
    if (new Set(tensors.map(({ name }) => name)).size < tensors.length) {
      throw this.#wrong('tensors', 'tensors of different names', 'one twice');
    }
    return {
      model: { name: this.#text(model, 'name', 'model.'), sha256: this.#hex(model, 'sha256', 64, 'model.') },
      preprocess: this.#preprocess(this.#object(fields, 'preprocess')),
      seed: fields['seed'] === undefined ? undefined : this.#integer(fields, 'seed', 0),
      wanted: this.#integer(fields, 'wanted', 1),
      doubts: this.#list(fields, 'doubts').map((doubt, i) => this.#doubt(doubt, `doubts[${i}]`)),
      foveate: this.#text(fields, 'foveate'),
      pictures,
      tensors,
    };
  }

  #preprocess(options: Fields): CalibrationContents['preprocess'] {
    try {
      return new Preprocess(options).options;
    } catch (error) {
      if (!(error instanceof FoveateError)) throw error;
      throw this.#invalid(`preprocess: ${error.message}`, againHint, error);
    }
  }

  #doubt(value: unknown, place: string): CalibrationDoubt {
    const fields = this.#fields(value, place);
    return { code: this.#text(fields, 'code', `${place}.`), message: this.#text(fields, 'message', `${place}.`) };
  }

  #picture(value: unknown, place: string): CalibratedPicture {
    const fields = this.#fields(value, place);
    const within = `${place}.`;
    return {
      sha256: this.#hex(fields, 'sha256', 64, within),
      input: this.#hex(fields, 'input', 64, within),
      look: this.#hex(fields, 'look', 64, within),
      darkest: this.#number(fields, 'darkest', within),
      brightest: this.#number(fields, 'brightest', within),
    };
  }

  #tensor(value: unknown, place: string, pictures: number): TensorStatistics {
    const fields = this.#fields(value, place);
    const within = `${place}.`;
    const count = this.#integer(fields, 'count', 0, within);
    const [min, max] = count === 0 ? [0, 0] : [this.#number(fields, 'min', within), this.#number(fields, 'max', within)];
    if (count > 0 && min > max) throw this.#wrong(`${place}.min`, `at most max, ${max}`, min);
    const perPicture = this.#ranges(this.#object(fields, 'pictures', within), pictures, `${place}.pictures.`, true);
    return {
      name: this.#text(fields, 'name', within),
      count,
      nonFinite: this.#integer(fields, 'nonFinite', 0, within),
      min,
      max,
      pictures: perPicture,
      histogram: this.#histogram(this.#object(fields, 'histogram', within), `${place}.histogram`, { count, min, max }),
      channels:
        fields['channels'] === undefined
          ? undefined
          : this.#channels(this.#object(fields, 'channels', within), `${place}.channels`),
    };
  }

  /** The counts must be those of the elements, and their bins those from the lowest to the highest. */
  #histogram(
    fields: Fields,
    place: string,
    { count, min, max }: { readonly count: number; readonly min: number; readonly max: number },
  ): TensorStatistics['histogram'] {
    const within = `${place}.`;
    const exponent = this.#integer(fields, 'exponent', -1100, within, 1024);
    const first = this.#integer(fields, 'first', -Number.MAX_SAFE_INTEGER, within);
    const text = this.#text(fields, 'counts', within, true);
    const counts = unpackCounts(text, maxBins);
    if (counts === undefined) throw this.#wrong(`${place}.counts`, `counts of at most ${maxBins} bins`, text);
    const sum = counts.reduce((total, one) => total + one, 0);
    if (sum !== count) throw this.#wrong(`${place}.counts`, `counts that add up to ${count}`, sum);
    const width = 2 ** exponent;
    const last = first + counts.length - 1;
    if (count > 0 && (Math.floor(min / width) !== first || Math.floor(max / width) !== last)) {
      throw this.#wrong(place, `bins from ${min} to ${max}`, `bins from ${first * width} to ${(last + 1) * width}`);
    }
    return { exponent, first, counts };
  }

  #channels(fields: Fields, place: string): ChannelStatistics {
    const within = `${place}.`;
    const count = this.#integer(fields, 'count', 1, within, maxChannels);
    const ranges = this.#ranges(fields, count, within);
    const mean = this.#float64(fields, 'mean', count, within);
    const meanSquare = this.#float64(fields, 'meanSquare', count, within);
    const odd = mean.findIndex(
      (value, i) => !Number.isFinite(value) || !((meanSquare[i] as number) >= 0 && meanSquare[i] !== Infinity),
    );
    if (odd !== -1) throw this.#wrong(place, 'finite means', [mean[odd], meanSquare[odd]]);
    return { ...ranges, mean, meanSquare };
  }

  /** From a lowest to a highest element each. */
  #ranges(fields: Fields, count: number, within: string, mayBeNone = false): Pick<ChannelStatistics, 'min' | 'max'> {
    const min = this.#float32(fields, 'min', count, within);
    const max = this.#float32(fields, 'max', count, within);
    min.forEach((low, i) => {
      const high = max[i] as number;
      const isRange = low <= high && low > -Infinity && high < Infinity;
      const isNone = mayBeNone && low === Infinity && high === -Infinity;
      if (!isRange && !isNone) throw this.#wrong(`${within}min`, `at most max, ${high}`, low);
    });
    return { min, max };
  }

  #fields(value: unknown, place: string): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.#wrong(place, 'an object', value);
    return value as Fields;
  }

  #object(fields: Fields, name: string, within = ''): Fields {
    return this.#fields(fields[name], within + name);
  }

  #list(fields: Fields, name: string): readonly unknown[] {
    const value = fields[name];
    if (!Array.isArray(value)) throw this.#wrong(name, 'a list', value);
    return value;
  }

  #number(fields: Fields, name: string, within = ''): number {
    const value = fields[name];
    if (typeof value !== 'number' || !Number.isFinite(value)) throw this.#wrong(within + name, 'a finite number', value);
    return value;
  }

  #integer(fields: Fields, name: string, min: number, within = '', max = Number.MAX_SAFE_INTEGER): number {
    const value = fields[name];
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
      throw this.#wrong(within + name, min === 0 || min === 1 ? `an integer of at least ${min}` : 'an integer', value);
    }
    return value as number;
  }

  #text(fields: Fields, name: string, within = '', mayBeEmpty = false): string {
    const value = fields[name];
    if (typeof value !== 'string' || (value === '' && !mayBeEmpty)) throw this.#wrong(within + name, 'text', value);
    return value;
  }

  #hex(fields: Fields, name: string, digits: number, within = ''): string {
    const value = this.#text(fields, name, within);
    if (value.length !== digits || !/^[0-9a-f]+$/.test(value)) {
      throw this.#wrong(within + name, `${digits} hexadecimal digits`, value);
    }
    return value;
  }

  #float32(fields: Fields, name: string, length: number, within: string): Float32Array {
    const text = this.#text(fields, name, within, true);
    const values = unpackFloat32(text, length);
    if (values === undefined) throw this.#wrong(within + name, `${length} numbers in base64`, text);
    return values;
  }

  #float64(fields: Fields, name: string, length: number, within: string): Float64Array {
    const text = this.#text(fields, name, within);
    const values = unpackFloat64(text, length);
    if (values === undefined) throw this.#wrong(within + name, `${length} numbers in base64`, text);
    return values;
  }

  #wrong(field: string, expected: string, received: unknown): CalibrationError {
    return this.#invalid(`${field}: expected ${expected} but received ${describeValue(received)}`, againHint, undefined, field);
  }

  #invalid(why: string, hint: string, cause?: unknown, field?: string): CalibrationError {
    return new CalibrationError('CALIBRATION_INVALID', {
      message: `The calibration table ${JSON.stringify(this.#path)} cannot be used: ${why}`,
      hint,
      details: { file: this.#path, ...(field !== undefined && { field }) },
      cause,
    });
  }
}
