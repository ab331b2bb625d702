import { del, get, maybe, post, put } from "../lib/api.js";
import { act, ask, copyable, field, h, panel, replace, table, toast } from "../lib/dom.js";
import { ago, number, percent, shortId, time } from "../lib/format.js";
import { described } from "../lib/bindings.js";
import { watch } from "../lib/figures.js";
import { FIGURES, charts, facts, figures, head, setFigures } from "./parts.js";
import { live } from "./live.js";
import { logsPanel } from "./logs.js";

const TABS = [["", "Overview"], ["versions", "Versions"], ["live", "Live"], ["logs", "Logs"], ["settings", "Settings"]];

export async function worker(context) {
  const { content, account, parameters: [name, tab = ""] } = context;
  const path = account.script(name);
  const body = h("div", { class: "stack" });
  const base = `#/workers/${encodeURIComponent(name)}`;
  replace(content,
    head(name, { crumbs: [["Workers", "#/"]] }),
    h("nav", { class: "tabs", "aria-label": "Views of the Worker" }, TABS.map(([key, title]) =>
      h("a", { href: key ? `${base}/${key}` : base, "aria-current": key === tab ? "page" : null }, title))),
    body);
  const view = { "": summary, versions, live, logs: kept, settings }[tab];
  if (!view) throw new Error("There is no such page.");
  await view({ ...context, body, name, path });
}

async function summary({ body, account, name, path, onLeave }) {
  const cards = figures(FIGURES);
  const graphs = charts();
  const uses = h("div", {}, used({}));
  const [subdomain, schedules, settings, deployments] = await Promise.all([
    maybe(get(`${path}/subdomain`), {}), maybe(get(`${path}/schedules`), {}), maybe(get(`${path}/script-settings`), {}),
    get(`${path}/deployments`),
  ]);
  const newest = deployments.deployments[0];
  const version = newest && await get(`${path}/versions/${newest.versions[0].version_id}`);
  const crons = (schedules.schedules ?? []).map((one) => one.cron).join(", ");
  const triggers = facts([
    ["Address", subdomain.enabled && subdomain.url ? h("a", { href: subdomain.url }, subdomain.url) : null],
    ["Cron", crons],
    ["Tail Workers", (settings.tail_consumers ?? []).map((one) => one.service).join(", ")],
    ["Streaming tail Workers", (settings.streaming_tail_consumers ?? []).map((one) => one.service).join(", ")],
    ["Version", version && copyable(version.id)],
    ["Deployed", newest && `${time(newest.created_on)} by ${newest.author_email || newest.source}`],
    ["Handlers", version?.resources?.script?.handlers?.join(", ")],
    ["Cache", cacheOf(version?.resources?.script_runtime)],
    ["Compatibility", version && `${version.resources.script_runtime.compatibility_date ?? ""} ${(version.resources.script_runtime.compatibility_flags ?? []).join(" ")}`],
  ]);
  replace(body, cards, graphs, panel("Deployment", null, h("div", { class: "body" }, triggers)), panel("Bindings", null, bindings(version)),
    panel("Calls of bindings", h("span", { class: "soft small" }, "since the server started"), uses));
  onLeave(watch(account, (history) => {
    replace(uses, used(history.last?.workers.find((one) => one.script === name) ?? {}));
    const list = history.workers.get(name);
    const sample = list?.at(-1);
    if (!sample) return;
    setFigures(cards, sample);
    graphs.update(history.times, list);
  }));
}

/** What the version says of the cache before it. */
function cacheOf(runtime) {
  const { cache_options: options, exports } = runtime ?? {};
  const own = Object.entries(exports ?? {}).filter(([, one]) => one.type === "worker" && one.cache);
  const says = own.map(([name, one]) => `${name} ${one.cache.enabled ? "on" : "off"}`);
  if (options?.enabled) says.unshift(options.cross_version_cache ? "on, shared by all versions" : "on");
  return says.join("; ");
}

function bindings(version) {
  return table([
    { title: "Name", cell: (one) => h("code", {}, `env.${one.name}`) },
    { title: "Type", cell: (one) => h("span", { title: one.type }, described(one).label) },
    { title: "Leads to", cell: (one) => {
      const { target, link } = described(one);
      const text = target.length > 60 ? `${target.slice(0, 59)}\u2026` : target;
      return link ? h("a", { href: link }, text) : h("span", { class: "mono" }, text);
    } },
  ], version?.resources?.bindings ?? [], "env holds nothing.");
}

