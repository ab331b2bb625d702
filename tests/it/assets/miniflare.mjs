// What miniflare answers for a folder of assets. Arguments: the folder of its package, the folder of
// the assets, JSON of `[{ config, requests: [{ method, path, headers }] }]`. Prints JSON of answers.
import { createRequire } from "node:module";
import http from "node:http";
import path from "node:path";

const [, modules, directory, cases] = process.argv;
const { Miniflare } = createRequire(path.join(modules, "package.json"))("miniflare");
const script = `export default {
  fetch: (request) => new Response("worker " + new URL(request.url).pathname),
};`;

function ask(url, { method, path, headers }) {
  return new Promise((resolve, reject) => {
    const options = { host: url.hostname, port: url.port, method, path, headers };
    const request = http.request(options, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("end", () => {
        const body = Buffer.concat(pieces).toString("utf8");
        resolve({ status: response.statusCode, headers: response.headers, body });
      });
    });
    request.on("error", reject);
    request.end();
  });
}

const answers = [];
for (const { config, requests } of JSON.parse(cases)) {
  const { worker, static_routing, first, ...assetConfig } = config;
  const miniflare = new Miniflare({
    modules: true,
    script: worker ? script : "export default {};",
    compatibilityDate: "2026-08-01",
    assets: {
      directory,
      routerConfig: { has_user_worker: worker, invoke_user_worker_ahead_of_assets: first, static_routing },
      assetConfig,
    },
  });
  const url = await miniflare.ready;
  const answered = [];
  for (const request of requests) answered.push(await ask(url, request));
  answers.push(answered);
  await miniflare.dispose();
}
console.log("answers " + JSON.stringify(answers));
