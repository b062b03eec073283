/** The colours of the report, light and dark. Text on what it stands on has a contrast of 4.5 or more (WCAG 2.2, 1.4.3). */

export interface Theme {
  /** Behind all, and behind cards, tables and charts. */
  readonly page: string;
  readonly surface: string;
  readonly ink: string;
  readonly muted: string;
  readonly line: string;
  readonly accent: string;
  readonly warn: string;
  /** What a heat map's strongest cells are filled with: what is right, what is wrong. */
  readonly right: string;
  readonly wrong: string;
  /** Curves: hues that those who do not see all of them can tell apart, after Okabe and Ito, made fit for the surface. */
  readonly series: readonly string[];
}

export const light: Theme = {
  page: '#f5f6f8',
  surface: '#ffffff',
  ink: '#15191f',
  muted: '#58616e',
  line: '#dfe3e9',
  accent: '#1a5fb4',
  warn: '#a83e00',
  right: '#0d4f9c',
  wrong: '#b23c07',
  series: ['#0072b2', '#d55e00', '#00876c', '#b0568f', '#a07400', '#3a97c9', '#15191f', '#7a7f2b'],
};

export const dark: Theme = {
  page: '#0e1216',
  surface: '#171c22',
  ink: '#e9edf2',
  muted: '#9ca7b5',
  line: '#2c343e',
  accent: '#82b4ff',
  warn: '#ffa570',
  right: '#69b0ff',
  wrong: '#ff9356',
  series: ['#5ab4ec', '#ff8a3d', '#2cc9a2', '#e08fc2', '#e6b035', '#9ad4f5', '#e9edf2', '#c9cf6a'],
};

/** Of boxes, on pictures: the same in both themes. Truth is dashed as well, so that hue need not be seen. */
export const marks = {
  truth: '#19d8a2',
  truthTag: '#006b53',
  found: '#ff5238',
  foundTag: '#b52c0c',
  halo: '#000000',
  tagText: '#ffffff',
};

/** Steps of a heat map above nothing. */
export const heatSteps = 8;

/** Below this share there is nothing to see: in thousands of pixels, every class is taken for every other. */
const leastHeat = 0.0005;

/** The step of a share from 0 to 1. By its root, so that rare mistakes are seen beside what is nearly always right. */
export function heatStep(share: number): number {
  return share >= leastHeat ? Math.max(1, Math.round(Math.sqrt(Math.min(share, 1)) * heatSteps)) : 0;
}

/** What a step is filled with, between the surface and `strongest`. */
export function heatColor(theme: Theme, strongest: string, step: number): string {
  const [from, to] = [channels(theme.surface), channels(strongest)];
  const share = 0.04 + 0.96 * (step / heatSteps) ** 1.3;
  return `#${from
    .map((value, i) =>
      Math.round(value + ((to[i] as number) - value) * share)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;
}

/** Black or white, whichever is read better on `background`: one of them always has a contrast of 4.5. */
export function textColorOn(background: string): string {
  return contrast('#000000', background) >= contrast('#ffffff', background) ? '#000000' : '#ffffff';
}

/** WCAG 2.2, contrast ratio: from 1 to 21. */
export function contrast(one: string, other: string): number {
  const [dim, bright] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (bright + 0.05) / (dim + 0.05);
}

function luminance(color: string): number {
  const [red, green, blue] = channels(color).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function channels(color: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
}
