/** So many models have a label of their own; each costs some hundred series. */
const mostModels = 100;

/**
 * The label of a model: its name or path as it was given. A service that opens ever new files would fill the registry: models beyond the first hundred share the
 * label 'other'.
 */
export class ModelLabel {
  readonly #known = new Set<string>();

  of(model: unknown): string {
    const label = typeof model === 'string' && model !== '' ? model : '(unnamed)';
    if (this.#known.has(label)) return label;
    if (this.#known.size >= mostModels) return 'other';
    this.#known.add(label);
    return label;
  }
}
