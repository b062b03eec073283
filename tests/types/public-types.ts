/**
 * What TypeScript must accept and refuse, checked by `tsc`, never run. A line under @ts-expect-error that compiles is an error itself.
 */
import {
  Cascade,
  CircuitBreaker,
  benchModel,
  Classifier,
  cornersOf,
  createSession,
  DensePredictor,
  DynamicBatcher,
  detectionCertainty,
  type DeviceTensor,
  Detector,
  Embedder,
  errorCodes,
  FoveateError,
  loadTask,
  ModelPool,
  OutputStore,
  Picture,
  Preprocess,
  ResultCache,
  Rollout,
  Segmenter,
  Tensor,
  topMargin,
  topScore,
  type BatchRequestEvent,
  type Classification,
  type ClassifyOptions,
  type DenseMap,
  type Detections,
  type DType,
  type Embedding,
  type ErrorCode,
  type FindingKind,
  type InstanceMask,
  type Keypoint,
  type PictureInput,
  type PreprocessOptions,
  type PreprocessSource,
  type RotatedBox,
  type RunLengthMask,
  type RunOptions,
  type RunResult,
  type Segmentation,
  type Session,
  type SliceOptions,
  type SsdOptions,
  type Task,
  type TypedArrayOf,
  loadTest,
} from '../../lib/index.js';

/** Compiles only where A and B are one and the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(...agrees: Same<A, B> extends true ? [] : [never]): void {
  void agrees;
}
/** Compiles only where the value is of just this type. */
function typed<Expected>() {
  return <Received>(value: Received, ...agrees: Same<Expected, Received> extends true ? [] : [never]): void =>
    void [value, agrees];
}

export function tensors(floats: Float32Array, bytes: Uint8Array, buffer: Buffer): void {
  const float32 = new Tensor('float32', floats, [1, 3]);
  typed<Tensor<'float32'>>()(float32);
  typed<Float32Array>()(float32.data);
  same<TypedArrayOf<'float16'>, Uint16Array>();
  same<TypedArrayOf<'bfloat16'>, Uint16Array>();
  same<TypedArrayOf<'float64'>, Float64Array>();
  same<TypedArrayOf<'uint8'>, Uint8Array>();
  same<TypedArrayOf<'int8'>, Int8Array>();
  same<TypedArrayOf<'uint16'>, Uint16Array>();
  same<TypedArrayOf<'int16'>, Int16Array>();
  same<TypedArrayOf<'uint32'>, Uint32Array>();
  same<TypedArrayOf<'int32'>, Int32Array>();
  same<TypedArrayOf<'uint64'>, BigUint64Array>();
  same<TypedArrayOf<'int64'>, BigInt64Array>();
  same<TypedArrayOf<'bool'>, Uint8Array>();
  const value: number | undefined = float32.data[0];
  const big: bigint | undefined = new Tensor('int64', BigInt64Array.of(1n)).data[0];
  new Tensor('uint8', buffer);
  new Tensor('bool', bytes);
  // @ts-expect-error: another array type
  new Tensor('float32', new Float64Array(3));
  // @ts-expect-error: 64-bit integers need bigint arrays
  new Tensor('int64', new Int32Array(3));
  // @ts-expect-error: plain arrays have no dtype
  new Tensor('float32', [1, 2, 3]);
  // @ts-expect-error: no such dtype
  new Tensor('float', floats);
  // @ts-expect-error: dims are numbers
  new Tensor('float32', floats, ['1']);

  same<ReturnType<typeof float32.reshape>, Tensor<'float32'>>();
  same<ReturnType<typeof float32.subtensor>, Tensor<'float32'>>();
  const allocated = Tensor.allocate('int8', [4]);
  typed<Int8Array>()(allocated.data);
  const half = Tensor.fromFloat32([1, 2], [2], 'float16');
  typed<Tensor<'float16'>>()(half);
  // @ts-expect-error: only 16-bit floats are converted to
  Tensor.fromFloat32([1], [1], 'float64');

  // A tensor of a dtype known only at run time is told apart by it.
  const any: Tensor = float32;
  if (any.dtype === 'float32') typed<'float32'>()(any.dtype);
  // @ts-expect-error: its array is one of many
  const wrong: Float32Array = (any as Tensor<DType>).data;
  // @ts-expect-error: read only
  float32.dims[0] = 4;
  // @ts-expect-error: read only
  float32.dtype = 'int8';
  void [value, big, wrong];
}

