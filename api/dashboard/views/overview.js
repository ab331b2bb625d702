import { h, panel, replace, table } from "../lib/dom.js";
import { ago, bytes, millis, rate } from "../lib/format.js";
import { watch } from "../lib/figures.js";
import { FIGURES, charts, figures, head, setFigures } from "./parts.js";

export async function overview({ content, account, info, onLeave }) {
  const cards = figures(FIGURES);
  const graphs = charts();
  const list = h("div");
  const problem = h("p", { class: "notice warn hidden", role: "status" });
  const filter = h("input", { type: "search", placeholder: "Find a Worker", "aria-label": "Find a Worker" });
  replace(content, head(info.name), h("div", { class: "stack" }, problem, cards, graphs, panel("Workers", filter, list)));

  const scripts = await account.scripts();
  let history = null;
  const draw = () => replace(list, workers(scripts, history, filter.value.trim().toLowerCase()));
  filter.addEventListener("input", draw);
  draw();
  onLeave(watch(account, (now, error) => {
    problem.classList.toggle("hidden", !error);
    if (error) {
      problem.textContent = `No figures: ${error.message}`;
      return;
    }
    history = now;
    const sample = now.all.at(-1);
    if (!sample) return;
    setFigures(cards, sample);
    graphs.update(now.times, now.all);
    // A list that is made again would take the focus away.
    if (!list.contains(document.activeElement)) draw();
  }));
}

function workers(scripts, history, wanted) {
  const rows = scripts.filter((script) => script.id.toLowerCase().includes(wanted));
  rows.sort((a, b) => (latest(history, b.id)?.requests ?? 0) - (latest(history, a.id)?.requests ?? 0) || a.id.localeCompare(b.id));
  const cell = (key, format) => ({ id }) => {
    const sample = latest(history, id);
    return sample ? format(sample[key]) : "-";
  };
  return table([
    { title: "Name", cell: ({ id }) => h("a", { href: `#/workers/${encodeURIComponent(id)}` }, id) },
    { title: "Requests/s", num: true, cell: cell("requests", rate) },
    { title: "Errors/s", num: true, cell: cell("errors", rate) },
    { title: "p50", num: true, cell: cell("p50", millis) },
    { title: "p99", num: true, cell: cell("p99", millis) },
    { title: "CPU", num: true, cell: cell("cpu", (value) => `${(value * 100).toFixed(1)}%`) },
    { title: "Memory", num: true, cell: cell("memory", bytes) },
    { title: "Isolates", num: true, cell: cell("isolates", String) },
    { title: "Deployed", cell: ({ modified_on: at }) => h("span", { class: "nowrap soft" }, at ? ago(at) : "-") },
  ], rows, scripts.length === 0 ? "No Worker yet: `selvedge deploy` or `wrangler deploy` brings one." : "No Worker has this name.");
}

function latest(history, name) {
  return history?.workers.get(name)?.at(-1) ?? null;
}
