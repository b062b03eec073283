/** Turns pictures into vectors and compares them. A model made for it does better; here the class scores serve as a vector. */
import { Embedder } from 'foveate';

const here = new URL('.', import.meta.url);
const names = ['circle', 'ring', 'square', 'star'];

const embedder = await Embedder.load(new URL('models/shapes-classifier.onnx', here), {
  preprocess: { fit: 'crop', resizeEdge: 110 },
});
const embeddings = await embedder.embed(names.map((name) => new URL(`pictures/${name}.jpg`, here)));
for (const [i, a] of embeddings.entries()) {
  console.log(names[i].padEnd(8), embeddings.map((b) => a.similarity(b).toFixed(2).padStart(5)).join(' '));
}
await embedder.dispose();
