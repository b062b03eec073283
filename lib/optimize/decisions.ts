/** What is said of an optimisation in sentences. */
import { enoughHeldBack, mostHeldBack } from './held-back.js';
import type { ReportedForm } from './optimization-report.js';
import type { Candidate } from './search/budget.js';
import { dropOf, fewestPictures, findsAnything } from './search/candidate-judge.js';
import type { ReportedSearch } from './search/search-model.js';
import {
  engineNames,
  type Precision,
  type QuantizedFormName,
  type QuantizedForms,
  type QuantizedLayer,
} from './quantized-layer.js';

/** Why layers stay in float, by how many: what is said after a colon is of one layer alone. */
export function floatLayers(layers: readonly QuantizedLayer[]): string[] {
  const told = (['onnxruntime', 'tensorrt'] as const).map((form) => {
    const float = layers.filter(({ precision }) => precision[form] === 'float32');
    const counts = new Map<string, number>();
    for (const { reasons } of float) {
      const [reason] = (reasons[form] ?? 'no integer kernel').split(':') as [string];
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    const listed = [...counts].sort(([, a], [, b]) => b - a).map(([reason, count]) => `${count}: ${reason}`);
    return { form: engineNames[form], count: float.length, reasons: listed.join('; ') };
  });
  const [one, other] = told as [(typeof told)[number], (typeof told)[number]];
  const isSame = one.count === other.count && one.reasons === other.reasons;
  return (isSame ? [{ ...one, form: 'either engine' }] : told)
    .filter(({ count }) => count > 0)
    .map(({ form, count, reasons }) => `${count} of ${layers.length} layers stay FP32 in the form for ${form} (${reasons}).`);
}

/** Whether biases were corrected, and what that gains. Nothing is said of a form that is FP32. */
export function biasWords({ biases, keptFloat = [] }: Pick<QuantizedForms, 'biases' | 'keptFloat'>): string[] {
  if (biases === undefined) return [];
  return (['onnxruntime', 'tensorrt'] as const)
    .filter((form) => !keptFloat.includes(form) && biases[form].layers > 0)
    .map((form) => {
      const { layers, gainDb, lossDb, pictures, kept } = biases[form];
      const db = `${Math.abs(gainDb).toFixed(1)} dB ${gainDb < 0 ? 'more' : 'less'}`;
      const by = `on ${pictures} pictures that they were not fitted to`;
      return kept
        ? `Biases of ${layers} layers were corrected in the form for ${engineNames[form]}: noise in the outputs is ${db} ${by}.`
        : `Biases were left as they are in the form for ${engineNames[form]}: with corrected ones, noise in the outputs was ${db} ${by}${gainDb > 0 && lossDb > 0.05 ? `, and in some of them ${lossDb.toFixed(1)} dB more` : ''}.`;
    });
}

/** What a search took, and by what. */
export function searchWords(search: ReportedSearch | undefined): string[] {
  if (search === undefined) return [];
  return (['onnxruntime', 'tensorrt'] as const).map((form) => {
    const { candidates, chosen } = search.forms[form] as { candidates: readonly Candidate[]; chosen: Candidate };
    const what =
      chosen.rung === candidates.at(-1)?.rung && chosen.floatMacs === 1
        ? 'FP32'
        : `that with ${percent(chosen.floatMacs)} of the multiply-accumulates kept in float`;
    const [low, high] = chosen.dropInterval;
    return `Of ${candidates.length} forms for ${engineNames[form]} that were measured, ${what} was taken: on the ${search.pictures} pictures that decided, its drop of ${search.metric} is ${percent(chosen.drop)} (${percent(low)} to ${percent(high)}).`;
  });
}

/** What a search cannot know, and what the pictures that judge say against it. */
export function searchNotices(search: ReportedSearch | undefined, forms: readonly ReportedForm[]): string[] {
  const maxDrop = search?.budget.maxDrop;
  if (search === undefined || maxDrop === undefined) return [];
  // Of n of which none differs, with 95 % certainty so many do at most: Hanley and Lippman-Hand, JAMA 249 (1983).
  const unseen = 3 / search.pictures;
  const isSure = Object.values(search.forms).every(
    ({ chosen }) => chosen?.floatMacs === 1 || chosen!.dropInterval[0] < chosen!.dropInterval[1],
  );
  const judged = forms.flatMap(({ form, agreement }) => {
    if (search.byLabels || agreement === undefined) return [];
    if (agreement.pictures < fewestPictures || !findsAnything(agreement)) return [];
    const { drop, dropInterval } = dropOf(agreement);
    return drop <= maxDrop
      ? []
      : [
          `The pictures that judge say that the form for ${engineNames[form as QuantizedFormName]} loses ${percent(drop)} (${percent(dropInterval[0])} to ${percent(dropInterval[1])}), more than the budget allows.`,
        ];
  });
  return [
    ...(isSure || unseen <= maxDrop
      ? []
      : [
          `${search.pictures} pictures of which none differs do not show that fewer than ${percent(unseen)} would: for a drop of ${percent(maxDrop)}, give ${Math.ceil(3 / Math.max(maxDrop, 1e-4)) * 2} pictures and more.`,
        ]),
    ...judged,
  ];
}

function percent(part: number): string {
  return `${Number((100 * part).toFixed(2))} %`;
}

/** What that computes. */
const simulation = {
  int8: 'which computes its Q and DQ in float as they are written',
  fp16: 'each node in float32 and what it makes rounded to 16 bits',
} as const;

export function noticesOf(precision: Precision, forms: readonly ReportedForm[], heldBack: number): string[] {
  const few =
    heldBack === 0
      ? ['No picture was left to hold back, so that nothing is known of what the forms lost: give a folder with more pictures.']
      : heldBack < enoughHeldBack
        ? [
            `Only ${heldBack} ${heldBack === 1 ? 'picture was' : 'pictures were'} held back: what they say of the forms is little, and intervals of so few are too narrow. Give a folder with more pictures.`,
          ]
        : heldBack === mostHeldBack
          ? [`Agreement was measured on ${mostHeldBack} of the pictures that were held back.`]
          : [];
  const unread = forms.flatMap(({ agreement }) => agreement?.failures ?? []);
  const names = new Set(unread.map(({ picture }) => picture));
  return [
    ...few,
    ...(names.size === 0 ? [] : [`${names.size} of the pictures held back could not be read, and are in no number.`]),
    `The form for TensorRT was judged on ONNX Runtime with graph optimisations off, ${simulation[precision]}. How fast it is shows on the GPU alone.`,
    'Latency is that of the engine alone, on this machine, under whatever else ran; ratios were taken within rounds.',
  ];
}
