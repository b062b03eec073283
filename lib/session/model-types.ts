import type { DeviceTensor, DType, Tensor } from '../tensor/index.js';

/** What TypeScript is told of an input or output of a model. */
export interface ValueType {
  readonly dtype: DType;
  /** A tuple: a literal for a fixed size, `number` for a free one. `readonly number[]` where the rank is unknown. */
  readonly shape: readonly number[];
}

/**
 * What TypeScript is told of a model: `foveate typegen` writes such a type, and `createSession<Model>` gives a session of it. Nothing of
 * it exists at run time.
 */
export interface ModelTypes {
  readonly inputs: Readonly<Record<string, ValueType>>;
  readonly outputs: Readonly<Record<string, ValueType>>;
}

/**
 * The tensors that a run of such a model takes, by name; those on a GPU only where the model runs on one. Their sizes are left to the check at run time, because tensors that come out of
 * preprocessing know theirs only then.
 */
export type InputTensors<M extends ModelTypes> = {
  readonly [Name in keyof M['inputs']]: Tensor<M['inputs'][Name]['dtype']> | DeviceTensor<M['inputs'][Name]['dtype']>;
};

/** The tensors that a run of such a model gives, by name. */
export type OutputTensors<M extends ModelTypes> = {
  readonly [Name in keyof M['outputs']]: Tensor<M['outputs'][Name]['dtype'], M['outputs'][Name]['shape']>;
};

/** The tensors that a run of such a model leaves on a GPU, by name. */
export type DeviceOutputTensors<M extends ModelTypes> = {
  readonly [Name in keyof M['outputs']]: DeviceTensor<M['outputs'][Name]['dtype'], M['outputs'][Name]['shape']>;
};

export type InputName<M extends ModelTypes> = keyof M['inputs'] & string;
export type OutputName<M extends ModelTypes> = keyof M['outputs'] & string;
