import { ArgumentError, describeValue } from '../errors/index.js';

/** A JSON object that another program wrote. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The error for a file beside a model whose preprocessing cannot be used. */
export function invalidConfig(path: string, reason: string, cause?: unknown): ArgumentError {
  return new ArgumentError('PREPROCESS_INVALID', {
    message: `Cannot use ${JSON.stringify(path)}: ${reason}`,
    hint: 'Mend or remove the file, or go without it: give the option preprocess, a preset or a whole Preprocess, and for a config.json labels too.',
    details: { path },
    cause,
  });
}

/** What a configuration file says, checked as it is read. A field that is null counts as left out. */
export class ConfigFields {
  readonly path: string;
  readonly #values: JsonObject;

  constructor(values: JsonObject, path: string) {
    this.#values = values;
    this.path = path;
  }

  get(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? (this.#values[key] ?? undefined) : undefined;
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.get(key) ?? fallback;
    if (typeof value !== 'boolean') throw this.#wrong(key, 'true or false', value);
    return value;
  }

  number(key: string, fallback: number): number {
    const value = this.get(key) ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value)) throw this.#wrong(key, 'a number', value);
    return value;
  }

  /** A number for each colour: three of them, or one for all. */
  triple(key: string): readonly [number, number, number] {
    const value = this.get(key);
    const list = Array.isArray(value) ? value : [value];
    const [a, b = a, c = a] = list as number[];
    if ((list.length !== 1 && list.length !== 3) || ![a, b, c].every((item) => Number.isFinite(item))) {
      throw this.#wrong(key, 'a number for each of three colours', value);
    }
    return [a, b, c] as [number, number, number];
  }

  /** One of the keys of `names`, as what it stands for. */
  oneOf<T>(key: string, names: ReadonlyMap<unknown, T>): T {
    const value = this.get(key);
    const found = names.get(value);
    if (found === undefined) throw this.#wrong(key, `one of ${[...names.keys()].join(', ')}`, value);
    return found;
  }

  /** A length in pixels. */
  pixels(key: string, value: unknown): number {
    if (!Number.isInteger(value) || (value as number) < 1) throw this.#wrong(key, 'a length in pixels', value);
    return value as number;
  }

  fail(reason: string): ArgumentError {
    return invalidConfig(this.path, reason);
  }

  #wrong(key: string, expected: string, value: unknown): ArgumentError {
    return this.fail(`expected ${expected} for ${key} but received ${describeValue(value)}`);
  }
}
