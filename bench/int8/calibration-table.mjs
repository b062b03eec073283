/** The table of what `calibration.mjs` measured. */
import { median } from '../statistics.mjs';

/** Markdown, or undefined where nothing was measured. */
export function calibrationTable(told) {
  if (told === undefined) return undefined;
  const { model, rounds } = told;
  const names = [...new Set(rounds.flatMap((round) => Object.keys(round)))];
  const of = (name, value) =>
    rounds
      .map((round) => round[name])
      .filter((run) => run?.error === undefined && run !== undefined)
      .map(value);
  const ratio = (name) => {
    const ratios = rounds.flatMap(({ [name]: one, 'foveate, 48 pictures': ours }) =>
      one?.seconds === undefined || ours?.seconds === undefined ? [] : [one.seconds / ours.seconds],
    );
    return ratios.length === 0
      ? '–'
      : `${median(ratios).toFixed(1)} (${Math.min(...ratios).toFixed(1)} to ${Math.max(...ratios).toFixed(1)})`;
  };
  const cell = (list, digits) => (list.length === 0 ? '–' : median(list).toFixed(digits));
  const rows = names.map((name) => {
    const error = rounds.find((round) => round[name]?.error !== undefined)?.[name].error;
    const cells = [
      cell(
        of(name, ({ seconds }) => seconds),
        1,
      ),
      ratio(name),
      cell(
        of(name, ({ processorSeconds }) => processorSeconds),
        1,
      ),
      cell(
        of(name, ({ peakMb }) => peakMb),
        0,
      ),
    ];
    return `| ${[name, ...cells, error ?? ''].join(' | ')} |`;
  });
  return [
    '## Calibration and quantization',
    '',
    `\`node bench/int8/calibration.mjs\`: ${model}, every run a process of its own, in turn, ${rounds.length} rounds; medians, and of ratios the lowest and the highest. More`,
    'pictures than the shared ones are distinct crops of them.',
    '',
    '| run | seconds | over foveate | processor seconds | peak RSS, MB | |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
