// compatibility-date: 2021-01-01
// URL, URLSearchParams and the URLs of requests before the URL standard.
import { equal, same, throws } from "../assert.js";

const INVALID = null;

/** What is read, and how it is written. */
const READ = {
  "http://example.com": "http://example.com",
  "HTTP://EXAMPLE.com:80/a/../b?q#f": "http://example.com/b?q#f",
  "https://ex.com:8443/": "https://ex.com:8443/",
  "http://u:p@ex.com:8080/x y?a b|c#fr ag": "http://u:p@ex.com:8080/x%20y?a+b%7Cc#fr%20ag",
  "http://:p@ex.com": "http://:p@ex.com",
  "foo://bar/baz": "foo://bar/baz",
  "foo:bar": INVALID,
  "data:text/plain,hi": INVALID,
  "http:ex.com": INVALID,
  " http://ex.com/ ": INVALID,
  "http://ex.com\\a": INVALID,
  "http://ex\u00e4mple.com/": INVALID,
  "http://ex.com/%zz": INVALID,
  "http://ex.com//a//b": "http://ex.com/a/b",
  "http://ex.com/%7Efoo'\"<>": "http://ex.com/~foo'%22%3C%3E",
  "http://ex.com/?": "http://ex.com/",
  "http://ex.com/?#": "http://ex.com/#",
  "http:///ex.com": "http:///ex.com",
  "http://127.1/": "http://127.1/",
  "http://ex.com/a+b%20c?d+e%20f": "http://ex.com/a+b%20c?d+e+f",
  "http://ex.com/{}[]^`|": "http://ex.com/%7B%7D[]^%60|",
  "http://ex.com/%E4": "http://ex.com/%E4",
  "http://ex.com/\u00e4?\u00e4#\u00e4": "http://ex.com/%C3%A4?%C3%A4#%C3%A4",
  "http://ex.com:99999/": "http://ex.com:99999/",
  "http://ex.com:080/": "http://ex.com:080/",
  "http://ex.com/?=x&y=&&z": "http://ex.com/?=x&y=&z",
  "http://user%40x:p%3a@h/": "http://user%40x:p%3A@h/",
  "http://h/a%2fb": "http://h/a%2Fb",
};

export const urls_are_read = {
  test() {
    for (const [text, href] of Object.entries(READ)) {
      if (href === INVALID) equal(throws(() => new URL(text), TypeError, text).message, "Invalid URL string.");
      else equal(new URL(text).href, href, text);
    }
    throws(() => new URL("a", "foo"), TypeError, "Invalid base URL string.");
    equal(throws(() => new URL("http://h/%2e%2e/c").href, TypeError).message, "Invalid pathname when stringifying URL.");
  },
};

export const references_are_resolved = {
  test() {
    const base = "http://h/x/y?q#f";
    const table = {
      a: "http://h/x/a",
      "/a": "http://h/a",
      "../a": "http://h/a",
      "?z": "http://h/x/y?z",
      "#z": "http://h/x/y?q#z",
      "": "http://h/x/y?q#f",
      "//o/p": "http://o/p",
      "https://o/p": "https://o/p",
      "./": "http://h/x/",
      "../../..": "http://h/",
      "foo:bar": "foo://h/x/bar",
      "\\a": "http://h/x/%5Ca",
    };
    for (const [reference, href] of Object.entries(table)) equal(new URL(reference, base).href, href, reference);
  },
};

