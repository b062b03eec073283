export { csvRecord, type CsvField } from './csv.js';
export { alignRows, printable, type Cell } from './table.js';