export async function pools(load: () => Promise<Session>, images: Tensor): Promise<void> {
  await using pool = new ModelPool<{ faces: Session; plates: Session }>({ memoryBytes: 1e9 });
  pool.register('faces', {
    load,
    warmUp: async (session) => {
      typed<Session>()(session);
      return await session.run({ images });
    },
  });
  const { outputs, batch, dispose } = await pool.run('faces', { images }, { caller: 'a', priority: 1 });
  typed<number>()(batch.size);
  typed<Tensor | undefined>()(outputs['boxes']);
  dispose();
  typed<number>()(await pool.use('plates', (session) => session.lanes));
  await pool.swap('plates', { load, version: '2' }, { signal: AbortSignal.timeout(1) });
  typed<number | undefined>()(pool.statistics().models['faces']?.loadMs);
  // @ts-expect-error: no such model
  await pool.run('cars', { images });
  // @ts-expect-error: not what a session takes
  await pool.run('faces', { images: 1 });
  // @ts-expect-error: a new version is loaded
  await pool.swap('faces', { version: '3' });
  // @ts-expect-error: what is loaded is a session
  pool.register('faces', { load: async () => 'faces.onnx' });
  // @ts-expect-error: a number
  new ModelPool({ memoryBytes: '1 GB' });
  const untyped = new ModelPool();
  untyped.register('any', { load, warmUp: (session) => session.run({ images }) });
}

export async function sessions(): Promise<void> {
  await using session = await createSession('model.onnx', { device: 'auto', lanes: 2, signal: AbortSignal.timeout(1000) });
  await createSession(new URL('file:///model.onnx'));
  await createSession(new Uint8Array(4));
  // @ts-expect-error: no such device
  await createSession('model.onnx', { device: 'gpu' });
  // @ts-expect-error: no such option
  await createSession('model.onnx', { thread: 4 });
  // @ts-expect-error: a model has a place
  await createSession();
  using result: RunResult = await session.run({ x: new Tensor('float32', new Float32Array(3)) }, { outputs: ['y'] });
  await session.run({}, { outputs: { y: Tensor.allocate('float32', [1]) }, signal: undefined });
  // @ts-expect-error: arrays are no tensors
  await session.run({ x: new Float32Array(3) });
  const output = result.outputs['y'];
  // @ts-expect-error: there may be no such output
  output.dispose();
  output?.dispose();
  // @ts-expect-error: made by createSession
  new session.constructor();
}

/** As `foveate typegen` writes it. */
interface Model {
  readonly inputs: { readonly images: { readonly dtype: 'float32'; readonly shape: readonly [number, 3, 640, 640] } };
  readonly outputs: {
    readonly output0: { readonly dtype: 'float32'; readonly shape: readonly [number, 84, 8400] };
    readonly '1/keep': { readonly dtype: 'int64'; readonly shape: readonly number[] };
  };
}

