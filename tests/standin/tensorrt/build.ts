export { standinTensorRt } from '../standins.mjs';
