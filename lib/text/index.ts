export { csvRecord, type CsvField } from './csv.js';
export { asMarkup, escapeMarkup, markup, type Markup, type MarkupPart } from './markup.js';
export { alignRows, printable, type Cell } from './table.js';
export { notWritable, writeWhole } from './whole-file.js';