export async function typedSessions(images: Tensor<'float32'>, options: RunOptions): Promise<void> {
  await using session = await createSession<Model>('yolov8n.onnx', { lanes: 2 });
  using result = await session.run({ images }, { signal: undefined });
  typed<Float32Array>()(result.outputs.output0.data);
  typed<readonly [number, 84, 8400]>()(result.outputs.output0.dims);
  // @ts-expect-error: it has three dimensions
  void result.outputs.output0.dims[3];
  typed<BigInt64Array>()(result.outputs['1/keep'].data);
  typed<readonly number[]>()(result.outputs['1/keep'].dims);
  // @ts-expect-error: no such output
  void result.outputs.output1;
  // @ts-expect-error: no such input
  await session.run({ image: images });
  // @ts-expect-error: an input is missing
  await session.run({});
  // @ts-expect-error: an input of another dtype
  await session.run({ images: Tensor.allocate('uint8', [1, 3, 640, 640]) });
  typed<Tensor<'float32'>>()(session.allocateInput('images', [1, 3, 640, 640]));
  // @ts-expect-error: no such input
  session.allocateInput('image', [1, 3, 640, 640]);
  using left = await session.runOnDevice({ images }, { outputs: ['output0'] });
  typed<DeviceTensor<'float32', readonly [number, 84, 8400]>>()(left.outputs.output0);
  // @ts-expect-error: it is not in host memory
  void left.outputs.output0.data;
  const dims: Model['inputs']['images']['shape'] = [8, 3, 640, 640];
  await session.run({ images: Tensor.allocate('float32', dims) });
  // @ts-expect-error: no such size
  const wrong: Model['inputs']['images']['shape'] = [8, 3, 416, 416];

  // What is asked for is there, and nothing else.
  const named = await session.run({ images }, { outputs: ['output0'] });
  typed<Float32Array>()(named.outputs.output0.data);
  // @ts-expect-error: not asked for
  void named.outputs['1/keep'];
  const placed = await session.run({ images }, { outputs: { '1/keep': Tensor.allocate('int64', [5]) } });
  typed<BigInt64Array>()(placed.outputs['1/keep'].data);
  // @ts-expect-error: no such output
  await session.run({ images }, { outputs: ['output1'] });

  // A session of a known model is a session; one of an unknown model takes and gives tensors of any name.
  const any: Session = session;
  const { outputs } = await any.run({ whatever: images }, options);
  typed<Tensor | undefined>()(outputs['whatever'] as Tensor | undefined);
  // @ts-expect-error: there may be no such output
  outputs['whatever'].dispose();
  // @ts-expect-error: not a type of a model
  await createSession<{ inputs: { x: string } }>('m.onnx');
  void wrong;
}

export async function tasks(image: PictureInput): Promise<void> {
  await using detector = await Detector.load('yolov8n.onnx', { scoreThreshold: 0.3, classes: ['person', 3], labels: ['a'] });
  const one = await detector.detect(image);
  const several = await detector.detect([image, 'a.jpg', Buffer.alloc(1), new URL('file:///a.png')], { iouThreshold: 0.5 });
  typed<Detections>()(one);
  typed<Detections[]>()(several);
  for (const { label, score, box } of one) {
    typed<string>()(label);
    typed<number>()(score);
    typed<readonly [x1: number, y1: number, x2: number, y2: number]>()(box);
  }
  // @ts-expect-error: the word is scoreThreshold
  await detector.detect(image, { threshold: 0.5 });
  // @ts-expect-error: no such head
  await Detector.load('m.onnx', { head: 'yolov4' });
  // @ts-expect-error: made by load
  new Detector();

  await using classifier = await Classifier.load('m.onnx', { topK: 3, activation: 'softmax' });
  const either: Classification | Classification[] = await classifier.classify([] as PictureInput | PictureInput[]);
  const { top } = await classifier.classify(image);
  typed<string>()(top.label);
  void either;
  await using segmenter = await Segmenter.load('m.onnx', { threshold: 0.4, preprocess: 'imagenet' });
  typed<PreprocessSource>()(segmenter.preprocessSource);
  const segmentation = await segmenter.segment(image, { threshold: 0.2 });
  typed<Segmentation>()(segmentation);
  typed<Uint8Array>()(segmentation.mask);
  using picture = await one.draw(image, { scores: false });
  await picture.toFile('out.png');
  // @ts-expect-error: not a format that is written
  await picture.toBuffer('gif');
}

