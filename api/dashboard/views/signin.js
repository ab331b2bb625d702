import { field, h } from "../lib/dom.js";

export function signin(take) {
  const input = h("input", { type: "password", name: "token", autocomplete: "off", spellcheck: "false", required: true });
  const button = h("button", { class: "primary", type: "submit" }, "Sign in");
  const problem = h("p", { class: "notice bad hidden", role: "alert" });
  const form = h("form", { class: "panel" },
    h("div", { class: "logo" }, h("img", { src: "/dashboard/icon.svg", alt: "" }), h("h1", {}, "Selvedge")),
    h("p", { class: "soft" }, "Sign in with an API token. It stays in this tab and is forgotten when you close it."),
    field("API token", input),
    problem,
    button,
    h("p", { class: "soft small" }, "No token yet? On the server's machine: ",
      h("code", {}, "selvedge tokens create me --scope admin --all-accounts --data-dir DIR")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    problem.classList.add("hidden");
    try {
      await take(input.value.trim());
    } catch (error) {
      problem.textContent = error.status === 401 || error.status === 403 ? "This token is not valid." : error.message;
      problem.classList.remove("hidden");
      input.select();
    } finally {
      button.disabled = false;
    }
  });
  queueMicrotask(() => input.focus());
  return h("main", { class: "signin", id: "content" }, form);
}
