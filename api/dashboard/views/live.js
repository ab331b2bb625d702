import { del, post } from "../lib/api.js";
import { field, h, panel, replace } from "../lib/dom.js";
import { event } from "./parts.js";

const KEPT = 500;

// Events as they happen, over the WebSocket that `tail` uses.
export async function live({ body, path, onLeave }) {
  const list = h("div", { class: "events", tabindex: "0", role: "log", "aria-label": "Events", "aria-live": "off" });
  const empty = h("p", { class: "empty" }, "Waiting for events\u2026");
  const status = h("span", { role: "status" });
  const count = h("span", { class: "soft small" });
  const pause = h("button", { type: "button", "aria-pressed": "false" }, "Pause");
  const clear = h("button", { type: "button", onclick: () => { seen = 0; replace(list, empty); count.textContent = ""; } }, "Clear");
  const outcome = h("select", { name: "outcome" }, [["", "All"], ["ok", "Ok"], ["error", "Errors"], ["canceled", "Canceled"]].map(([value, text]) => h("option", { value }, text)));
  const search = h("input", { type: "search", name: "search", placeholder: "in logs" });
  const method = h("input", { name: "method", placeholder: "GET", size: "7" });
  const rate = h("select", { name: "rate" }, [["1", "all"], ["0.1", "10%"], ["0.01", "1%"]].map(([value, text]) => h("option", { value }, text)));
  const form = h("form", { class: "row" }, field("Outcome", outcome), field("Text", search), field("Method", method), field("Sample", rate), h("button", { type: "submit" }, "Apply"));
  replace(list, empty);
  replace(body, panel("Live", [status, count, pause, clear], h("div", { class: "body" }, form), list));

  let paused = false;
  let seen = 0;
  let waiting = [];
  let drawing = false;
  let tail = null;
  let left = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(paused));
    if (!paused) draw();
  });

  function draw() {
    drawing = false;
    if (paused || waiting.length === 0) return;
    empty.remove();
    const fresh = waiting.splice(0).reverse().slice(0, KEPT).map((item) => event(item));
    list.prepend(...fresh);
    while (list.children.length > KEPT) list.lastElementChild.remove();
    count.textContent = `${seen} events`;
  }

  function filters() {
    const errors = ["exception", "exceededCpu", "exceededMemory", "exceededWallTime", "loadShed", "internalError"];
    const all = [{ sampling_rate: Number(rate.value) }];
    if (outcome.value) all.push({ outcome: outcome.value === "error" ? errors : [outcome.value] });
    if (search.value) all.push({ query: search.value });
    if (method.value) all.push({ method: [method.value.toUpperCase()] });
    return all;
  }

  function say(on, text) {
    replace(status, h("span", { class: `dot ${on ? "on" : "off"}` }), text);
  }

  async function close() {
    const old = tail;
    tail = null;
    if (!old) return;
    old.socket.close(1000);
    // A tail that nobody reads ends by itself too.
    await del(`${path}/tails/${old.id}`).catch(() => {});
  }

  async function open() {
    await close();
    say(false, "connecting");
    try {
      const info = await post(`${path}/tails`, { filters: filters() });
      if (left) return;
      // Whatever name the server knows itself by, it is where this page is from.
      const url = new URL(info.url);
      url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
      url.host = location.host;
      const socket = new WebSocket(url, "trace-v1");
      const mine = { id: info.id, socket };
      tail = mine;
      socket.addEventListener("open", () => { socket.send(JSON.stringify({ debug: false })); say(true, "connected"); });
      socket.addEventListener("message", async ({ data }) => {
        const text = typeof data === "string" ? data : await data.text();
        seen += 1;
        waiting.push(JSON.parse(text));
        if (waiting.length > KEPT) waiting = waiting.slice(-KEPT);
        if (!drawing) { drawing = true; requestAnimationFrame(draw); }
      });
      socket.addEventListener("close", () => {
        if (tail !== mine || left) return;
        say(false, "not connected");
        setTimeout(() => { if (tail === mine && !left) open(); }, 2000);
      });
    } catch (error) {
      say(false, error.message);
    }
  }
  form.addEventListener("submit", (submitted) => { submitted.preventDefault(); open(); });
  onLeave(() => { left = true; close(); });
  await open();
}