export async function heads(image: PictureInput): Promise<void> {
  const ssd: SsdOptions = { boxes: 'raw', priors: [{ stride: 8, sizes: [10, [16, 24]] }], variances: [0.1, 0.2] };
  await Detector.load('m.onnx', { ssd, head: 'ssd' });
  const slices: SliceOptions = { width: 640, overlap: 0.3, merge: 'nms' };
  await using detector = await Detector.load('m.onnx', { keypoints: [17, 3], rotated: false, slices });
  const found = await detector.detect(image, { slices: {} });
  for (const { mask, keypoints, rotatedBox } of found) {
    typed<InstanceMask | undefined>()(mask);
    typed<readonly Keypoint[] | undefined>()(keypoints);
    typed<RotatedBox | undefined>()(rotatedBox);
    if (rotatedBox) typed<[x: number, y: number][]>()(cornersOf(rotatedBox));
  }
  typed<RunLengthMask | undefined>()(found.toJSON().detections[0]?.mask);
  typed<Float32Array | undefined>()(found.keypoints);
  // @ts-expect-error: two or three values
  await Detector.load('m.onnx', { keypoints: [17, 4] });
  // @ts-expect-error: boxes are raw or decoded
  await Detector.load('m.onnx', { ssd: {} });
  // @ts-expect-error: no such way to merge
  await detector.detect(image, { slices: { merge: 'wbf' } });
}

export async function embeddingsAndMaps(image: PictureInput): Promise<void> {
  await using embedder = await Embedder.load('m.onnx', { pooling: 'cls', output: 'last_hidden_state' });
  const [a, b] = (await embedder.embed([image, image])) as [Embedding, Embedding];
  typed<number>()(a.similarity(b));
  a.similarity([1, 2]);
  typed<Classification>()(a.classify({ cat: b.vector, dog: [1, 2] }, { activation: 'sigmoid', logitBias: -10, topK: 1 }));
  // @ts-expect-error: vectors, not texts
  a.classify(['cat']);
  // @ts-expect-error: embeddings have no classes
  await Embedder.load('m.onnx', { labels: ['a'] });
  await using predictor = await DensePredictor.load('m.onnx', { scaling: 'min-max', interpolation: 'lanczos' });
  const map = await predictor.predict(image);
  typed<DenseMap>()(map);
  typed<Float32Array>()(map.values);
  typed<number>()(map.at(0, 0));
  typed<Buffer>()(await map.toGreyMap());
  using picture = await map.draw(image, { opacity: 0.5 });
  await picture.toFile('depth.jpg');
  // @ts-expect-error: the word is min-max
  await DensePredictor.load('m.onnx', { scaling: 'minmax' });
  const task: Task = await loadTask('m.onnx', { task: 'embed', pooling: 'mean' });
  if (task instanceof Embedder) typed<number>()(task.dimensions);
  // @ts-expect-error: no such task
  await loadTask('m.onnx', { task: 'depth' });
}

export async function pictures(shared: SharedArrayBuffer): Promise<void> {
  const preprocess = Preprocess.preset('yolo', { width: 416 });
  const options: PreprocessOptions = preprocess.toJSON();
  new Preprocess(options);
  new Preprocess(JSON.parse('{}') as Partial<PreprocessOptions>);
  new Preprocess({
    fit: 'shortest-edge',
    resizeEdge: 800,
    longestEdge: 1333,
    multipleOf: 16,
    interpolation: 'lanczos-antialias',
  });
  same<Extract<PreprocessSource, `preset clip` | 'option'>, 'preset clip' | 'option'>();
  // @ts-expect-error: no such preset
  Preprocess.preset('yolov8');
  // @ts-expect-error: no such fit
  new Preprocess({ fit: 'longest-edge' });
  // @ts-expect-error: three numbers
  new Preprocess({ mean: [0, 0] });
  // @ts-expect-error: read only
  preprocess.options.width = 5;
  await preprocess.run({ data: new Uint8Array(shared), width: 1, height: 1, format: 'rgba' });
  await preprocess.run({ data: Tensor.allocate('uint8', [3]), width: 1, height: 1, format: 'bgr', stride: 3 });
  await preprocess.run({
    data: new Uint8Array(6),
    width: 2,
    height: 2,
    format: 'nv12',
    colorMatrix: 'bt709',
    colorRange: 'full',
  });
  // @ts-expect-error: no such matrix
  await preprocess.run({ data: new Uint8Array(6), width: 2, height: 2, format: 'i420', colorMatrix: 'bt2020' });
  new Preprocess({ jpegDecode: 'reduced', iccProfile: 'convert' });
  // @ts-expect-error: no such way
  new Preprocess({ jpegDecode: 'fast' });
  const decoded = await Picture.read('cat.jpg', { iccProfile: 'convert' });
  await preprocess.run(decoded);
  await decoded.toFile(new URL('file:///tmp/cat.png'));
  // @ts-expect-error: frames are bytes
  await preprocess.run({ data: new Float32Array(3), width: 1, height: 1, format: 'rgb' });
  // @ts-expect-error: frames have a format
  await preprocess.run({ data: new Uint8Array(3), width: 1, height: 1 });
  // @ts-expect-error: not a picture
  await preprocess.run(5);
}

