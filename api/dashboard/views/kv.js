import { del, page, post } from "../lib/api.js";
import { act, ask, copyable, field, h, panel, replace, table, toast } from "../lib/dom.js";
import { time } from "../lib/format.js";
import { head } from "./parts.js";

const SHOWN_BYTES = 1024 * 1024;

export async function kv({ content, account, info, again }) {
  const namespaces = await account.namespaces();
  const add = h("button", { type: "button", class: "primary", onclick: async () => {
    const answer = await ask({ title: "Create a namespace", confirm: "Create", fields: [field("Title", h("input", { name: "title", required: true }))] });
    if (answer) act(add, async () => { await post(`${account.path}/storage/kv/namespaces`, { title: answer.get("title") }); again(); });
  } }, "Create\u2026");
  replace(content, head("KV", { crumbs: [[info.name, "#/"]] }), panel("Namespaces", add, table([
    { title: "Title", cell: (one) => h("a", { href: `#/kv/${one.id}` }, one.title) },
    { title: "ID", cell: (one) => copyable(one.id) },
    { title: "", actions: true, cell: (one) => {
      const button = h("button", { class: "small danger", type: "button", "aria-label": `Delete the namespace ${one.title}`, onclick: async () => {
        if (!await ask({ title: `Delete ${one.title}?`, text: "All of its keys go with it. This cannot be undone.", confirm: "Delete", danger: true })) return;
        act(button, async () => { await del(account.namespace(one.id)); again(); });
      } }, "Delete");
      return button;
    } },
  ], namespaces, "No namespace yet.")));
}

export async function kvNamespace({ content, account, parameters: [id] }) {
  const namespace = (await account.namespaces()).find((one) => one.id === id);
  if (!namespace) throw new Error("There is no such namespace.");
  const rows = h("div");
  const editor = h("div");
  const prefix = h("input", { type: "search", name: "prefix", placeholder: "user:" });
  const form = h("form", { class: "row" }, field("Keys that begin with", prefix), h("button", { type: "submit" }, "List"));
  const more = h("button", { type: "button", class: "hidden" }, "More");
  const add = h("button", { type: "button", class: "primary", onclick: () => edit(null) }, "Add a key\u2026");
  replace(content, head(namespace.title, { crumbs: [["KV", "#/kv"]], actions: copyable(id) }),
    h("div", { class: "stack" }, panel("Keys", add, h("div", { class: "body" }, form), rows, h("div", { class: "body row end" }, more)), editor));

  let keys = [];
  let cursor = null;
  async function load(fresh) {
    if (fresh) { keys = []; cursor = null; }
    const query = new URLSearchParams({ limit: "100" });
    if (prefix.value) query.set("prefix", prefix.value);
    if (cursor) query.set("cursor", cursor);
    const { result, result_info: found } = await page(`${account.namespace(id)}/keys?${query}`);
    keys.push(...result);
    cursor = found?.cursor || null;
    more.classList.toggle("hidden", !cursor);
    replace(rows, table([
      { title: "Key", cell: (one) => h("button", { class: "plain mono", type: "button", onclick: () => edit(one) }, one.name) },
      { title: "Expires", cell: (one) => (one.expiration ? h("span", { class: "nowrap" }, time(one.expiration * 1000)) : "-") },
      { title: "Metadata", cell: (one) => (one.metadata === undefined ? "" : h("code", {}, JSON.stringify(one.metadata))) },
      { title: "", actions: true, cell: (one) => {
        const button = h("button", { class: "small danger", type: "button", "aria-label": `Delete the key ${one.name}`, onclick: async () => {
          if (!await ask({ title: "Delete this key?", text: one.name, confirm: "Delete", danger: true })) return;
          act(button, async () => { await account.deleteValue(id, one.name); replace(editor); await load(true); });
        } }, "Delete");
        return button;
      } },
    ], keys, prefix.value ? "No key begins so." : "No keys."));
  }

  // Shows a key to change, or an empty form for a new one.
  async function edit(key) {
    const value = key ? await act(null, () => account.value(id, key.name)) : new Uint8Array();
    if (value === undefined) return;
    const text = decode(value);
    const name = h("input", { name: "key", required: true, value: key?.name ?? "", readonly: key !== null, spellcheck: "false" });
    const area = h("textarea", { name: "value", rows: "12", spellcheck: "false", value: text ?? "", readonly: text === null });
    const ttl = h("input", { name: "ttl", type: "number", min: "60", placeholder: "never" });
    const metadata = h("input", { name: "metadata", value: key?.metadata === undefined ? "" : JSON.stringify(key.metadata), placeholder: "{}", spellcheck: "false" });
    const save = h("button", { type: "submit", class: "primary", disabled: text === null }, "Save");
    const close = h("button", { type: "button", onclick: () => { replace(editor); } }, "Close");
    const editing = h("form", { class: "body stack" },
      h("div", { class: "row" }, h("div", { class: "grow" }, field("Key", name)), field("Seconds to live", ttl), field("Metadata (JSON)", metadata)),
      text === null && h("p", { class: "notice warn" }, value.length > SHOWN_BYTES ? "The value is too large to edit here." : "The value is not text: it can be deleted here, not edited."),
      field(`Value${key ? `, ${value.length} bytes` : ""}`, area),
      key?.expiration && h("p", { class: "soft small" }, "Saving without seconds to live makes it stay."),
      h("div", { class: "row end" }, close, save));
    editing.addEventListener("submit", (submitted) => {
      submitted.preventDefault();
      act(save, async () => {
        if (metadata.value) JSON.parse(metadata.value);
        await account.putValue(id, name.value, area.value, { ttl: ttl.value, metadata: metadata.value });
        toast("Saved.");
        replace(editor);
        await load(true);
      });
    });
    replace(editor, panel(key ? "Edit" : "Add a key", null, editing));
    (key ? area : name).focus();
    editor.scrollIntoView({ block: "nearest" });
  }

  form.addEventListener("submit", (submitted) => { submitted.preventDefault(); act(null, () => load(true)); });
  more.addEventListener("click", () => act(more, () => load(false)));
  await load(true);
}

function decode(value) {
  if (value.length > SHOWN_BYTES) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(value);
  } catch {
    return null;
  }
}
