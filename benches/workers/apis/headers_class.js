// 200 lists of 12 headers made, read, changed and walked through.
const init = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`x-header-${i}`, `value ${i}`]));
export default {
  fetch() {
    let sum = 0;
    for (let i = 0; i < 200; i++) {
      const headers = new Headers(init);
      headers.append("x-header-3", "again");
      headers.set("content-type", "text/html");
      headers.delete("X-Header-5");
      sum += headers.get("X-Header-7").length;
      for (const [name, value] of headers) sum += name.length + value.length;
    }
    return new Response(`sum ${sum > 0}`);
  },
};