// How often each was called, and what that came to.
function used({ operations = {}, amounts = {} }) {
  return table([
    { title: "What", cell: ([what]) => h("code", {}, what) },
    { title: "How many", num: true, cell: ([, count]) => number(count) },
  ], [...Object.entries(operations), ...Object.entries(amounts)], "None was called yet.");
}

async function versions({ body, path, name, again }) {
  const [{ items }, { deployments }] = await Promise.all([get(`${path}/versions`), get(`${path}/deployments`)]);
  const current = deployments[0];
  const share = (id) => current?.versions.find((one) => one.version_id === id)?.percentage ?? 0;
  const annotation = (one, key) => one.annotations?.[`workers/${key}`] || "";
  const deploy = (button, shares, message) => act(button, async () => {
    await post(`${path}/deployments`, { strategy: "percentage", versions: shares, annotations: { "workers/message": message } });
    toast("Deployed.");
    again();
  });
  const rollback = async (button, id) => {
    const answer = await ask({
      title: `Give all requests of ${name} to ${shortId(id)}?`, text: "New requests go there at once; running ones end where they are.",
      fields: [field("Message", h("input", { name: "message", value: "Rollback" }))], confirm: "Deploy",
    });
    if (answer) deploy(button, [{ version_id: id, percentage: 100 }], answer.get("message"));
  };
  const split = h("button", { type: "button", disabled: items.length < 2, onclick: () => gradual(items, current, (shares, message) => deploy(split, shares, message)) }, "Gradual deployment\u2026");
  const bar = current && h("div", { class: "body stack" },
    h("div", { class: "share", role: "img", "aria-label": current.versions.map((one) => `${shortId(one.version_id)} ${percent(one.percentage)}`).join(", ") },
      current.versions.map((one) => { const part = h("span"); part.style.width = `${one.percentage}%`; return part; })),
    h("div", { class: "legend" }, current.versions.map((one) => h("span", {}, `${shortId(one.version_id)} ${percent(one.percentage)}`))));
  const list = table([
    { title: "Version", cell: (one) => h("span", { class: "nowrap" }, h("code", { title: one.id }, shortId(one.id)), ` #${one.number ?? ""}`) },
    { title: "Requests", num: true, cell: (one) => (share(one.id) > 0 ? h("span", { class: "tag good" }, percent(share(one.id))) : "-") },
    { title: "Uploaded", cell: (one) => h("span", { class: "nowrap", title: time(one.metadata.created_on) }, ago(one.metadata.created_on)) },
    { title: "Author", cell: (one) => one.metadata.author_email || one.metadata.source || "-" },
    { title: "Tag", cell: (one) => annotation(one, "tag") },
    { title: "Message", cell: (one) => annotation(one, "message") },
    { title: "", actions: true, cell: (one) => {
      if (share(one.id) === 100) return h("span", { class: "soft small" }, "current");
      const button = h("button", { class: "small", type: "button", "aria-label": `Deploy version ${shortId(one.id)}`, onclick: () => rollback(button, one.id) }, "Deploy");
      return button;
    } },
  ], items, "No version yet.");
  const history = table([
    { title: "When", cell: (one) => h("span", { class: "nowrap", title: time(one.created_on) }, ago(one.created_on)) },
    { title: "Versions", cell: (one) => one.versions.map((part) => `${shortId(part.version_id)} ${percent(part.percentage)}`).join(", ") },
    { title: "Author", cell: (one) => one.author_email || one.source },
    { title: "Message", cell: (one) => annotation(one, "message") },
  ], deployments, "Never deployed.");
  replace(body, panel("Now", split, bar || h("p", { class: "empty" }, "Not deployed.")), panel("Versions", null, list), panel("Deployments", null, history));
}

