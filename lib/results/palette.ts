import type { NativeColor } from '../binding/index.js';

/**
 * Colours that stay apart: the hue turns by the golden angle from class to class, so that neighbours differ most, and lightness alternates
 * so that those who do not see hue can tell them apart too. Same class, same colour, always.
 */
export function classColor(classId: number): NativeColor {
  const hue = (classId * 137.508 + 10) % 360;
  const lightness = [0.55, 0.42, 0.66][classId % 3] as number;
  return hslToRgb(hue, 0.85, lightness);
}

/** CSS Color Module Level 3, 4.2.4. */
function hslToRgb(hue: number, saturation: number, lightness: number): NativeColor {
  const chroma = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number): number => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (lightness - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}
