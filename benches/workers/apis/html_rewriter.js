// A page of 1 MiB, each of whose links gets another attribute.
const row = '<li class="item"><a href="/items/1234567" title="An item">Some text of an item</a> and more of it</li>\n';
const page = `<!doctype html><html><body><ul>${row.repeat(Math.ceil((1 << 20) / row.length))}</ul></body></html>`;
const bytes = new TextEncoder().encode(page);
class Links {
  element(element) {
    element.setAttribute("href", `https://example.com${element.getAttribute("href")}`);
  }
}
export default {
  async fetch() {
    const rewritten = await new HTMLRewriter().on("a[href]", new Links()).transform(new Response(bytes)).text();
    return new Response(`rewrote ${rewritten.length > bytes.length}`);
  },
};
