/** Looks at one TensorRT library in a process of its own, and tells its parent what it found. The candidate is the argument, as JSON. */
import { diagnoseTensorRt, type TensorRtCandidate } from '../engine/index.js';

// A parent that was ended has no use for an answer.
process.once('disconnect', () => process.exit());
const finding = await diagnoseTensorRt(JSON.parse(process.argv[2] as string) as TensorRtCandidate);
process.send?.(finding, () => process.disconnect());
