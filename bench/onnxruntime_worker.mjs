// One session of ONNX Runtime that runs when told: node onnxruntime_worker.mjs MODULES MODEL INPUT SHAPE THREADS
//
// Prints "ready VERSION", then answers each line: "run" with the milliseconds of one inference, "save FILE" by writing
// the last first output there as raw f32 and answering "saved". INPUT holds raw little-endian f32 of SHAPE (1x3x8x8).
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [modules, model, inputFile, shape, threads] = process.argv.slice(2);
const ort = createRequire(`${modules}/`)('onnxruntime-node');
const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
});
const bytes = readFileSync(inputFile);
const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', values, shape.split('x').map(Number)) };
let results = null;

console.log(`ready ${ort.env.versions.node ?? ort.env.versions.common}`);
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'run') {
    const start = performance.now();
    results = await session.run(feeds);
    console.log(performance.now() - start);
  } else if (line.startsWith('save ')) {
    const { data } = results[session.outputNames[0]];
    writeFileSync(line.slice(5), new Uint8Array(Float32Array.from(data, Number).buffer));
    console.log('saved');
  }
}
