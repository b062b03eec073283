export { hasNamesBeside, namesBeside, readBesideModel, type BesideModel } from './beside-model.js';
export { graphNormalization } from './graph-normalization.js';
export { declaredPreprocess, type DeclaredPreprocess, type PreprocessSource } from './preprocess-source.js';
export { declaredRtDetr, imageSize } from './ultralytics-metadata.js';
