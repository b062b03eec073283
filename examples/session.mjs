/** The layer under the tasks: tensors in, tensors out, by the names the model gives them. */
import { createSession, Preprocess } from 'foveate';

const here = new URL('.', import.meta.url);

const session = await createSession(new URL('models/shapes-classifier.onnx', here));
console.log(`${session.runtime.name} on ${session.device}: ${session.deviceReason}`);

// Decoded, resized and normalised straight into native memory, which the session reads in place.
const [input] = session.inputs;
const preprocess = Preprocess.preset('imagenet', { width: 96, height: 96, resizeEdge: 110 });
const { tensor } = await preprocess.run(new URL('pictures/star.jpg', here));

const result = await session.run({ [input.name]: tensor.reshape([1, ...tensor.dims]) });
for (const [name, output] of Object.entries(result.outputs))
  console.log(name, String(output), [...output.data].map((x) => x.toFixed(2)).join(' '));
console.log(`${result.copiedBytes} bytes copied`);

result.dispose();
tensor.dispose();
await session.dispose();
