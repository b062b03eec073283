/** Names of splits, the one to evaluate on first. */
const preferred = ['val', 'valid', 'validation', 'val2017', 'val2014', 'test', 'train', 'training'];

export const splitNames: ReadonlySet<string> = new Set(preferred);

/** The split that is read where none is named: that for validation, else for tests, else for training; else the only one or the first. */
export function chooseSplit(names: readonly string[]): string {
  const rank = (name: string): number => {
    const place = preferred.indexOf(name.toLowerCase());
    return place === -1 ? preferred.length : place;
  };
  return [...names].sort((a, b) => rank(a) - rank(b))[0] as string;
}