interface YoloModel {
  readonly inputs: { readonly images: { readonly dtype: 'float32'; readonly shape: readonly [1, 3, 640, 640] } };
  readonly outputs: { readonly output0: { readonly dtype: 'float32'; readonly shape: readonly [1, 84, 8400] } };
}

export async function preprocessForAModel(stored: Partial<PreprocessOptions>): Promise<void> {
  await using session = await createSession<YoloModel>('m.onnx');
  const { tensor } = await Preprocess.preset('yolo').run('a.jpg');
  typed<Tensor<'float32'>>()(tensor);
  await session.run({ images: tensor });
  await session.run({ images: tensor.reshape([1, ...tensor.dims]) });
  typed<Preprocess<'float32'>>()(Preprocess.preset('yolo', { width: 416 }).with({ height: 416 }));
  typed<Preprocess<'float16'>>()(Preprocess.preset('yolo', { dtype: 'float16' }));
  const bytes = new Preprocess({ dtype: 'uint8' });
  typed<Preprocess<'uint8'>>()(bytes);
  typed<Preprocess<'int8'>>()(bytes.with({ dtype: 'int8' }));
  const { tensor: wrong } = await bytes.run('a.jpg');
  // @ts-expect-error: of another element type
  await session.run({ images: wrong });
  const { tensor: unknown } = await new Preprocess(stored).run('a.jpg');
  // @ts-expect-error: the element type is not known
  await session.run({ images: unknown });
  const { tensor: any } = await Preprocess.preset('yolo', stored).run('a.jpg');
  // @ts-expect-error: nor with unknown options
  await session.run({ images: any });
  await Classifier.load('m.onnx', { preprocess: Preprocess.preset('imagenet') });
}

export async function observers(session: Session, detector: Detector): Promise<void> {
  const { outputs } = await session.run({}, { requestId: 'r' });
  await session.runOnDevice({}, { requestId: 'r' });
  await detector.detect('a.jpg', { requestId: 'r' });
  // @ts-expect-error: one id is not for all calls of a detector
  await Detector.load('m.onnx', { requestId: 'r' });
  // @ts-expect-error: who made a run is for foveate itself to say
  await session.run({}, { by: 'task' });
  const batcher = new DynamicBatcher(session, { name: 'faces' });
  typed<string | undefined>()(batcher.name);
  await batcher.run(outputs, { requestId: 'r', caller: 'c' });
  const event = {} as BatchRequestEvent;
  typed<'full' | 'shed' | 'deadline' | 'disposed' | undefined>()(event.reject);
  // @ts-expect-error: without a result, there is no batch
  void event.batched.size;
}

export function errors(error: unknown): ErrorCode | undefined {
  if (!(error instanceof FoveateError)) return undefined;
  if (error.code === 'MODEL_INVALID') return error.code;
  // @ts-expect-error: no such code
  if (error.code === 'MODEL_BAD') return undefined;
  same<keyof typeof errorCodes, ErrorCode>();
  const hint: string | undefined = error.hint;
  void hint;
  return undefined;
}

