import { availableParallelism } from 'node:os';
import nodePath from 'node:path';

import { sha256OfBytes } from '../engine/file-hash.js';
import {
  encodeModel,
  freeBatch,
  inlineExternalData,
  normalizeModel,
  parseModel,
  parseModelAt,
  readModelBytes,
} from '../graph/index.js';
import { sizesOfValues } from '../graph/value-sizes.js';
import {
  allFloatPoints,
  floatCalibrationPoints,
  layerPoints,
  tappedModel,
  TensorObserver,
  type CalibrationContents,
  type CalibrationPoint,
  type TensorStatistics,
} from '../precision/index.js';
import {
  createSession,
  mostLanes,
  sessionOptionNames,
  type ModelSource,
  type Session,
  type SessionOptions,
} from '../session/index.js';
import type { CalibratedTensors } from './calibrated-tensors.js';
import { evaluateConstants } from './evaluate-constants.js';

/** What the tensors that are looked at may take, in all lanes together, unless the caller says how many lanes there are. */
const mostTappedBytes = 256 * 2 ** 20;

/** Where the weights of a model in memory are looked for, as ONNX Runtime calls it. */
const externalFolderEntry = 'session.model_external_initializers_file_folder_path';

/** A session of a model whose tensors of interest are outputs, and the observer of these. */
export class TappedSession implements AsyncDisposable {
  readonly session: Session;
  readonly model: CalibrationContents['model'];
  readonly points: readonly CalibrationPoint[];
  readonly #ofLayers: ReadonlySet<string>;
  #observer: TensorObserver;

  private constructor(
    session: Session,
    model: CalibrationContents['model'],
    points: readonly CalibrationPoint[],
    ofLayers: ReadonlySet<string>,
  ) {
    this.session = session;
    this.model = model;
    this.points = points;
    this.#ofLayers = ofLayers;
    this.#observer = new TensorObserver(points);
  }

  /** Opens it, on no more lanes than there are `pictures`. Rejects as `createSession`, and MODEL_UNSUPPORTED where a fixed batch cannot be freed, or it is quantised. */
  static async open(
    source: ModelSource,
    tensors: CalibratedTensors,
    options: SessionOptions,
    pictures: number,
  ): Promise<TappedSession> {
    const { bytes, path } = await readModelBytes(source, { signal: options.signal });
    const read = parseModelAt(path, bytes);
    const batch = read.inputs[0]?.shape?.[0];
    // One picture at a time: lanes keep the cores busy.
    const single = typeof batch === 'number' && batch !== 1 ? freeBatch(read.proto) : read.proto;
    // The form that is quantised: names of its values are those of the table. Passes read the weights.
    const whole = path === undefined ? single : await inlineExternalData(single, nodePath.dirname(path), options);
    const proto = await normalizeModel(whole, { evaluate: evaluateConstants });
    const points = tensors === 'layers' ? floatCalibrationPoints(proto) : allFloatPoints(proto);
    const ofLayers = new Set(layerPoints(proto).map(({ name }) => name));
    const tapped = encodeModel(
      tappedModel(
        proto,
        points.map(({ name }) => name),
      ),
    );
    const bytesOfPicture = tappedBytes(tapped, points);
    const cores = availableParallelism();
    const affordable = bytesOfPicture === undefined ? 1 : Math.max(1, Math.floor(mostTappedBytes / bytesOfPicture));
    const lanes = options.lanes ?? Math.min(affordable, cores, pictures, mostLanes);
    const session = await createSession(tapped, {
      ...Object.fromEntries(Object.entries(options).filter(([name]) => (sessionOptionNames as readonly string[]).includes(name))),
      lanes,
      memoryPattern: options.memoryPattern ?? false,
      config: {
        ...(path !== undefined && { [externalFolderEntry]: nodePath.dirname(nodePath.resolve(path)) }),
        ...options.config,
      },
    });
    try {
      const name = path === undefined ? 'a model in memory' : nodePath.basename(path);
      return new TappedSession(session, { name, sha256: sha256OfBytes(bytes) }, points, ofLayers);
    } catch (error) {
      await session.dispose();
      throw error;
    }
  }

  /** Whether a tensor is one that a layer reads or makes. */
  isOfLayer(name: string): boolean {
    return this.#ofLayers.has(name);
  }

  get observer(): TensorObserver {
    return this.#observer;
  }

  /** Goes on from what was kept of these tensors. */
  async goOnFrom(statistics: readonly TensorStatistics[]): Promise<void> {
    const axes = Object.fromEntries(
      this.points.flatMap(({ name, channelAxis }) => (channelAxis === undefined ? [] : [[name, channelAxis]])),
    );
    const observer = await TensorObserver.from(statistics, axes);
    this.#observer.dispose();
    this.#observer = observer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.dispose();
    this.#observer.dispose();
  }
}

/** What the tensors of one picture take; undefined where the size of one is not known before it runs. */
function tappedBytes(model: Uint8Array, points: readonly CalibrationPoint[]): number | undefined {
  const { sizes } = sizesOfValues(parseModel(model).graph);
  let bytes = 0;
  for (const { name } of points) {
    const shape = sizes.get(name) ?? undefined;
    if (shape === undefined) return undefined;
    for (const size of shape) if (size === null) return undefined;
    bytes += shape.reduce<number>((product, size) => product * (size as number), 4);
  }
  return bytes;
}
