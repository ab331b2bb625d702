// Values are UTF-8, as on Cloudflare; in the standard they are bytes.
import { equal, same } from "../assert.js";

export const values_are_unicode = {
  test() {
    const headers = new Headers({ a: "\u00fc", b: "\u65e5\u672c" });
    headers.append("c", "\u{1f600}");
    headers.append("c", "plain");
    headers.append("set-cookie", "x=\u00e9");
    equal(headers.get("a"), "\u00fc");
    equal(headers.get("b"), "\u65e5\u672c");
    equal(headers.get("c"), "\u{1f600}, plain");
    same(headers.getSetCookie(), ["x=\u00e9"]);
    same([...headers.values()], ["\u00fc", "\u65e5\u672c", "\u{1f600}, plain", "x=\u00e9"]);
    equal(new Headers(headers).get("b"), "\u65e5\u672c");
    equal(new Request("http://x", { headers }).headers.get("b"), "\u65e5\u672c");
    equal(new Response(null, { headers }).headers.get("a"), "\u00fc");
  },
};
