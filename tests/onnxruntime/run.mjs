// Runs ONNX files with ONNX Runtime: node run.mjs JOBS.json
//
// JOBS.json is a list of {model, inputs: [{name, shape, file}], output}: input files hold raw little-endian f32.
// For each job, output + "." + number holds the raw elements of one output, and output + ".json" describes them:
// {"outputs": [{name, type, shape, file}]}, or {"error": text} where ONNX Runtime refuses the file or the input.
import { readFileSync, writeFileSync } from 'node:fs';
import ort from 'onnxruntime-node';

async function runJob(job) {
  const session = await ort.InferenceSession.create(job.model, { logSeverityLevel: 3 });
  const feeds = {};
  for (const { name, shape, file } of job.inputs) {
    const bytes = readFileSync(file);
    const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    feeds[name] = new ort.Tensor('float32', values, shape);
  }
  const results = await session.run(feeds);
  const outputs = session.outputNames.map((name, number) => {
    const { type, dims, data } = results[name];
    const file = `${job.output}.${number}`;
    writeFileSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return { name, type, shape: [...dims], file };
  });
  await session.release();
  return { outputs };
}

for (const job of JSON.parse(readFileSync(process.argv[2], 'utf8'))) {
  const result = await runJob(job).catch((error) => ({ error: String(error.message ?? error) }));
  writeFileSync(`${job.output}.json`, JSON.stringify(result));
}
