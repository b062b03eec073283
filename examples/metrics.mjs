/** A service that is observed: pictures in over HTTP, what is in them out, counted and timed for Prometheus at /metrics. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Detector } from 'foveate';
import { collectMetrics } from 'foveate/prometheus';
import { register } from 'prom-client';

const here = new URL('.', import.meta.url);

collectMetrics();
const detector = await Detector.load(new URL('models/shapes-detector.onnx', here));

const server = createServer(async (request, response) => {
  if (request.url === '/metrics') {
    response.setHeader('content-type', register.contentType);
    response.end(await register.metrics());
    return;
  }
  // Events and errors tell the id, so that a line of a log, a trace and an answer can be told to belong together.
  const requestId = request.headers['x-request-id'] ?? randomUUID();
  try {
    const detections = await detector.detect(request, { requestId });
    response.end(JSON.stringify(detections));
  } catch (error) {
    response.statusCode = 422;
    response.end(JSON.stringify(error));
  }
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

// What clients and Prometheus would do.
const service = `http://127.0.0.1:${server.address().port}`;
const picture = await readFile(new URL('pictures/shapes-640x480.jpg', here));
const ask = (body, id) => fetch(`${service}/detect`, { method: 'POST', body, headers: { 'x-request-id': id } });
for (let i = 0; i < 3; i++) await (await ask(picture, `picture ${i}`)).json();
const { code, details } = await (await ask('no picture', 'a mistake')).json();
console.log(`${code} for ${details.requestId}`);

const metrics = await (await fetch(`${service}/metrics`)).text();
const wanted = /^foveate_(requests_total|compute_seconds_count).*layer="task"/;
for (const line of metrics.split('\n')) if (wanted.test(line)) console.log(line.replace(/model="[^"]*"/, 'model="..."'));

server.close();
server.closeAllConnections();
await detector.dispose();
