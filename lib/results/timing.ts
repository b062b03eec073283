/** Where the time of one picture went, in milliseconds, and what was copied on the way. */
export interface Timing {
  readonly decodeMs: number;
  readonly preprocessMs: number;
  /** Waiting for a lane. */
  readonly queueMs: number;
  /** Inside the engine; of the whole batch that the picture was part of. */
  readonly computeMs: number;
  /** To a GPU and from it, of the whole batch; 0 where there is none. */
  readonly transferMs: number;
  readonly postprocessMs: number;
  /** Bytes copied: the picture's own where they came from JavaScript, and those that went to a GPU and came from it. */
  readonly copiedBytes: number;
}
