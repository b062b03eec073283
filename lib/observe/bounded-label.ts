/** So many values each label has of its own; a model costs some hundred series. */
const mostValues = 100;

/**
 * The label that a name is given, such as that of a model or its path. A service that opens ever new files would fill the registry: names beyond the first hundred share the
 * label 'other'.
 */
export class BoundedLabel {
  readonly #known = new Set<string>();

  of(name: unknown): string {
    const label = typeof name === 'string' && name !== '' ? name : '(unnamed)';
    if (this.#known.has(label)) return label;
    if (this.#known.size >= mostValues) return 'other';
    this.#known.add(label);
    return label;
  }
}
