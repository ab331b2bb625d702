// Runs the cases of one file on miniflare. Arguments: the folder of the cases,
// the file, its folder's wrangler.toml, the Worker that runs a case, its
// compatibility date and flags.
import { readFileSync } from "node:fs";

// The same workerd as for the cases without bindings, if there is one.
if (process.env.SELVEDGE_WORKERD) process.env.MINIFLARE_WORKERD_PATH ??= process.env.SELVEDGE_WORKERD;
const { Miniflare } = await import("miniflare");

const [folder, file, toml, runner, date, flags] = process.argv.slice(-6);
const kvNamespaces = {};
for (const table of toml.split("[[kv_namespaces]]").slice(1)) {
  const value = (key) => table.match(new RegExp(`^${key} = "(.*)"`, "m"))?.[1];
  kvNamespaces[value("binding")] = value("id") ?? value("binding");
}
const d1Databases = {};
for (const table of toml.split("[[d1_databases]]").slice(1)) {
  const value = (key) => table.match(new RegExp(`^${key} = "(.*)"`, "m"))?.[1];
  d1Databases[value("binding")] = value("database_id") ?? value("binding");
}
const queueProducers = {};
for (const table of toml.split("[[queues.producers]]").slice(1)) {
  const value = (key) => table.match(new RegExp(`^${key} = "(.*)"`, "m"))?.[1];
  queueProducers[value("binding")] = value("queue");
}
const queueConsumers = {};
for (const table of toml.split("[[queues.consumers]]").slice(1)) {
  const value = (key) => table.match(new RegExp(`^${key} = "?([^"\n]*)"?$`, "m"))?.[1];
  const number = (key) => value(key) === undefined ? undefined : Number(value(key));
  queueConsumers[value("queue")] = {
    maxBatchSize: number("max_batch_size"),
    maxBatchTimeout: number("max_batch_timeout"),
    maxRetries: number("max_retries"),
    deadLetterQueue: value("dead_letter_queue"),
  };
}
const r2Buckets = {};
for (const table of toml.split("[[r2_buckets]]").slice(1)) {
  const value = (key) => table.match(new RegExp(`^${key} = "(.*)"`, "m"))?.[1];
  r2Buckets[value("binding")] = value("bucket_name") ?? value("binding");
}
const ratelimits = {};
for (const table of toml.split("[[ratelimits]]").slice(1)) {
  const value = (key) => table.match(new RegExp(`${key} = "?(\\w+)`, "m"))?.[1];
  const simple = { limit: Number(value("limit")), period: Number(value("period")) };
  ratelimits[value("name")] = { namespace_id: value("namespace_id"), simple };
}
const analyticsEngineDatasets = {};
for (const table of toml.split("[[analytics_engine_datasets]]").slice(1)) {
  const value = (key) => table.match(new RegExp(`^${key} = "(.*)"`, "m"))?.[1];
  analyticsEngineDatasets[value("binding")] = { dataset: value("dataset") ?? value("binding") };
}
const sqlite = [...toml.matchAll(/^new_sqlite_classes = \[(.*)\]/gm)].flatMap((found) => JSON.parse(`[${found[1]}]`));
const durableObjects = {};
for (const table of toml.split("[[durable_objects.bindings]]").slice(1)) {
  const value = (key) => table.match(new RegExp(`^${key} = "(.*)"`, "m"))?.[1];
  const className = value("class_name");
  durableObjects[value("name")] = { className, useSQLite: sqlite.includes(className) };
}
const workflows = {};
for (const table of toml.split("[[workflows]]").slice(1)) {
  const value = (key) => table.match(new RegExp(`^${key} = "(.*)"`, "m"))?.[1];
  const steps = table.match(/steps = (\d+)/)?.[1];
  workflows[value("binding")] = {
    name: value("name"),
    className: value("class_name"),
    ...(steps === undefined ? {} : { stepLimit: Number(steps) }),
  };
}
const module = (path, contents) => ({ type: "ESModule", path, contents });
const miniflare = new Miniflare({
  modules: [
    module("main.js", runner),
    module(`workers/${file}`, readFileSync(`${folder}/${file}`, "utf8")),
    module("workers/assert.js", readFileSync(`${folder}/assert.js`, "utf8")),
  ],
  compatibilityDate: date,
  compatibilityFlags: flags.split(" ").filter((flag) => flag !== ""),
  d1Databases,
  durableObjects,
  kvNamespaces,
  queueConsumers,
  queueProducers,
  r2Buckets,
  ratelimits,
  analyticsEngineDatasets,
  workflows,
});
const failed = [];
for (const name of await (await miniflare.dispatchFetch("http://localhost/")).json()) {
  const answer = await miniflare.dispatchFetch(`http://localhost/${name}`);
  const text = await answer.text();
  if (answer.status !== 200) failed.push([name, text]);
}
await miniflare.dispose();
console.log(`failed: ${JSON.stringify(failed)}`);
