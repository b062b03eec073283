/** What is said of an optimisation in sentences. */
import { isNumber } from '../evaluation/report/metric.js';
import { enoughHeldBack, mostHeldBack } from './held-back.js';
import type { ReportedForm } from './optimization-report.js';
import { candidateTitle, type Candidate } from './search/budget.js';
import { dropOf, fewestPictures, findsAnything } from './search/candidate-judge.js';
import type { ReportedSearch } from './search/search-model.js';
import {
  engineNames,
  notAsked,
  quantizedForms,
  type CorrectionFound,
  type FormPrecision,
  type LayerPrecision,
  type QuantizedFormName,
  type QuantizedForms,
  type QuantizedLayer,
} from './quantized-layer.js';

/** Why layers have more bits than were asked for, by how many: what is said after a colon is of one layer alone. */
export function otherLayers(precision: QuantizedForms['precision'], layers: readonly QuantizedLayer[]): string[] {
  return [
    ...layersIn('float32', layers, quantizedForms),
    ...layersIn(
      'int8',
      layers,
      quantizedForms.filter((form) => precision[form] === 'int4'),
    ),
    ...layersIn(
      'float16',
      layers,
      quantizedForms.filter((form) => precision[form] === 'mixed'),
    ),
  ];
}

function layersIn(kept: LayerPrecision, layers: readonly QuantizedLayer[], forms: readonly QuantizedFormName[]): string[] {
  const told = quantizedForms.map((form) => {
    const isOther = ({ precision, reasons }: QuantizedLayer): boolean =>
      forms.includes(form) && precision[form] === kept && reasons[form] !== notAsked;
    const float = layers.filter(isOther);
    const counts = new Map<string, number>();
    for (const { reasons } of float) {
      const [reason] = (reasons[form] ?? 'no kernel in so few bits').split(':') as [string];
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    const listed = [...counts].sort(([, a], [, b]) => b - a).map(([reason, count]) => `${count}: ${reason}`);
    return { form: engineNames[form], count: float.length, reasons: listed.join('; ') };
  });
  const [one, other] = told as [(typeof told)[number], (typeof told)[number]];
  const isSame = one.count === other.count && one.reasons === other.reasons;
  return (isSame ? [{ ...one, form: 'either engine' }] : told)
    .filter(({ count }) => count > 0)
    .map(
      ({ form, count, reasons }) =>
        `${count} of ${layers.length} layers ${keptWords[kept]} in the form for ${form} (${reasons}).`,
    );
}

const keptWords: Readonly<Partial<Record<LayerPrecision, string>>> = {
  float32: 'stay FP32',
  float16: 'are FP16',
  int8: 'have weights in INT8',
};

/** What was corrected, and what that gains. Nothing is said of a form that is not INT8. A search decides it of all in eight bits, whatever of that it then takes. */
export function correctionWords(
  { corrections, precision }: Pick<QuantizedForms, 'corrections' | 'precision'>,
  { isSearched = false, isGenerated = false }: { readonly isSearched?: boolean; readonly isGenerated?: boolean } = {},
): string[] {
  return quantizedForms.flatMap((form) => {
    const decided = corrections?.[form];
    const isEightBits = precision[form] === 'int8' || precision[form] === 'mixed';
    if (decided?.found.biases === undefined || !isEightBits) return [];
    const { taken, pictures } = decided;
    const { biases, rounded } = decided.found;
    const by = `on ${pictures} ${isGenerated ? 'generated pictures' : 'pictures'} that nothing was fitted to`;
    const engine = engineNames[form];
    const of = (found: CorrectionFound): string => (isSearched ? '' : ` of ${found.layers} layers`);
    const noise = isSearched ? 'noise in the outputs, with all in eight bits,' : 'noise in the outputs';
    if (taken === 'biases') {
      return [`Biases${of(biases)} were corrected in the form for ${engine}: ${noise} is ${changeWords(biases)} ${by}.`];
    }
    if (taken === 'rounded') {
      return [
        `Weights${of(rounded!)} were rounded so that their errors make good each other, and biases corrected, in the form for ${engine}: ${noise} is ${changeWords(rounded!)} ${by} (with corrected biases alone, ${changeWords(biases)}).`,
      ];
    }
    const other = rounded === undefined ? '' : `, and with weights rounded together ${changeWords(rounded)}`;
    return [
      `Weights and biases were left as they are in the form for ${engine}: with corrected biases, ${noise} was ${changeWords(biases)}${other}, ${by}.`,
    ];
  });
}

function changeWords({ gainDb, lossDb }: CorrectionFound): string {
  const elsewhere = gainDb > 0 && lossDb > 0.05 ? ` (in some of them ${lossDb.toFixed(1)} dB more)` : '';
  return `${Math.abs(gainDb).toFixed(1)} dB ${gainDb < 0 ? 'more' : 'less'}${elsewhere}`;
}

/** What a search took, and by what. */
export function searchWords(search: ReportedSearch | undefined): string[] {
  if (search === undefined) return [];
  return quantizedForms.flatMap((form) => {
    const found = search.forms[form];
    if (found === undefined) return [];
    const { candidates, chosen } = found as { candidates: readonly Candidate[]; chosen: Candidate };
    // An engine that takes FP32 alone left no choice.
    if (candidates.length === 1 && chosen.precision === 'float32') return [];
    const [low, high] = chosen.dropInterval;
    return `Of ${candidates.length} ${candidates.length === 1 ? 'form' : 'forms'} for ${engineNames[form]} that ${candidates.length === 1 ? 'was' : 'were'} measured, ${candidateTitle(chosen)} was taken: on the ${search.pictures} pictures that decided, its drop of ${search.metric} is ${percent(chosen.drop)} (${percent(low)} to ${percent(high)}).`;
  });
}

/** What a search cannot know, and what the pictures that judge say against it. */
export function searchNotices(search: ReportedSearch | undefined, forms: readonly ReportedForm[]): string[] {
  const maxDrop = search?.budget.maxDrop;
  if (search === undefined || maxDrop === undefined) return [];
  // Of n of which none differs, with 95 % certainty so many do at most: Hanley and Lippman-Hand, JAMA 249 (1983).
  const unseen = 3 / search.pictures;
  const isSure = Object.values(search.forms).every(
    ({ chosen }) => chosen?.precision === 'float32' || chosen!.dropInterval[1] > 0,
  );
  const judged = forms.flatMap((one) => {
    const { form } = one;
    const found = form === 'pruned' || form === 'float32' ? undefined : judgedDrop(one, search);
    if (found === undefined) return [];
    const { drop, dropInterval } = found;
    return drop <= maxDrop
      ? []
      : [
          `The pictures that judge say that the form for ${engineNames[form as QuantizedFormName]} loses ${percent(drop)} (${percent(dropInterval[0])} to ${percent(dropInterval[1])}), more than the budget allows.`,
        ];
  });
  return [
    ...judged,
    ...(isSure || unseen <= maxDrop
      ? []
      : [
          `${search.pictures} pictures in which nothing is lost do not show that less than ${percent(unseen)} would be in others: ${adviceFor(maxDrop)}`,
        ]),
  ];
}

/** By the pictures that judge; undefined where they tell nothing. */
function judgedDrop(
  { agreement, accuracy }: ReportedForm,
  { byLabels, metric }: ReportedSearch,
): Pick<Candidate, 'drop' | 'dropInterval'> | undefined {
  if (!byLabels) {
    const tells = agreement !== undefined && agreement.pictures >= fewestPictures && findsAnything(agreement);
    return tells ? dropOf(agreement) : undefined;
  }
  const { before, difference, interval } = accuracy?.comparison.find(({ name }) => name === metric) ?? {};
  const [low, high] = interval ?? [];
  if (!isNumber(before) || before <= 0 || !isNumber(difference)) return undefined;
  const drop = -difference / before;
  return { drop, dropInterval: [isNumber(high) ? -high / before : drop, isNumber(low) ? -low / before : drop] };
}

/** How many pictures would, of which half decide. */
function adviceFor(maxDrop: number): string {
  const needed = 3 / maxDrop;
  return needed > mostHeldBack
    ? `so small a drop as ${percent(maxDrop)} cannot be shown, as at most ${mostHeldBack} pictures decide.`
    : `for a drop of ${percent(maxDrop)}, give ${Math.ceil(needed) * 2} pictures and more besides those that are calibrated with.`;
}

function percent(part: number): string {
  return `${Number((100 * part).toFixed(2))} %`;
}

/** What that computes. */
const simulation: Readonly<Record<FormPrecision, string | undefined>> = {
  int8: 'which computes its Q and DQ in float as they are written',
  mixed: 'which computes its Q and DQ as they are written, all else in float32 and what it makes rounded to 16 bits',
  float16: 'each node in float32 and what it makes rounded to 16 bits',
  bfloat16: 'each node in float32 and what it makes rounded to 16 bits',
  float8: 'which computes its Q and DQ as they are written, and sums in float32',
  int4: 'which computes with the weights as they are dequantised',
  float32: undefined,
};

export function noticesOf(
  forms: readonly ReportedForm[],
  {
    heldBack,
    isGenerated,
    isLabelled,
  }: { readonly heldBack: number; readonly isGenerated: boolean; readonly isLabelled: boolean },
): string[] {
  const few = isGenerated
    ? [
        isLabelled
          ? 'No pictures were given: ranges are those of generated ones, and what is lost is told by the labels alone.'
          : 'No pictures were given: ranges are those of generated ones, and nothing is known of what is lost on the pictures that the model will meet. Give some, or measure the forms with some (foveate compare).',
      ]
    : heldBack === 0
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
  const onGpu = forms.find(({ form }) => form === 'tensorrt');
  const simulated = onGpu && simulation[onGpu.precision];
  return [
    ...few,
    ...(names.size === 0 ? [] : [`${names.size} of the pictures held back could not be read, and are in no number.`]),
    ...(simulated === undefined
      ? []
      : [
          `The form for TensorRT was judged on ONNX Runtime with graph optimisations off, ${simulated}. How fast it is shows on the GPU alone.`,
        ]),
    ...(forms.some(({ latency }) => latency.length > 0)
      ? ['Latency is that of the engine alone, on this machine, under whatever else ran; ratios were taken within rounds.']
      : []),
  ];
}