export const parts_are_told_and_set = {
  test() {
    const set = (part, value) => {
      const url = new URL("http://u:p@h:8080/x/y?q=1#f");
      url[part] = value;
      return url.href;
    };
    equal(set("protocol", "foo"), "foo://u:p@h:8080/x/y?q=1#f");
    equal(set("host", "z:80"), "http://u:p@z/x/y?q=1#f");
    equal(set("host", "Z.COM"), "http://u:p@Z.COM:8080/x/y?q=1#f");
    equal(set("hostname", "z:81"), "http://u:p@z:8080/x/y?q=1#f");
    equal(set("port", "abc"), "http://u:p@h:abc/x/y?q=1#f");
    equal(set("port", ""), "http://u:p@h/x/y?q=1#f");
    equal(set("pathname", "/%41/../b?c"), "http://u:p@h:8080/b%3Fc?q=1#f");
    equal(set("search", "??a b"), "http://u:p@h:8080/x/y?%3Fa+b#f");
    equal(set("hash", ""), "http://u:p@h:8080/x/y?q=1#");
    equal(set("username", "a:b"), "http://a%3Ab:p@h:8080/x/y?q=1#f");
    equal(set("password", ""), "http://u@h:8080/x/y?q=1#f");
    equal(throws(() => set("host", "a b"), TypeError).message, "Invalid hostname when stringifying URL.");
    equal(set("pathname", "/%zz"), "http://u:p@h:8080/x/y?q=1#f");
    equal(new URL("foo://h").pathname, "");
    equal(throws(() => new URL("%zz", "http://h"), TypeError).message, "Invalid relative URL string.");
    throws(() => set("href", "bad"), TypeError);
    const { origin, host, hostname, port, pathname, search, hash } = new URL("http://[::1]/?a");
    same([origin, host, hostname, port, pathname, search, hash], ["http://[::1]", "[::1]", "[", ":1]", "/", "?a", ""]);
    same([typeof URL.canParse, typeof URL.parse, typeof URL.createObjectURL], ["undefined", "undefined", "undefined"]);
  },
};

export const parts_are_properties_of_a_url_alone = {
  test() {
    const keys = Object.keys(new URL("http://h"));
    same([keys.length, keys.includes("href"), keys.includes("searchParams")], [12, true, true]);
    same([Object.keys(new URLSearchParams("a=1")), Object.keys(new URLPattern({}))], [[], []]);
  },
};

export const queries_are_lists = {
  async test() {
    const list = (init) => [...new URLSearchParams(init)];
    same(list("a=%zz&b=c=d&&e"), [["a", "zz"], ["b", "c=d"], ["e", ""]]);
    same(list(new Map([["a", "b"]])), []);
    same(list({ a: 1 }), [["a", "1"]]);
    throws(() => list([["a"]]), TypeError);
    const url = new URL("http://h/?a=1&a=2&c");
    const { searchParams } = url;
    equal(searchParams.has("a", "3"), true);
    searchParams.delete("a", "1");
    equal(url.href, "http://h/?c");
    searchParams.append("b", "x y");
    searchParams.set("d", "\u00e4&=");
    equal(url.href, "http://h/?c&b=x+y&d=%C3%A4%26%3D");
    url.search = "?z=1";
    same([...searchParams], [["z", "1"]]);
    equal(String(searchParams), "z=1");
    const response = new Response(new URLSearchParams("a=b c"));
    equal(response.headers.get("content-type"), "application/x-www-form-urlencoded;charset=UTF-8");
    equal(await response.text(), "a=b+c");
  },
};

export const requests_keep_their_urls = {
  async test() {
    for (const url of ["/foo", "http://EX.com", "http://ex.com:80/a b", "mailto:a@b.c"]) equal(new Request(url).url, url);
    equal(new Request(new URL("http://h/a b")).url, "http://h/a%20b");
    let error;
    await fetch("/foo").catch((it) => error = it);
    equal(error.message, "Fetch API cannot load: /foo");
    const data = await fetch("data:text/plain,hi");
    equal(await data.text(), "hi");
  },
};

export const redirects_keep_their_urls = {
  test() {
    const table = {
      "http://ex.com": "http://ex.com",
      "http://EX.com/a/../c d?x y#f g": "http://ex.com/c d?x y#f g",
      "http://x//": "http://x//",
      "http://x/%zz?": "http://x/%zz?",
      "HTTP://X:80": "http://x:80",
    };
    for (const [url, location] of Object.entries(table)) equal(Response.redirect(url).headers.get("location"), location);
    for (const url of ["/foo", "mailto:a@b.c", "http://ex\u00e4mple.com/", " http://x"]) {
      equal(throws(() => Response.redirect(url), TypeError).message, `Unable to parse URL: ${url}`);
    }
    throws(() => Response.redirect("http://ex.com/\n"), TypeError);
  },
};
