export { htmlReport } from '../../lib/optimize/report/html-report.js';
export { markdownReport } from '../../lib/optimize/report/markdown-report.js';
export { tableReport } from '../../lib/optimize/report/table-report.js';
export { csvOfForms, csvOfLayers } from '../../lib/optimize/report/csv-report.js';
export { report } from './made-report.js';
