export {
  chooseDevice,
  devices,
  type Device,
  type DeviceChoice,
  type OnnxRuntimeChoice,
  type OnnxRuntimeDevice,
} from './device.js';
export { diagnose, type Diagnosis, type DiagnosisStep, type Finding, type LibraryFinding, type NamedDevice } from './doctor.js';
export { diagnoseTensorRt, remedyForDamage, unusableTensorRt, type TensorRtFinding } from './doctor-tensorrt.js';
export { sha256OfFile } from './file-hash.js';
export { sha256OfModel } from './model-hash.js';
export { makeFolder } from './folders.js';
export {
  installTensorRtRtx,
  isInstalled,
  tensorRtRtxInstallation,
  type InstallOptions,
  type InstallStep,
  type TensorRtRtxInstallation,
} from './install-tensorrt-rtx.js';
export { carrierPackage, libraryCandidates, openLibrary, openOnnxRuntime, type LibraryCandidate } from './onnxruntime.js';
export { chooseTensorRt } from './tensorrt.js';
export { tensorRtRtxPackage, tensorRtRtxVersion, tensorRtRtxWheel, tensorRtRtxWheels } from './tensorrt-rtx-wheel.js';
export {
  tensorRtCandidates,
  tensorRtPlaces,
  type TensorRtCandidate,
  type TensorRtFamily,
  type TensorRtPlace,
} from './tensorrt-libraries.js';
export {
  buildPolicies,
  checkBuildsFor,
  engineDevices,
  findEngine,
  hasEngine,
  isEngineDevice,
  runnableEngine,
  runningTensorRt,
  seenEngineDevices,
  type BuildPolicy,
  type EngineDevice,
} from './run-engine.js';
export { BuildListener } from './build-listener.js';
export { buildModelEngine, waitingPhase, type BuildResult } from './build-model-engine.js';
export { readSource, type SourceModel } from './build-model.js';
export { buildOptionNames, checkBuildOptions } from './build-options.js';
export type { BuildLogLine, BuildOptions } from './build-options.js';
export type { BatchRange, OptimizationProfile, ShapeRange } from './build-profiles.js';
export type { BuildProgress } from './build-progress.js';
export { capabilityText, EngineBundle, type EngineLibrary } from './engine-bundle.js';
export type { EngineLayer, EngineLayerTensor } from './engine-layers.js';
export { manifestFile, type BundleFile } from './bundle-folder.js';
export type { EngineGpu, EngineManifest, EngineTensorInfo, ModelPass } from './engine-manifest.js';
export { gpuStatistics, type GpuStatistics } from './gpu-statistics.js';
export { checkEngineSupport, type SupportReport } from './engine-support.js';
export { exportOnnx } from './export-onnx.js';
export { ModelBundle } from './model-bundle.js';
export {
  formNames,
  type BundledOutput,
  type BundledTask,
  type FormName,
  type FormPrecision,
  type ModelForm,
  type ModelManifest,
} from './model-manifest.js';
export {
  checkModelBundleOutput,
  formFileName,
  writeModelBundle,
  type FormContent,
  type ModelBundleContent,
} from './write-model-bundle.js';
export { keepInCache, userCacheFolder } from './user-cache.js';
