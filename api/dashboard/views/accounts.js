import { all, del, post } from "../lib/api.js";
import { act, ask, copyable, field, h, panel, replace, table } from "../lib/dom.js";
import { ago } from "../lib/format.js";
import { head } from "./parts.js";

export async function accounts({ content, reload }) {
  const list = await all("/accounts");
  const add = h("button", { type: "button", class: "primary", onclick: async () => {
    const answer = await ask({ title: "Create an account", confirm: "Create", fields: [
      field("Name", h("input", { name: "name", required: true })),
      field("Subdomain", h("input", { name: "subdomain", pattern: "[a-z0-9\\-]+", placeholder: "none", spellcheck: "false" }), "its Workers answer at NAME.SUBDOMAIN and the server's domain"),
    ] });
    if (answer) act(add, async () => { await post("/accounts", { name: answer.get("name"), subdomain: answer.get("subdomain") || undefined }); await reload(); });
  } }, "Create\u2026");
  replace(content, head("Accounts"), panel("Accounts that your token reaches", add, table([
    { title: "Name", cell: (one) => one.name },
    { title: "ID", cell: (one) => copyable(one.id) },
    { title: "Subdomain", cell: (one) => one.subdomain ?? "-" },
    { title: "Created", cell: (one) => (one.created_on ? ago(one.created_on) : "-") },
    { title: "", actions: true, cell: (one) => {
      const button = h("button", { class: "small danger", type: "button", "aria-label": `Delete the account ${one.name}`, onclick: async () => {
        const answer = await ask({ title: `Delete ${one.name}?`, text: "Its Workers, KV namespaces, objects and tokens go with it. This cannot be undone. Write its name to confirm.", confirm: "Delete", danger: true, fields: [field("Name", h("input", { name: "name", autocomplete: "off" }))] });
        if (!answer || answer.get("name") !== one.name) return;
        act(button, async () => { await del(`/accounts/${one.id}?force=true`); await reload(); });
      } }, "Delete");
      return button;
    } },
  ], list, "No account yet.")));
}
