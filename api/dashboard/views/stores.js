// Lists of what an account has beside Workers, KV and Durable Objects.

import { get, maybe, page } from "../lib/api.js";
import { copyable, h, panel, replace, table } from "../lib/dom.js";
import { bytes, time } from "../lib/format.js";
import { head } from "./parts.js";

const SHOWN = 100;

const made = (key) => ({ title: "Made", cell: (one) => h("span", { class: "nowrap" }, time(one[key])) });
const id = (key) => ({ title: "ID", cell: (one) => copyable(one[key]) });
const strong = (key, title = "Name") => ({ title, cell: (one) => one[key] });
const worker = (name) => h("a", { href: `#/workers/${encodeURIComponent(name)}` }, name);

// All buckets: that list has cursors, not numbered pages.
async function buckets(account) {
  const found = [];
  for (let cursor = ""; ;) {
    const after = cursor ? `?cursor=${encodeURIComponent(cursor)}` : "";
    const { result, result_info: info } = await page(`${account.path}/r2/buckets${after}`);
    found.push(...result.buckets);
    cursor = info?.cursor;
    if (!cursor) return found;
  }
}

// Queues with what waits in them.
async function queues(account) {
  const found = await account.list("queues");
  return await Promise.all(found.slice(0, SHOWN).map(async (one) => {
    const [whole, consumers] = await Promise.all([
      maybe(get(`${account.path}/queues/${one.queue_id}`), one),
      maybe(get(`${account.path}/queues/${one.queue_id}/consumers`), []),
    ]);
    return { ...whole, consumers };
  })).then((first) => [...first, ...found.slice(SHOWN)]);
}

// Stores, and the names of the secrets in each.
async function secrets(account) {
  const stores = await account.list("secrets_store/stores");
  return await Promise.all(stores.map(async (store) => ({
    ...store, secrets: await account.list(`secrets_store/stores/${store.id}/secrets`),
  })));
}

function instances(one) {
  const some = Object.entries(one.instances ?? {}).filter(([, count]) => count > 0);
  if (some.length === 0) return h("span", { class: "soft" }, "none");
  return some.map(([status, count]) => h("span", { class: "tag" }, `${count} ${status}`)).flatMap((it) => [it, " "]);
}

const LISTS = {
  r2: {
    title: "R2", panel: "Buckets", empty: "No bucket yet.", load: buckets,
    columns: [strong("name"), { title: "Class", cell: (one) => h("span", { class: "tag" }, one.storage_class) }, made("creation_date")],
  },
  d1: {
    title: "D1", panel: "Databases", empty: "No database yet.", load: (account) => account.list("d1/database"),
    columns: [strong("name"), id("uuid"), made("created_at")],
  },
  queues: {
    title: "Queues", panel: "Queues", empty: "No queue yet.", load: queues,
    columns: [
      strong("queue_name"),
      { title: "Messages", num: true, cell: (one) => String(one.backlog_count ?? "-") },
      { title: "Bytes", num: true, cell: (one) => (one.backlog_bytes === undefined ? "-" : bytes(one.backlog_bytes)) },
      { title: "Consumers", cell: (one) => (one.consumers ?? []).map((it) => it.script ?? it.script_name ?? it.type).join(", ") || "none" },
      { title: "Delivery", cell: (one) => (one.settings?.delivery_paused ? h("span", { class: "tag warn" }, "paused") : h("span", { class: "tag good" }, "on")) },
      id("queue_id"),
    ],
  },
  workflows: {
    title: "Workflows", panel: "Workflows", empty: "No Workflow yet.", load: (account) => account.list("workflows"),
    columns: [
      strong("name"), { title: "Class", cell: (one) => one.class_name }, { title: "Worker", cell: (one) => worker(one.script_name) },
      { title: "Instances", cell: instances }, made("created_on"),
    ],
  },
  secrets: {
    title: "Secrets Store", panel: "Stores", empty: "No store yet.", load: secrets,
    columns: [
      strong("name"), id("id"),
      { title: "Secrets", cell: (one) => one.secrets.map((secret) => h("code", {}, secret.name)).flatMap((it) => [it, " "]) },
      made("created"),
    ],
  },
  hyperdrive: {
    title: "Hyperdrive", panel: "Databases", empty: "No database yet.", load: (account) => account.list("hyperdrive/configs"),
    columns: [
      strong("name"), id("id"),
      { title: "Database", cell: (one) => h("code", {}, `${one.origin.host}:${one.origin.port ?? 5432}/${one.origin.database}`) },
      { title: "User", cell: (one) => one.origin.user }, { title: "Connections", num: true, cell: (one) => String(one.origin_connection_limit) },
    ],
  },
  dispatch: {
    title: "Dispatch namespaces", panel: "Namespaces", empty: "No namespace yet.", load: (account) => account.list("workers/dispatch/namespaces"),
    columns: [strong("namespace_name"), { title: "Workers", num: true, cell: (one) => String(one.script_count) }, id("namespace_id"), made("created_on")],
  },
};

export async function stores({ content, account, info, parameters: [name] }) {
  const list = LISTS[name];
  if (!list) throw new Error("There is no such page.");
  const rows = await list.load(account);
  replace(content, head(list.title, { crumbs: [[info.name, "#/"]] }), panel(list.panel, null, table(list.columns, rows, list.empty)));
}
