/** Where the time of one picture went, in milliseconds, and what was copied on the way. */
export interface Timing {
  readonly decodeMs: number;
  readonly preprocessMs: number;
  /** Waiting for a lane. */
  readonly queueMs: number;
  /** Inside the engine; of the whole batch that the picture was part of. */
  readonly computeMs: number;
  readonly postprocessMs: number;
  /** Bytes copied between host buffers: the picture's own bytes where they came from JavaScript. */
  readonly copiedBytes: number;
}
