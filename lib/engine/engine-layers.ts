/** What a builder tells of the layers of an engine, as data. */

/** A tensor between two layers. */
export interface EngineLayerTensor {
  readonly name: string;
  readonly dims: readonly number[];
  /** 'Float', 'Half', 'Int8', as the builder calls it. */
  readonly dtype: string;
  /** How its elements lie: 'Row major linear format', '(NHWC) Channel major format'. */
  readonly format: string;
}

/** One layer of an engine: often several of the model, fused. */
export interface EngineLayer {
  readonly name: string;
  readonly type: string;
  readonly inputs: readonly EngineLayerTensor[];
  readonly outputs: readonly EngineLayerTensor[];
  /** The kernel that was chosen, '' where none is told. */
  readonly tactic: string;
}

/**
 * Reads the builder's own text, a layer a line: `Name: ..., LayerType: ..., Inputs: [ { Name: ..., Dimensions: [...], ... } ], ...`. A line that is
 * none is left out: the text is meant for people, and may change with a release.
 */
export function parseLayers(text: string): readonly EngineLayer[] {
  return text.split('\n').flatMap((line) => {
    const [, name, type, rest] = /^Name: (.*?), LayerType: (.*?), (Inputs: .*)$/.exec(line) ?? [];
    if (name === undefined || type === undefined || rest === undefined) return [];
    return [
      {
        name,
        type,
        inputs: tensorsOf(rest, 'Inputs'),
        outputs: tensorsOf(rest, 'Outputs'),
        tactic: /TacticName: (.*?), (?:StreamId|Metadata):/.exec(rest)?.[1] ?? '',
      },
    ];
  });
}

function tensorsOf(text: string, list: string): EngineLayerTensor[] {
  const start = text.indexOf(`${list}: [`);
  if (start === -1) return [];
  // Up to the bracket that closes the list: those within it close before.
  let depth = 0;
  let end = text.indexOf('[', start);
  for (; end < text.length; end++) {
    if (text[end] === '[') depth++;
    if (text[end] === ']' && --depth === 0) break;
  }
  return [...text.slice(start, end).matchAll(/\{ Name: (.*?), Dimensions: \[(.*?)\](.*?)\}/g)].map(
    ([, name = '', dims = '', rest = '']) => ({
      name,
      dims: dims === '' ? [] : dims.split(',').map(Number),
      dtype: /Datatype: (.*?),/.exec(rest)?.[1] ?? '',
      format: /Format: (.*?)\s*$/.exec(rest)?.[1] ?? '',
    }),
  );
}
