/**
 * The border to the C++ core: the only folder that touches the addon.
 */
export { aborted, attempt, binding, native, settle } from './call.js';
export { Lease } from './lease.js';
export { glibcVersion } from './glibc.js';
export { platformName, type BindingAttempt } from './load.js';
export { dtypeBytes, dtypes, isDType, typedArrays, type DType, type TypedArrayOf } from './dtype.js';
export type * from './native.js';
export type * from './native-calibration.js';
export type * from './native-engine.js';
export type * from './native-metrics.js';
export type * from './native-session.js';
export { packageVersion } from './version.js';