export async function batches(session: Session, detector: Detector): Promise<void> {
  const images = Tensor.allocate('float32', [1, 3, 8, 8]);
  const raw = new DynamicBatcher(session, { maxBatch: 8, maxDelayMs: 'auto', targetP95Ms: 100 });
  const { outputs, batch, dispose } = await raw.run({ images }, { caller: 'a', priority: 1 });
  const size: number = batch.size;
  const tensor: Tensor | undefined = outputs['boxes'];
  dispose();
  // @ts-expect-error -- a session takes tensors
  void raw.run({ images: 'street.jpg' });
  const pictures = new DynamicBatcher(detector);
  const { results, queueMs } = await pictures.run({ images: 'street.jpg', scoreThreshold: 0.4 });
  const found: readonly Detections[] = results;
  // @ts-expect-error -- the signal is an option of the call
  void pictures.run({ images: 'street.jpg', signal: new AbortController().signal });
  void pictures.run({ images: 'street.jpg' }, { requestId: 'r' });
  // @ts-expect-error -- so is the id
  void pictures.run({ images: 'street.jpg', requestId: 'r' });
  // @ts-expect-error -- no option of a detector
  void pictures.run({ images: 'street.jpg', topK: 3 });
  void [size, tensor, found, queueMs];
}

/** What stands before functions takes what they take, and gives what they give. */
export async function aroundFunctions(classifier: Classifier, session: Session): Promise<void> {
  const classify = (picture: PictureInput, options?: ClassifyOptions): Promise<Classification> =>
    classifier.classify(picture, options);

  const cache = new ResultCache(classify, { version: () => '1' });
  typed<Classification>()(await cache.run('a.jpg', { topK: 1 }));
  // @ts-expect-error: not an option of the function
  await cache.run('a.jpg', { scoreThreshold: 1 });
  // @ts-expect-error: not a picture
  await cache.run(1);

  const breaker = new CircuitBreaker(classify, { fallback: async (picture, options) => classifier.classify(picture, options) });
  typed<Classification>()(await breaker.run('a.jpg', { topK: 1 }));
  typed<'closed' | 'open' | 'half-open'>()(breaker.state);
  // @ts-expect-error: another result
  new CircuitBreaker(classify, { fallback: async () => 1 });

  const rollout = new Rollout(
    { stable: classify, candidate: classify },
    { mode: 'shadow', compare: (a, b) => Number(a.top.label === b.top.label) },
  );
  typed<Classification>()(await rollout.run('a.jpg', { topK: 1 }, { caller: 'a' }));
  // @ts-expect-error: no mode
  new Rollout({ stable: classify, candidate: classify }, {});

  const cascade = new Cascade({ small: classify, large: classify }, { confidence: topScore, threshold: 0.5 });
  typed<Classification>()(await cascade.run('a.jpg'));
  // @ts-expect-error: of detections
  new Cascade({ small: classify, large: classify }, { confidence: detectionCertainty, threshold: 0.5 });
  const learned = await Cascade.learn({
    items: [{ path: 'a.jpg', label: 'a' }],
    small: ({ path }) => classify(path),
    large: ({ path }) => classify(path),
    confidence: topMargin,
    quality: (result, { label }) => result.top.label === label,
    goal: { accuracyDrop: 0.01 },
  });
  typed<number>()(learned.threshold);

  const run = (inputs: Record<string, Tensor>, options: RunOptions): Promise<RunResult> => session.run(inputs, options);
  typed<RunResult>()(await new CircuitBreaker(run).run({}, {}));

  const store = new OutputStore<Classification>();
  typed<string>()(store.put(await classify('a.jpg')));
  typed<Classification | undefined>()(store.get('a'));
  // @ts-expect-error: another result
  store.put(1);
}

export async function measured(): Promise<void> {
  const { cells, findings } = await benchModel('m.onnx', { batch: [1, 4], open: { device: 'cpu' } });
  typed<number | null>()((cells[0] as (typeof cells)[number]).latencyMs.p99);
  typed<FindingKind>()((findings[0] as (typeof findings)[number]).kind);
  // @ts-expect-error: how many at once is said for each cell
  await benchModel('m.onnx', { open: { lanes: 2 } });
  const { loop } = await loadTest('http://127.0.0.1/', { rate: 5, request: { bodies: [new Uint8Array(1)] } });
  if (loop.kind === 'closed') typed<number>()(loop.concurrency);
  // @ts-expect-error: one of the two
  await loadTest('m.onnx', { rate: 5, arrivals: 'random' });
}
