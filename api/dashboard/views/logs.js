import { act, field, h, panel, replace } from "../lib/dom.js";
import { event, head } from "./parts.js";

const SPANS = [["900000", "15 minutes"], ["3600000", "hour"], ["86400000", "day"], ["604800000", "week"], ["", "all"]];

export async function logs({ content, account, info }) {
  const scripts = await account.scripts();
  replace(content, head("Logs", { crumbs: [[info.name, "#/"]] }), logsPanel(account, null, scripts));
}

// Kept events with a form to look for some. With `scripts`, one can be chosen.
export function logsPanel(account, script, scripts = []) {
  const choose = script ? null : h("select", { name: "worker" }, h("option", { value: "" }, "all"), scripts.map(({ id }) => h("option", { value: id }, id)));
  const form = h("form", { class: "row" },
    choose && field("Worker", choose),
    field("Last", h("select", { name: "span" }, SPANS.map(([value, text]) => h("option", { value, selected: value === "3600000" }, text)))),
    field("Level from", h("select", { name: "level" }, [["", "any"], ["info", "info"], ["warn", "warn"], ["error", "error"]].map(([value, text]) => h("option", { value }, text)))),
    field("Outcome", h("select", { name: "outcome" }, [["", "any"], ["ok", "ok"], ["exception", "exception"], ["exceededCpu", "CPU limit"], ["exceededMemory", "memory limit"], ["canceled", "canceled"]].map(([value, text]) => h("option", { value }, text)))),
    field("Text", h("input", { type: "search", name: "text", placeholder: "in messages, stacks, URLs" })),
    h("button", { type: "submit", class: "primary" }, "Search"));
  const list = h("div", { class: "events", tabindex: "0", role: "region", "aria-label": "Events" });
  const more = h("button", { type: "button", class: "hidden" }, "Older ones");
  let query = null;
  let cursor = null;

  async function load() {
    const { items = [], events = [], cursor: next } = await account.logs({ ...query, cursor });
    const found = [...items, ...events];
    list.append(...found.map((item) => event(item, { script: !script })));
    cursor = next ?? null;
    more.classList.toggle("hidden", !cursor);
    if (list.children.length === 0) {
      replace(list, h("p", { class: "empty" }, "Nothing was kept that fits. Events are kept of Workers with ", h("code", {}, "observability.enabled"), "."));
    }
  }
  function search(button) {
    const data = new FormData(form);
    const span = data.get("span");
    query = { worker: script ?? data.get("worker"), from: span && String(Date.now() - Number(span)), level: data.get("level"), outcome: data.get("outcome"), text: data.get("text"), limit: "100" };
    cursor = null;
    replace(list);
    act(button, load);
  }
  form.addEventListener("submit", (submitted) => { submitted.preventDefault(); search(form.querySelector("button")); });
  more.addEventListener("click", () => act(more, load));
  search(null);
  return panel("Kept events", null, h("div", { class: "body" }, form), list, h("div", { class: "body row end" }, more));
}
