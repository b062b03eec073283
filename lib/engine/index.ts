export { chooseDevice, devices, deviceUnavailable, type Device, type DeviceChoice } from './device.js';
export { diagnose, type Diagnosis, type DiagnosisStep, type Finding, type LibraryFinding, type NamedDevice } from './doctor.js';
export { carrierPackage, libraryCandidates, openLibrary, openOnnxRuntime, type LibraryCandidate } from './onnxruntime.js';
export { chooseTensorRt, openTensorRt, tensorRtRemedy } from './tensorrt.js';
export {
  tensorRtCandidates,
  tensorRtFamilies,
  tensorRtPlaces,
  type TensorRtCandidate,
  type TensorRtFamily,
  type TensorRtPlace,
} from './tensorrt-libraries.js';
