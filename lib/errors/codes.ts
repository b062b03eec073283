/**
 * Every error code of foveate, in one place. The types below, `docs/errors.md`, the CLI's exit codes and
 * `native/core/error_codes.generated.h` are made from this table.
 *
 * `concern` picks the subclass; `exitCode` is what the CLI ends with (2 usage, 3 environment, 4 model or input,
 * 5 runtime); `meaning` is what the documentation says.
 */
export const errorCodes = {
  INVALID_ARGUMENT: { concern: 'argument', exitCode: 2, meaning: 'An option or argument has the wrong type or value.' },
  UNKNOWN_OPTION: { concern: 'argument', exitCode: 2, meaning: 'An option of that name does not exist.' },
  TENSOR_NAME: { concern: 'argument', exitCode: 4, meaning: 'The model has no input or output of that name, or one is missing.' },
  TENSOR_DTYPE: { concern: 'argument', exitCode: 4, meaning: 'A tensor has another element type than the model expects.' },
  TENSOR_SHAPE: {
    concern: 'argument',
    exitCode: 4,
    meaning: 'A tensor has a rank, a dimension or a number of elements that does not fit.',
  },

  BINDING_NOT_FOUND: { concern: 'binding', exitCode: 3, meaning: 'No native core for this platform could be loaded.' },
  PACKAGE_NOT_FOUND: { concern: 'binding', exitCode: 3, meaning: 'A package that is optional is needed, and not installed.' },

  BACKEND_NOT_FOUND: { concern: 'backend', exitCode: 3, meaning: 'The library of an inference runtime was not found.' },
  BACKEND_INVALID: { concern: 'backend', exitCode: 3, meaning: 'A file was found, but it is not the library it should be.' },
  BACKEND_TOO_OLD: {
    concern: 'backend',
    exitCode: 3,
    meaning: 'The release of the library lacks what is needed, or has an interface that is not known.',
  },
  BACKEND_UNAVAILABLE: {
    concern: 'backend',
    exitCode: 3,
    meaning: 'The requested device or execution provider cannot be used here, or a library cannot be installed.',
  },

  MODEL_NOT_FOUND: { concern: 'model', exitCode: 4, meaning: 'The model file does not exist or cannot be read.' },
  MODEL_INVALID: { concern: 'model', exitCode: 4, meaning: 'The file is empty, truncated or not an ONNX model.' },
  MODEL_UNSUPPORTED: {
    concern: 'model',
    exitCode: 4,
    meaning:
      'The model uses an operator, opset or type that the runtime does not know, its inputs and outputs fit no task, or it cannot be changed as wanted.',
  },
  MODEL_AMBIGUOUS: {
    concern: 'model',
    exitCode: 4,
    meaning: 'What the model is for, or its head, could not be recognised without doubt.',
  },

  BUNDLE_INVALID: {
    concern: 'model',
    exitCode: 4,
    meaning: 'The bundle of an optimised model is damaged, incomplete or none at all.',
  },

  ENGINE_INVALID: { concern: 'engine', exitCode: 4, meaning: 'An engine bundle is damaged, incomplete or none at all.' },
  ENGINE_MISMATCH: {
    concern: 'engine',
    exitCode: 4,
    meaning: 'An engine was built for another GPU, another platform or another release of the library.',
  },
  ENGINE_NOT_BUILT: {
    concern: 'engine',
    exitCode: 4,
    meaning: 'No engine of the model has been built for this machine, and none was to be built now.',
  },
  NOT_TRUSTED: {
    concern: 'argument',
    exitCode: 2,
    meaning: 'A file holds code that would be run, and was not declared to be trusted.',
  },
  ENGINE_FAILED: {
    concern: 'engine',
    exitCode: 5,
    meaning:
      'The runtime failed while it ran the model, or the builder while it built an engine, or no number in the output is finite.',
  },
  OUT_OF_MEMORY: { concern: 'engine', exitCode: 5, meaning: 'Memory could not be had.' },

  CUDA_OUT_OF_MEMORY: {
    concern: 'cuda',
    exitCode: 5,
    meaning: 'The GPU has too little free memory, or the system too little that can be pinned.',
  },
  CUDA_FAILED: { concern: 'cuda', exitCode: 5, meaning: 'The CUDA driver refused a call; the GPU can still be used.' },
  DEVICE_LOST: {
    concern: 'cuda',
    exitCode: 5,
    meaning: 'The GPU failed, and answers nothing else in this process until everything on it is closed and it is recovered.',
  },

  QUEUE_FULL: {
    concern: 'queue',
    exitCode: 5,
    meaning:
      'More requests wait than may: this one, or an older one for it, was turned away. `details.retryAfterMs` tells when there is likely to be room.',
  },
  DEADLINE_EXCEEDED: { concern: 'queue', exitCode: 5, meaning: 'The result of a request was not there by its deadline.' },
  CIRCUIT_OPEN: {
    concern: 'queue',
    exitCode: 5,
    meaning:
      'What was called has failed too often lately, and is left alone for a while. `details.retryAfterMs` tells when it is tried again.',
  },
  STORE_FULL: {
    concern: 'queue',
    exitCode: 5,
    meaning: 'There is no room for a result that was to be kept. `details.retryAfterMs` tells when the oldest expires.',
  },

  POOL_LOAD_FAILED: {
    concern: 'pool',
    exitCode: 5,
    meaning:
      'A model of a pool could not be loaded: `cause` tells why, `details.retryAfterMs` when it is tried again with the next request.',
  },
  POOL_TOO_SMALL: {
    concern: 'pool',
    exitCode: 5,
    meaning: 'A model does not fit into the memory of its pool, whatever else is given up for it.',
  },

  ABORTED: { concern: 'aborted', exitCode: 5, meaning: 'The caller aborted the operation.' },
  DISPOSED: { concern: 'disposed', exitCode: 5, meaning: 'The object was disposed before or during the call.' },

  MEDIA_NOT_FOUND: { concern: 'media', exitCode: 4, meaning: 'The picture does not exist or cannot be read.' },
  MEDIA_INVALID: { concern: 'media', exitCode: 4, meaning: 'The picture is empty, truncated or damaged.' },
  MEDIA_UNSUPPORTED: { concern: 'media', exitCode: 4, meaning: 'The data is not a picture in a format that can be read.' },
  MEDIA_TOO_LARGE: { concern: 'media', exitCode: 4, meaning: 'The picture has more pixels than the limit allows.' },

  DATASET_NOT_FOUND: {
    concern: 'dataset',
    exitCode: 4,
    meaning: 'The data set, or a file that belongs to it, does not exist or cannot be read.',
  },
  DATASET_INVALID: {
    concern: 'dataset',
    exitCode: 4,
    meaning: 'A file of a data set, or of predictions, is damaged or says something that cannot be.',
  },
  DATASET_UNSUPPORTED: {
    concern: 'dataset',
    exitCode: 4,
    meaning: 'The data set is in no format that is read, or does not label what is asked for.',
  },

  OUTPUT_NOT_WRITABLE: { concern: 'media', exitCode: 4, meaning: 'A result could not be written where it was asked for.' },
  LABELS_INVALID: {
    concern: 'argument',
    exitCode: 4,
    meaning: 'The labels cannot be read, or their number does not fit the model.',
  },
  PREPROCESS_INVALID: {
    concern: 'argument',
    exitCode: 4,
    meaning: 'A file beside the model describes preprocessing that cannot be read or is not supported.',
  },
  CALIBRATION_INVALID: {
    concern: 'calibration',
    exitCode: 4,
    meaning: 'A calibration table is damaged, of another model, of other preprocessing, or of a newer version.',
  },
  CALIBRATION_DOUBTFUL: {
    concern: 'calibration',
    exitCode: 4,
    meaning:
      'Ranges found with these pictures or this preprocessing would be wrong: `details.reasons` tells why; `force` goes on.',
  },
  BUDGET_NOT_MET: {
    concern: 'calibration',
    exitCode: 1,
    meaning: 'No form of the model keeps to the budget: `details.search` has all that was measured, and the nearest.',
  },
  INTERNAL: { concern: 'internal', exitCode: 5, meaning: 'A fault of foveate itself. Please report it.' },
} as const satisfies Record<string, { concern: string; exitCode: 1 | 2 | 3 | 4 | 5; meaning: string }>;

/** The code of a {@link FoveateError}: compare by this, not by message or class. */
export type ErrorCode = keyof typeof errorCodes;
/** What an error is about; one subclass of {@link FoveateError} per concern. */
export type ErrorConcern = (typeof errorCodes)[ErrorCode]['concern'];
