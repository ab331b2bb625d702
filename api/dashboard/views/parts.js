// What several views show.

import { h, replace } from "../lib/dom.js";
import { bytes, clock, millis, rate, shortId } from "../lib/format.js";
import { chart } from "../lib/chart.js";

export function head(title, { crumbs, actions } = {}) {
  return h("div", { class: "head" },
    crumbs && h("div", { class: "crumbs" }, crumbs.flatMap(([name, href], index) => [index > 0 && " / ", h("a", { href }, name)])),
    h("h1", {}, title), h("div", { class: "row" }, actions));
}

export function figures(list) {
  const values = new Map();
  const element = h("dl", { class: "cards" }, list.map((name) => {
    const value = h("dd", {}, "-");
    values.set(name, value);
    return h("div", { class: "panel figure" }, h("dt", {}, name), value);
  }));
  element.set = (name, text) => { values.get(name).textContent = text; };
  return element;
}

export const FIGURES = ["Requests/s", "Errors/s", "p50", "p99", "CPU", "Isolates", "Memory", "WebSockets"];

export function setFigures(element, sample) {
  const entries = {
    "Requests/s": rate(sample.requests), "Errors/s": rate(sample.errors), p50: millis(sample.p50), p99: millis(sample.p99),
    CPU: `${(sample.cpu * 100).toFixed(1)}%`, Isolates: String(sample.isolates), Memory: bytes(sample.memory),
    WebSockets: String(sample.websockets),
  };
  for (const [name, text] of Object.entries(entries)) element.set(name, text);
}

export function charts() {
  const all = [
    chart("Requests per second", [{ name: "Requests", of: (it) => it.requests }, { name: "Errors", of: (it) => it.errors }], rate),
    chart("Time of requests", [{ name: "p50", of: (it) => it.p50 }, { name: "p99", of: (it) => it.p99 }], (value) => millis(value)),
    chart("CPU (of one core)", [{ name: "CPU", of: (it) => it.cpu * 100 }], (value) => `${value === 0 ? 0 : value < 10 ? value.toFixed(1) : Math.round(value)}%`),
    chart("Memory of isolates", [{ name: "Memory", of: (it) => it.memory }], bytes, { base: 1024 }),
  ];
  const element = h("div", { class: "charts" }, all);
  element.update = (times, samples) => all.forEach((one) => one.update(times, samples));
  return element;
}

const OUTCOMES = {
  ok: ["Ok", "good"], exception: ["Exception", "bad"], exceededCpu: ["CPU limit", "bad"], exceededMemory: ["Memory limit", "bad"],
  exceededWallTime: ["Time limit", "bad"], canceled: ["Canceled", "warn"], loadShed: ["Overloaded", "bad"],
  internalError: ["Server error", "bad"], scriptNotFound: ["Not found", "bad"],
};

export function outcome(name) {
  const [text, kind] = OUTCOMES[name] ?? [name, ""];
  return h("span", { class: `tag ${kind}` }, text);
}

function what(item) {
  const event = item.event ?? {};
  if (event.request) return `${event.request.method} ${event.request.url}${event.response ? ` \u2192 ${event.response.status}` : ""}`;
  if (event.cron) return `cron ${event.cron}`;
  if (event.rpcMethod) return `rpc ${event.rpcMethod}()`;
  if (event.getWebSocketEvent) return `websocket ${event.getWebSocketEvent.webSocketEventType ?? ""}`;
  if (event.queue) return `queue ${event.queue}`;
  if (event.scheduledTime) return `alarm ${event.scheduledTime}`;
  return item.event && Object.keys(event).length === 0 ? "connection" : "event";
}

function message(log) {
  const parts = Array.isArray(log.message) ? log.message : [log.message];
  return parts.map((part) => (typeof part === "string" ? part : JSON.stringify(part, null, 2))).join(" ");
}

// One event of a tail or of the kept logs; it opens on demand.
export function event(item, { script = false } = {}) {
  const logs = item.logs ?? [];
  const exceptions = item.exceptions ?? [];
  const worst = exceptions.length > 0 || logs.some((log) => log.level === "error");
  const summary = h("summary", {},
    h("span", { class: "soft" }, clock(item.eventTimestamp)),
    h("span", {}, outcome(item.outcome)),
    h("span", { class: "what" }, script && h("strong", {}, `${item.scriptName} `), what(item),
      logs.length > 0 && h("span", { class: "soft" }, `  ${message(logs[0])}`)),
    h("span", { class: "soft" }, worst && h("span", { class: "tag bad" }, `${exceptions.length + logs.filter((log) => log.level === "error").length}`), ` ${millis(item.wallTime)}`));
  const element = h("details", { class: "event" }, summary);
  element.addEventListener("toggle", () => {
    if (element.open && element.children.length === 1) element.append(detail(item));
  });
  return element;
}

function detail(item) {
  const request = item.event?.request;
  return h("div", { class: "detail" },
    exceptions(item.exceptions ?? []),
    (item.logs ?? []).map((log) => h("div", { class: "logline" }, h("span", { class: log.level }, log.level), h("span", { class: log.level }, message(log)))),
    h("dl", { class: "facts" },
      fact("Version", item.scriptVersion?.id && shortId(item.scriptVersion.id)),
      fact("Entrypoint", item.entrypoint),
      fact("CPU time", item.cpuTime !== undefined && `${item.cpuTime} ms`),
      fact("Wall time", item.wallTime !== undefined && `${item.wallTime} ms`),
      fact("Ray", request?.headers?.["cf-ray"]),
      fact("Client", request?.headers?.["cf-connecting-ip"])),
    request && h("details", {}, h("summary", {}, "Headers"), h("pre", {}, Object.entries(request.headers ?? {}).map(([name, value]) => `${name}: ${value}`).join("\n"))));
}

function exceptions(list) {
  return list.map((one) => h("div", { class: "exception" },
    h("strong", {}, `${one.name ?? "Error"}: ${one.message ?? ""}`),
    one.stack && h("pre", {}, one.stack.split("\n").filter((line) => line.trim().startsWith("at ")).join("\n"))));
}

function fact(name, value) {
  return value ? [h("dt", {}, name), h("dd", {}, value)] : null;
}

export function facts(entries) {
  return h("dl", { class: "facts" }, entries.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

// A part that is loaded when it is there, and says so while it waits.
export async function loaded(element, work) {
  replace(element, h("p", { class: "empty", role: "status" }, "Loading\u2026"));
  try {
    replace(element, await work());
  } catch (error) {
    replace(element, h("div", { class: "body" }, h("p", { class: "notice bad", role: "alert" }, error.message)));
  }
}
