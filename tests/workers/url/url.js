import { equal, same, throws } from "../assert.js";

export const parts_are_parsed = {
  test() {
    const url = new URL("https://user:pass@example.com:8080/a/b?c=d&e#f");
    same(
      [url.protocol, url.username, url.password, url.host, url.hostname, url.port, url.pathname, url.search, url.hash, url.origin],
      ["https:", "user", "pass", "example.com:8080", "example.com", "8080", "/a/b", "?c=d&e", "#f", "https://example.com:8080"],
    );
    equal(String(url), url.href);
    equal(JSON.stringify({ url }), JSON.stringify({ url: url.href }));
  },
};

export const relative_urls_are_resolved = {
  test() {
    const base = "https://example.com/a/b/c?d#e";
    same(
      ["x", "./x", "../x", "/x", "//o.example/x", "?q", "#h", ""].map((it) => new URL(it, base).href),
      [
        "https://example.com/a/b/x", "https://example.com/a/b/x", "https://example.com/a/x",
        "https://example.com/x", "https://o.example/x", "https://example.com/a/b/c?q",
        "https://example.com/a/b/c?d#h", "https://example.com/a/b/c?d",
      ],
    );
  },
};

export const hosts_are_normalised = {
  test() {
    equal(new URL("HTTP://EXAMPLE.com:80/").href, "http://example.com/");
    equal(new URL("http://b\u00fccher.example/").hostname, "xn--bcher-kva.example");
    equal(new URL("http://0x7f.1/").hostname, "127.0.0.1");
    equal(new URL("http://[::FFFF:1]/").hostname, "[::ffff:1]");
    equal(new URL("http://a/%7Efoo/../b c").pathname, "/b%20c");
  },
};

export const parts_can_be_set = {
  test() {
    const url = new URL("http://a/");
    url.protocol = "https";
    url.host = "b.example:444";
    url.pathname = "x y";
    url.search = "q=1";
    url.hash = "h";
    url.username = "u";
    equal(url.href, "https://u@b.example:444/x%20y?q=1#h");
    url.port = "443";
    equal(url.host, "b.example");
    url.searchParams.append("r", "&");
    equal(url.search, "?q=1&r=%26");
  },
};

export const bad_urls_are_refused = {
  test() {
    for (const text of ["", "example.com", "http://", "http://a b/", "http://a:99999/", "//x"]) {
      throws(() => new URL(text), TypeError, text);
      equal(URL.canParse(text), false, text);
    }
    equal(URL.canParse("/x", "http://a"), true);
    equal(URL.parse("nothing"), null);
    equal(URL.parse("http://a/").href, "http://a/");
  },
};

export const patterns_match = {
  test() {
    const pattern = new URLPattern({ pathname: "/books/:id(\\d+)" });
    equal(pattern.test("https://example.com/books/12"), true);
    equal(pattern.test("https://example.com/books/x"), false);
    equal(pattern.exec("https://example.com/books/12").pathname.groups.id, "12");
  },
};
