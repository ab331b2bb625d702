// Elements without a framework: what is put in is text, never markup.

export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...flatten(children));
  return element;
}

export function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value);
  element.append(...flatten(children));
  return element;
}

function flatten(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

export function replace(element, ...children) {
  element.replaceChildren(...flatten(children));
}

let toasts = 0;

// Says what happened; screen readers hear it too.
export function toast(text, kind = "") {
  const area = document.getElementById("toasts");
  const line = h("div", { class: kind, "data-toast": ++toasts }, text);
  area.append(line);
  setTimeout(() => line.remove(), kind === "bad" ? 9000 : 4500);
}

// Does what a button asks for; while it runs the button cannot be pressed again,
// and a failure is told.
export async function act(button, work) {
  if (button) button.disabled = true;
  try {
    return await work();
  } catch (error) {
    toast(error.message, "bad");
    return undefined;
  } finally {
    if (button) button.disabled = false;
  }
}

// Asks with a dialog. `fields` are elements; gives a FormData, or null.
export function ask({ title, text, fields = [], confirm = "OK", danger = false }) {
  return new Promise((resolve) => {
    const submit = h("button", { class: danger ? "danger" : "primary", type: "submit" }, confirm);
    const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
    const form = h("form", { method: "dialog" },
      h("h2", { id: "dialog-title" }, title),
      text && h("p", { class: "soft" }, text),
      fields,
      h("div", { class: "row end" }, cancel, submit));
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
    let answer = null;
    form.addEventListener("submit", () => { answer = new FormData(form); });
    dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
    document.body.append(dialog);
    dialog.showModal();
    (form.querySelector("input, select, textarea") ?? submit).focus();
  });
}

export function field(label, control, hint) {
  return h("label", { class: "field" }, h("span", {}, label), control, hint && h("span", {}, hint));
}

export function panel(title, actions, ...children) {
  return h("section", { class: "panel" },
    h("header", {}, h("h2", {}, title), h("div", { class: "row" }, actions)),
    ...children);
}

// A table; `columns` are { title, num?, cell(row) }.
export function table(columns, rows, empty) {
  if (rows.length === 0) return h("p", { class: "empty" }, empty);
  const head = columns.map((column) => h("th", { scope: "col", class: column.num ? "num" : "" }, column.title));
  const body = rows.map((row) => h("tr", {}, columns.map((column, index) => {
    const content = column.cell(row);
    if (index === 0) return h("th", { scope: "row" }, content);
    return h("td", { class: column.num ? "num" : column.actions ? "actions" : "" }, content);
  })));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table" },
    h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, body)));
}

export function copyable(text) {
  const button = h("button", { class: "plain small", type: "button", title: "Copy", onclick: () => act(button, async () => {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  }) }, "Copy");
  return h("span", { class: "nowrap" }, h("code", {}, text), button);
}
