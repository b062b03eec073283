export { standinCuda } from '../standins.mjs';
