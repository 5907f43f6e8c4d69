// The webhook's job in Node with the AWS SDK v3: verify, parse, route, StartBuild. Bundled by esbuild; the loop over the Runtime API is
// Node's own http.

import { CodeBuildClient, StartBuildCommand } from "@aws-sdk/client-codebuild";
import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent, request as ask } from "node:http";

const secret = process.env.BENCH_SECRET;
const pattern = (text) => new RegExp(`^${text.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`);
const byRepository = new Map();
for (const pipeline of JSON.parse(readFileSync(process.env.BENCH_ROUTES, "utf8")).pipelines) {
  const known = byRepository.get(pipeline.repository) ?? [];
  known.push({ ...pipeline, branches: pipeline.branches.map(pattern), paths: pipeline.paths.map(pattern) });
  byRepository.set(pipeline.repository, known);
}
const codebuild = new CodeBuildClient({});

async function handle(event) {
  const body = event.isBase64Encoded ? Buffer.from(event.body, "base64") : Buffer.from(event.body ?? "");
  const expected = Buffer.from(`sha256=${createHmac("sha256", secret).update(body).digest("hex")}`);
  const signature = Buffer.from(event.headers["x-hub-signature-256"] ?? "");
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
    return answer(401, { error: "not proven" });
  }
  const push = JSON.parse(body);
  const branch = push.ref.replace(/^refs\/heads\//, "");
  const files = new Set(push.commits.flatMap((commit) => [...commit.added, ...commit.removed, ...commit.modified]));
  const releases = [];
  for (const pipeline of byRepository.get(push.repository.full_name) ?? []) {
    if (!pipeline.branches.some((branches) => branches.test(branch))) continue;
    if (![...files].some((file) => pipeline.paths.some((path) => path.test(file)))) continue;
    const { build } = await codebuild.send(new StartBuildCommand({
      projectName: pipeline.project,
      sourceVersion: push.after,
      idempotencyToken: event.headers["x-github-delivery"] + pipeline.name,
      environmentVariablesOverride: [{ name: "BRANCH", value: branch, type: "PLAINTEXT" }],
    }));
    releases.push({ pipeline: pipeline.name, build: build.id });
  }
  return answer(202, { releases });
}

function answer(statusCode, body) {
  return { statusCode, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new Agent({ keepAlive: true });
function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = ask({ host, port, agent, method, path: `/2018-06-01/runtime/invocation/${path}` }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve([response.headers, Buffer.concat(chunks)]));
    });
    request.on("error", reject);
    request.end(body);
  });
}

for (;;) {
  const [headers, event] = await call("GET", "next");
  const result = JSON.stringify(await handle(JSON.parse(event)));
  await call("POST", `${headers["lambda-runtime-aws-request-id"]}/response`, result);
}
