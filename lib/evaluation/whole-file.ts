export { notWritable, writeWhole } from '../text/whole-file.js';
