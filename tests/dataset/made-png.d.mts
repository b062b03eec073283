export function png(
  layout: {
    width: number;
    height: number;
    kind?: 'grey' | 'rgb' | 'palette';
    depth?: 1 | 2 | 4 | 8 | 16;
    palette?: number[];
  },
  samples: number[],
): Buffer;
export function plainPng(width: number, height: number, value?: number): Buffer;
