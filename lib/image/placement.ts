import type { NativePlacement } from '../binding/index.js';

/**
 * Where a picture came to lie in a model's input, and the way back. Coordinates are in pixels, the first of which spans 0 to 1;
 * `input = source * scale + offset` on each axis.
 */
export class Placement implements NativePlacement {
  readonly sourceWidth: number;
  readonly sourceHeight: number;
  readonly inputWidth: number;
  readonly inputHeight: number;
  readonly scaleX: number;
  readonly scaleY: number;
  readonly offsetX: number;
  readonly offsetY: number;

  constructor(init: NativePlacement) {
    this.sourceWidth = init.sourceWidth;
    this.sourceHeight = init.sourceHeight;
    this.inputWidth = init.inputWidth;
    this.inputHeight = init.inputHeight;
    this.scaleX = init.scaleX;
    this.scaleY = init.scaleY;
    this.offsetX = init.offsetX;
    this.offsetY = init.offsetY;
  }

  /** Points x, y, x, y, … of the input as points of the picture, not clipped. A box xyxy is two points. */
  toSource(points: ArrayLike<number>): Float32Array {
    return Float32Array.from(points, (value, i) =>
      i % 2 === 0 ? (value - this.offsetX) / this.scaleX : (value - this.offsetY) / this.scaleY,
    );
  }

  /** Points x, y, x, y, … of the picture as points of the input. */
  toInput(points: ArrayLike<number>): Float32Array {
    return Float32Array.from(points, (value, i) =>
      i % 2 === 0 ? value * this.scaleX + this.offsetX : value * this.scaleY + this.offsetY,
    );
  }

  /**
   * A mask over the input (row-major, inputHeight x inputWidth) as a mask over the picture: each pixel takes the nearest value.
   * Throws nothing; a pixel that the input does not show takes the nearest that it does.
   */
  maskToSource(mask: Uint8Array): Uint8Array {
    const result = new Uint8Array(this.sourceWidth * this.sourceHeight);
    const columns = Int32Array.from({ length: this.sourceWidth }, (_, x) =>
      clamp(Math.floor((x + 0.5) * this.scaleX + this.offsetX), this.inputWidth),
    );
    for (let y = 0; y < this.sourceHeight; y++) {
      const row = clamp(Math.floor((y + 0.5) * this.scaleY + this.offsetY), this.inputHeight) * this.inputWidth;
      for (let x = 0; x < this.sourceWidth; x++) {
        result[y * this.sourceWidth + x] = mask[row + (columns[x] as number)] as number;
      }
    }
    return result;
  }
}

function clamp(value: number, size: number): number {
  return Math.min(Math.max(value, 0), size - 1);
}
