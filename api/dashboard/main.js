// The dashboard: which view the address asks for, and what stands around it.

import { Account, all, get, maybe, session, whenUnauthorized } from "./lib/api.js";
import { h, replace, toast } from "./lib/dom.js";
import { signin } from "./views/signin.js";
import { overview } from "./views/overview.js";
import { worker } from "./views/worker.js";
import { logs } from "./views/logs.js";
import { kv, kvNamespace } from "./views/kv.js";
import { objects, objectNamespace } from "./views/objects.js";
import { stores } from "./views/stores.js";
import { tokens } from "./views/tokens.js";
import { accounts } from "./views/accounts.js";

const app = document.getElementById("app");
const ACCOUNT = "selvedge.account";
const THEME = "selvedge.theme";

const state = { accounts: [], account: null, identity: null, leave: () => {} };

const VIEWS = [
  [/^\/$/, "Overview", overview],
  [/^\/workers\/([^/]+)(?:\/([a-z]+))?$/, "Overview", worker],
  [/^\/logs$/, "Logs", logs],
  [/^\/kv$/, "KV", kv],
  [/^\/kv\/([^/]+)$/, "KV", kvNamespace],
  [/^\/objects$/, "Durable Objects", objects],
  [/^\/objects\/([^/]+)$/, "Durable Objects", objectNamespace],
  [/^\/stores\/([a-z0-9]+)$/, null, stores],
  [/^\/tokens$/, "API tokens", tokens],
  [/^\/accounts$/, "Accounts", accounts],
];

const NAV = [
  ["Account", [["Overview", "#/"], ["Logs", "#/logs"], ["API tokens", "#/tokens"]]],
  ["Storage and more", [
    ["KV", "#/kv"], ["Durable Objects", "#/objects"], ["R2", "#/stores/r2"], ["D1", "#/stores/d1"], ["Queues", "#/stores/queues"],
    ["Workflows", "#/stores/workflows"], ["Secrets Store", "#/stores/secrets"], ["Hyperdrive", "#/stores/hyperdrive"],
    ["Dispatch namespaces", "#/stores/dispatch"],
  ]],
  ["Server", [["Accounts", "#/accounts"]]],
];

function applyTheme() {
  const chosen = localStorage.getItem(THEME);
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  return dark;
}

// What the menu calls a page.
function named(path) {
  return NAV.flatMap(([, links]) => links).find(([, href]) => href === `#${path}`)?.[0];
}

function themeButton() {
  const button = h("button", { class: "small", type: "button" });
  const label = () => { button.textContent = document.documentElement.dataset.theme === "dark" ? "Light" : "Dark"; };
  button.addEventListener("click", () => {
    localStorage.setItem(THEME, document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    applyTheme();
    label();
  });
  button.setAttribute("aria-label", "Switch between light and dark");
  label();
  return button;
}

// Who asks and which accounts there are; throws when the token is not valid.
export async function start() {
  state.identity = await get("/user/tokens/verify");
  state.accounts = await all("/accounts");
  const user = await maybe(get("/user").catch(() => null), null);
  state.identity.email = user?.email ?? null;
  const known = sessionStorage.getItem(ACCOUNT);
  state.account = state.accounts.find((one) => one.id === known) ?? state.accounts[0] ?? null;
}

function signOut() {
  state.leave();
  session.token = null;
  sessionStorage.removeItem(ACCOUNT);
  state.identity = null;
  location.hash = "#/";
  show();
}

function side(current) {
  const picker = h("select", { "aria-label": "Account", onchange: (event) => {
    sessionStorage.setItem(ACCOUNT, event.target.value);
    state.account = state.accounts.find((one) => one.id === event.target.value);
    if (location.hash === "#/" || location.hash === "") show();
    else location.hash = "#/";
  } }, state.accounts.map((one) => h("option", { value: one.id, selected: one.id === state.account?.id }, one.name)));
  return h("aside", { class: "side" },
    h("a", { class: "logo", href: "#/" }, h("img", { src: "/dashboard/icon.svg", alt: "" }), "Selvedge"),
    state.accounts.length > 0 && picker,
    h("nav", { class: "nav", "aria-label": "Main" }, NAV.map(([label, links]) => [
      h("div", { class: "label" }, label),
      links.map(([name, href]) => h("a", { href, "aria-current": name === current ? "page" : null }, name)),
    ])),
    h("div", { class: "foot" },
      h("div", { class: "small soft" }, state.identity?.email ?? `Token ${String(state.identity?.id ?? "").slice(0, 8)}`),
      h("div", { class: "row" }, themeButton(),
        h("button", { class: "small", type: "button", onclick: signOut }, "Sign out"))));
}

async function show() {
  state.leave();
  state.leave = () => {};
  if (!session.token) {
    replace(app, signin(async (token) => {
      session.token = token;
      try {
        await start();
      } catch (error) {
        session.token = null;
        throw error;
      }
      show();
    }));
    return;
  }
  if (!state.identity) {
    try {
      await start();
    } catch (error) {
      session.token = null;
      toast(error.message, "bad");
      show();
      return;
    }
  }
  const path = decodeURI(location.hash.slice(1)) || "/";
  const found = VIEWS.map(([pattern, name, view]) => [pattern.exec(path), name ?? named(path), view]).find(([match]) => match);
  const content = h("main", { id: "content", tabindex: "-1" });
  replace(app, h("div", { class: "layout" }, side(found?.[1]), content));
  document.title = `${found?.[1] ?? "Not found"} - Selvedge`;
  if (!found) {
    replace(content, h("h1", {}, "There is no such page"));
    return;
  }
  if (!state.account && found[2] !== accounts) {
    replace(content, h("h1", {}, "No account yet"), h("p", { class: "soft" }, "Make one under ", h("a", { href: "#/accounts" }, "Accounts"), "."));
    return;
  }
  const leaving = [];
  state.leave = () => leaving.forEach((end) => end());
  const context = {
    content,
    account: state.account ? new Account(state.account.id) : null,
    info: state.account,
    identity: state.identity,
    parameters: found[0].slice(1).map((part) => part && decodeURIComponent(part)),
    onLeave: (end) => leaving.push(end),
    reload: async () => { await start(); show(); },
    again: show,
  };
  try {
    await found[2](context);
  } catch (error) {
    content.append(h("p", { class: "notice bad", role: "alert" }, error.message));
  }
}

whenUnauthorized(() => {
  if (session.token && state.identity) {
    toast("The token is not valid any more.", "bad");
    signOut();
  }
});
applyTheme();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", applyTheme);
let last = location.hash;
addEventListener("hashchange", () => {
  show().then(() => {
    // What was pressed is gone; the reader goes on at the new content.
    if (location.hash !== last) document.getElementById("content")?.focus({ preventScroll: true });
    last = location.hash;
    scrollTo(0, 0);
  });
});
show();
