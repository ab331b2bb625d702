import { act, copyable, h, panel, replace, table } from "../lib/dom.js";
import { head } from "./parts.js";

export async function objects({ content, account, info }) {
  const namespaces = await account.objectNamespaces();
  replace(content, head("Durable Objects", { crumbs: [[info.name, "#/"]] }), panel("Namespaces", null, table([
    { title: "Class", cell: (one) => h("a", { href: `#/objects/${one.id}` }, one.class) },
    { title: "Worker", cell: (one) => h("a", { href: `#/workers/${encodeURIComponent(one.script)}` }, one.script) },
    { title: "Storage", cell: (one) => h("span", { class: "tag" }, one.use_sqlite ? "SQLite" : "key-value") },
    { title: "ID", cell: (one) => copyable(one.id) },
  ], namespaces, "No class of Durable Objects yet.")));
}

export async function objectNamespace({ content, account, parameters: [id] }) {
  const namespace = (await account.objectNamespaces()).find((one) => one.id === id);
  if (!namespace) throw new Error("There is no such namespace.");
  const list = h("div");
  const more = h("button", { type: "button", class: "hidden" }, "More");
  replace(content, head(namespace.class, { crumbs: [["Durable Objects", "#/objects"]], actions: copyable(id) }),
    panel("Objects", h("span", { class: "soft small" }, "of the Worker ", namespace.script), list, h("div", { class: "body row end" }, more)));
  const found = [];
  let cursor = null;
  async function load() {
    const { result, result_info: info } = await account.objects(id, cursor);
    found.push(...result);
    cursor = info?.cursor || null;
    more.classList.toggle("hidden", !cursor);
    replace(list, table([
      { title: "Object", cell: (one) => copyable(one.id) },
      { title: "Stored data", cell: (one) => h("span", { class: `tag ${one.hasStoredData ? "good" : ""}` }, one.hasStoredData ? "yes" : "none") },
      { title: "Facets", cell: (one) => h("span", { class: "small" }, (one.facets ?? []).map((names) => names.join(" \u203a ")).join(", ")) },
    ], found, "No object yet."));
  }
  more.addEventListener("click", () => act(more, load));
  await load();
}