async function gradual(items, current, deploy) {
  const options = (chosen) => items.map((one) => h("option", { value: one.id, selected: one.id === chosen }, `${shortId(one.id)}  #${one.number ?? ""}  ${one.annotations?.["workers/message"] ?? ""}`));
  const old = current?.versions[0]?.version_id;
  const fresh = items.find((one) => one.id !== old)?.id;
  const output = h("output", {}, "10%");
  const range = h("input", { type: "range", name: "share", min: "0", max: "100", step: "1", value: "10", oninput: () => { output.textContent = `${range.value}% to the new one, ${100 - range.value}% stay`; } });
  range.dispatchEvent(new Event("input"));
  const answer = await ask({
    title: "Gradual deployment",
    fields: [
      field("Stays", h("select", { name: "old" }, options(old))),
      field("New", h("select", { name: "new" }, options(fresh))),
      field("Share of the new version", range), output,
      field("Message", h("input", { name: "message" })),
    ],
    confirm: "Deploy",
  });
  if (!answer) return;
  if (answer.get("old") === answer.get("new")) {
    toast("Choose two different versions.", "bad");
    return;
  }
  const share = Number(answer.get("share"));
  const shares = [{ version_id: answer.get("new"), percentage: share }, { version_id: answer.get("old"), percentage: 100 - share }];
  deploy(shares.filter((one) => one.percentage > 0), answer.get("message"));
}

async function kept({ body, account, name }) {
  replace(body, logsPanel(account, name));
}

async function settings({ body, path, name, account, again }) {
  const [secrets, subdomain] = await Promise.all([get(`${path}/secrets`), maybe(get(`${path}/subdomain`), null)]);
  const add = h("button", { type: "button", onclick: async () => {
    const answer = await ask({ title: "Set a secret", text: "The text cannot be read again, neither here nor through the API.", confirm: "Set", fields: [
      field("Name", h("input", { name: "name", required: true, pattern: "[A-Za-z_$][A-Za-z0-9_$]*", spellcheck: "false" })),
      field("Text", h("input", { name: "text", type: "password", autocomplete: "off" })),
    ] });
    if (!answer) return;
    act(add, async () => {
      await put(`${path}/secrets`, { name: answer.get("name"), text: answer.get("text"), type: "secret_text" });
      toast("Set.");
      again();
    });
  } }, "Set\u2026");
  const list = table([
    { title: "Name", cell: (one) => h("code", {}, `env.${one.name}`) },
    { title: "", actions: true, cell: (one) => {
      const button = h("button", { class: "small danger", type: "button", "aria-label": `Delete the secret ${one.name}`, onclick: async () => {
        if (!await ask({ title: `Delete the secret ${one.name}?`, confirm: "Delete", danger: true })) return;
        act(button, async () => { await del(`${path}/secrets/${encodeURIComponent(one.name)}?url_encoded=true`); again(); });
      } }, "Delete");
      return button;
    } },
  ], secrets ?? [], "No secrets.");
  const toggle = (label, key) => {
    const box = h("input", { type: "checkbox", checked: Boolean(subdomain?.[key]), onchange: () => act(box, async () => {
      await post(`${path}/subdomain`, { enabled: subdomain.enabled, previews_enabled: subdomain.previews_enabled, [key]: box.checked });
      subdomain[key] = box.checked;
      toast("Changed.");
    }) });
    return h("label", { class: "check" }, box, label);
  };
  const remove = h("button", { class: "danger", type: "button", onclick: async () => {
    const answer = await ask({ title: `Delete ${name}?`, text: "Its versions, secrets and Durable Objects go with it. This cannot be undone. Write its name to confirm.", confirm: "Delete", danger: true, fields: [field("Name", h("input", { name: "name", autocomplete: "off", spellcheck: "false" }))] });
    if (!answer) return;
    if (answer.get("name") !== name) { toast("The name is another one: nothing was deleted.", "bad"); return; }
    act(remove, async () => { await del(`${account.path}/workers/services/${encodeURIComponent(name)}?force=true`); location.hash = "#/"; });
  } }, "Delete this Worker\u2026");
  replace(body,
    subdomain && panel("Address below the server's domain", null, h("div", { class: "body stack" }, subdomain.url && h("p", {}, h("code", {}, subdomain.url)), toggle("Answer there", "enabled"), toggle("Preview addresses for versions", "previews_enabled"))),
    panel("Secrets", add, list),
    panel("Delete", null, h("div", { class: "body" }, remove)));
}
