import nodePath from 'node:path';

import { ModelBundle } from '../../engine/index.js';
import { encodeModel, modelPath, readModel, type OnnxModel } from '../../graph/index.js';
import { tensorsOf } from '../../graph/model-tensors.js';
import { TensorProto_DataLocation } from '../../graph/onnx_pb.js';
import { createSession, type ModelSource, type Session, type SessionOptions, type TensorInfo } from '../../session/index.js';
import { tappedGraph } from './tapped-graph.js';

/** ONNX Runtime's name for the folder in which it looks for external data of a model that it is given as bytes. */
const externalDataFolder = 'session.model_external_initializers_file_folder_path';

/** How far ONNX Runtime rewrites a graph: not at all, or as it does for those who run the model. */
export type Optimization = 'disabled' | 'all';

/** One of the two models of a comparison: its graph, and sessions of it that give what is asked for. */
export class ComparedSide {
  readonly source: ModelSource;
  /** Of a bundle the form for ONNX Runtime. */
  readonly #file: ModelSource;
  readonly model: OnnxModel;
  /** As the engine tells them. */
  readonly outputs: readonly TensorInfo[];
  readonly #session: SessionOptions;

  private constructor(
    source: ModelSource,
    file: ModelSource,
    model: OnnxModel,
    outputs: readonly TensorInfo[],
    session: SessionOptions,
  ) {
    this.source = source;
    this.#file = file;
    this.model = model;
    this.outputs = outputs;
    this.#session = session;
  }

  /** Rejects as `createSession`: what the engine does not open cannot be compared. */
  static async open(source: ModelSource, options: SessionOptions): Promise<ComparedSide> {
    await using session = await createSession(source, options);
    const file = (await ModelBundle.at(source))?.form('onnxruntime') ?? source;
    return new ComparedSide(source, file, await readModel(file, { signal: options.signal }), session.outputs, options);
  }

  /** What a report calls it. */
  get name(): string {
    return this.source instanceof Uint8Array ? 'a model in memory' : nodePath.basename(modelPath('model', this.source));
  }

  /** The model as it is. */
  openShipped(): Promise<Session> {
    return createSession(this.source, this.#session);
  }

  /** The part of it that makes these values, which are its outputs; `sizes`: see {@link tappedGraph}. */
  openTapped(
    values: readonly string[],
    optimization: Optimization,
    sizes?: ReadonlyMap<string, readonly number[]>,
  ): Promise<Session> {
    const tapped = tappedGraph(this.model.proto, values, sizes);
    const isExternal = tensorsOf(tapped).some(({ dataLocation }) => dataLocation === TensorProto_DataLocation.EXTERNAL);
    const folder =
      isExternal && !(this.#file instanceof Uint8Array)
        ? { [externalDataFolder]: nodePath.resolve(nodePath.dirname(modelPath('model', this.#file))) }
        : {};
    return createSession(encodeModel(tapped), {
      ...this.#session,
      graphOptimization: optimization,
      config: { ...this.#session.config, ...folder },
    });
  }
}
