/** What opens models whose one output has this rank. */
const opensRank: Readonly<Record<number, string>> = {
  2: 'a classifier: Classifier.load() opens it, or Embedder.load() where it gives embeddings',
  3: 'a detector: Detector.load() opens it, or DensePredictor.load() where it gives a number for each pixel',
  4: 'a segmenter: Segmenter.load() opens it, or DensePredictor.load() where it gives a number for each pixel',
};

/** A sentence that says which task opens a model with these outputs, or nothing. */
export function otherTaskHint(outputs: readonly { readonly shape: readonly number[] }[]): string {
  const opener = outputs.length === 1 ? opensRank[outputs[0]?.shape.length ?? 0] : undefined;
  return opener === undefined ? '' : `It looks like ${opener}. `;
}
