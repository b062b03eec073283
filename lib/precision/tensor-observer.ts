import { maxBins, type TensorStatistics } from './tensor-statistics.js';

interface Seen {
  readonly name: string;
  readonly channelAxis?: number | undefined;
  values: { picture: number; data: Float32Array; dims: readonly number[] }[];
  base: TensorStatistics | undefined;
}

/** Stand-in until the native one is there: keeps all it sees. */
export class TensorObserver {
  readonly #seen: Map<string, Seen>;

  constructor(points: readonly { name: string; channelAxis?: number | undefined }[]) {
    this.#seen = new Map(points.map((point) => [point.name, { ...point, values: [], base: undefined }]));
  }

  static async from(
    statistics: readonly TensorStatistics[],
    channelAxes: Readonly<Record<string, number>> = {},
  ): Promise<TensorObserver> {
    await Promise.resolve();
    const observer = new TensorObserver(statistics.map(({ name }) => ({ name, channelAxis: channelAxes[name] })));
    for (const one of statistics) observer.#seen.get(one.name)!.base = one;
    return observer;
  }

  get names(): readonly string[] {
    return [...this.#seen.keys()];
  }

  see(name: string, picture: number, data: Float32Array, dims: readonly number[]): void {
    this.#seen.get(name)?.values.push({ picture, data, dims });
  }

  async statistics(): Promise<TensorStatistics[]> {
    const { mergeStatistics } = await import('./merge-statistics.js');
    return [...this.#seen.values()].map((seen) => {
      for (const value of seen.values.sort((a, b) => a.picture - b.picture)) {
        const one = statisticsOf(seen, value.data, value.dims);
        seen.base = seen.base === undefined ? one : mergeStatistics(seen.base, one);
      }
      seen.values = [];
      return seen.base!;
    });
  }

  dispose(): void {}
}

function statisticsOf({ name, channelAxis }: Seen, data: Float32Array, dims: readonly number[]): TensorStatistics {
  let min = Infinity;
  let max = -Infinity;
  let nonFinite = 0;
  for (const x of data) {
    if (!Number.isFinite(x)) nonFinite++;
    else {
      if (x < min) min = x;
      if (x > max) max = x;
    }
  }
  let exponent = -40;
  while (Math.floor(max / 2 ** exponent) - Math.floor(min / 2 ** exponent) >= maxBins) exponent++;
  const first = Math.floor(min / 2 ** exponent);
  const counts = new Float64Array(max < min ? 0 : Math.floor(max / 2 ** exponent) - first + 1);
  for (const x of data) if (Number.isFinite(x)) counts[Math.floor(x / 2 ** exponent) - first]!++;
  const size = channelAxis === undefined ? 0 : (dims[channelAxis] ?? 0);
  const inner = channelAxis === undefined ? 1 : dims.slice(channelAxis + 1).reduce((a, b) => a * b, 1);
  const channels =
    size === 0
      ? undefined
      : {
          min: new Float32Array(size).fill(Infinity),
          max: new Float32Array(size).fill(-Infinity),
          mean: new Float64Array(size),
          meanSquare: new Float64Array(size),
        };
  if (channels !== undefined) {
    data.forEach((x, i) => {
      const c = Math.floor(i / inner) % size;
      channels.min[c] = Math.min(channels.min[c]!, x);
      channels.max[c] = Math.max(channels.max[c]!, x);
      channels.mean[c]! += x / inner;
      channels.meanSquare[c]! += (x * x) / inner;
    });
  }
  return {
    name,
    count: data.length - nonFinite,
    nonFinite,
    min,
    max,
    pictures: { min: Float32Array.of(min), max: Float32Array.of(max) },
    histogram: { exponent, first, counts },
    channels,
  };
}
