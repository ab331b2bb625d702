import { del, post } from "../lib/api.js";
import { act, ask, copyable, field, h, panel, replace, table } from "../lib/dom.js";
import { ago, time } from "../lib/format.js";
import { head } from "./parts.js";

const SCOPES = [["read", "look at everything but data"], ["deploy", "deploy Workers, set secrets"], ["storage", "read and write KV"], ["admin", "everything, tokens too"]];

export async function tokens({ content, account, info, again }) {
  const list = await account.tokens();
  const fresh = h("div");
  const add = h("button", { type: "button", class: "primary", onclick: async () => {
    const boxes = SCOPES.map(([name, text]) => h("label", { class: "check" }, h("input", { type: "checkbox", name: "scope", value: name, checked: name === "deploy" }), h("span", {}, h("strong", {}, name), ` \u2013 ${text}`)));
    const answer = await ask({ title: "Create a token", confirm: "Create", fields: [
      field("What it is for", h("input", { name: "name", required: true })),
      h("fieldset", { class: "stack" }, h("legend", {}, "Scopes"), boxes),
      field("Valid for days", h("input", { name: "days", type: "number", min: "1", placeholder: "for good" })),
    ] });
    if (!answer) return;
    act(add, async () => {
      const days = Number(answer.get("days"));
      const expires = days ? new Date(Date.now() + days * 86400000).toISOString() : undefined;
      const made = await post(`${account.path}/tokens`, { name: answer.get("name"), scopes: answer.getAll("scope"), expires_on: expires });
      replace(fresh, h("div", { class: "notice good", role: "status" }, "The token's text, which is not shown again: ", copyable(made.value)));
      replace(rows, draw([...list, made]));
    });
  } }, "Create\u2026");
  const rows = h("div");
  const draw = (items) => table([
    { title: "Name", cell: (one) => one.name },
    { title: "ID", cell: (one) => h("code", {}, one.id) },
    { title: "Scopes", cell: (one) => (one.scopes ?? []).map((scope) => h("span", { class: "tag" }, scope)) },
    { title: "Made", cell: (one) => h("span", { class: "nowrap", title: time(one.issued_on) }, ago(one.issued_on)) },
    { title: "Last used", cell: (one) => (one.last_used_on ? ago(one.last_used_on) : "-") },
    { title: "Ends", cell: (one) => (one.expires_on ? time(one.expires_on) : "-") },
    { title: "", actions: true, cell: (one) => {
      const button = h("button", { class: "small danger", type: "button", "aria-label": `Revoke the token ${one.name}`, onclick: async () => {
        if (!await ask({ title: `Revoke ${one.name}?`, text: "Whatever uses it is refused from now on.", confirm: "Revoke", danger: true })) return;
        act(button, async () => { await del(`${account.path}/tokens/${one.id}`); again(); });
      } }, "Revoke");
      return button;
    } },
  ], items, "No token for this account yet.");
  replace(rows, draw(list));
  replace(content, head("API tokens", { crumbs: [[info.name, "#/"]] }), h("div", { class: "stack" }, fresh, panel("Tokens", add, rows)));
}
