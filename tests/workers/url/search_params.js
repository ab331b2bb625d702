import { equal, same } from "../assert.js";

export const they_are_made_of_text_lists_and_objects = {
  test() {
    equal(new URLSearchParams("?a=1&b=2&a=3").toString(), "a=1&b=2&a=3");
    equal(new URLSearchParams([["a", "1"], ["a", "2"]]).toString(), "a=1&a=2");
    equal(new URLSearchParams({ a: "1", b: "x y" }).toString(), "a=1&b=x+y");
    equal(new URLSearchParams(new URLSearchParams("a=1")).toString(), "a=1");
    equal(new URLSearchParams().toString(), "");
  },
};

export const values_are_read_and_written = {
  test() {
    const params = new URLSearchParams("a=1&b=2&a=3");
    equal(params.get("a"), "1");
    same(params.getAll("a"), ["1", "3"]);
    equal(params.get("c"), null);
    equal(params.has("a", "3"), true);
    equal(params.has("a", "4"), false);
    equal(params.size, 3);
    params.set("a", "9");
    params.append("c", "");
    params.delete("b");
    equal(params.toString(), "a=9&c=");
    params.append("a", "0");
    params.sort();
    equal(params.toString(), "a=9&a=0&c=");
    params.delete("a", "0");
    same([...params], [["a", "9"], ["c", ""]]);
  },
};

export const text_is_escaped = {
  test() {
    equal(new URLSearchParams({ a: "\u00e9&=+ /*~" }).toString(), "a=%C3%A9%26%3D%2B+%2F*%7E");
    equal(new URLSearchParams("a=b+c%20d&e=%zz").get("a"), "b c d");
    equal(new URLSearchParams("e=%zz").get("e"), "%zz");
  },
};

export const odd_queries_are_parsed = {
  test() {
    const pairs = (text) => [...new URLSearchParams(text)];
    same(pairs("&&a&=b&c==d&&"), [["a", ""], ["", "b"], ["c", "=d"]]);
    same(pairs("a=1&b&c=2"), [["a", "1"], ["b", ""], ["c", "2"]]);
    same(pairs("="), [["", ""]]);
    same(pairs("?"), []);
    same(pairs("??a=1"), [["?a", "1"]]);
    same(pairs("a+b=c+d%2Be"), [["a b", "c d+e"]]);
    same(pairs("%61%3d=%26"), [["a=", "&"]]);
    same(pairs("\u00e9\u{1f600}=%F0%9F%98%80"), [["\u00e9\u{1f600}", "\u{1f600}"]]);
    // What is not UTF-8 becomes U+FFFD, and a lone % stays.
    same(pairs("a=%FF&b=%E2%82&c=%ED%A0%80&d=50%&e=%4"), [
      ["a", "\ufffd"],
      ["b", "\ufffd"],
      ["c", "\ufffd\ufffd\ufffd"],
      ["d", "50%"],
      ["e", "%4"],
    ]);
    same(pairs("a=\ud800"), [["a", "\ufffd"]]);
    same(pairs("a=%EF%BB%BFx"), [["a", "\ufeffx"]]);
  },
};

export const every_character_is_written_as_a_form_has_it = {
  test() {
    const ascii = String.fromCharCode(...Array.from({ length: 128 }, (_, i) => i));
    const written = new URLSearchParams([["a", ascii]]).toString();
    equal(
      written,
      "a=%00%01%02%03%04%05%06%07%08%09%0A%0B%0C%0D%0E%0F%10%11%12%13%14%15%16%17%18%19%1A%1B%1C%1D%1E%1F+%21%22%23" +
        "%24%25%26%27%28%29*%2B%2C-.%2F0123456789%3A%3B%3C%3D%3E%3F%40ABCDEFGHIJKLMNOPQRSTUVWXYZ%5B%5C%5D%5E_%60" +
        "abcdefghijklmnopqrstuvwxyz%7B%7C%7D%7E%7F",
    );
    equal(new URLSearchParams(written).get("a"), ascii);
    equal(new URLSearchParams([["\ud83d", "\u{1f600}"]]).toString(), "%EF%BF%BD=%F0%9F%98%80");
  },
};

export const a_url_follows_its_params = {
  test() {
    const changed = (href, change) => {
      const url = new URL(href);
      change(url.searchParams);
      // Its parts are where they were.
      same([url.pathname, url.hash, new URL(url.href).search], [new URL(url.href).pathname, new URL(url.href).hash, url.search]);
      return url.href;
    };
    const set = (params) => params.set("q", "a b&c");
    equal(changed("https://example.com/a?x=1#part", set), "https://example.com/a?x=1&q=a+b%26c#part");
    equal(changed("https://example.com/a#part", set), "https://example.com/a?q=a+b%26c#part");
    equal(changed("https://example.com/a#", set), "https://example.com/a?q=a+b%26c#");
    equal(changed("https://example.com", set), "https://example.com/?q=a+b%26c");
    equal(changed("https://example.com/?q=%C3%A9&q=2", set), "https://example.com/?q=a+b%26c");
    equal(changed("https://example.com/?a='b'", (params) => params.append("c", "d")), "https://example.com/?a=%27b%27&c=d");
    equal(changed("https://example.com/?q=1#p", (params) => params.delete("q")), "https://example.com/#p");
    equal(changed("foo:opaque?x=1", set), "foo:opaque?x=1&q=a+b%26c");
    equal(changed("foo:/a/b?x=1#p", set), "foo:/a/b?x=1&q=a+b%26c#p");
    const url = new URL("https://example.com/?a=1#x");
    const { searchParams } = url;
    for (let i = 0; i < 3; i++) searchParams.append("b", String(i));
    equal(url.href, "https://example.com/?a=1&b=0&b=1&b=2#x");
    url.hash = "";
    searchParams.set("b", "");
    equal(url.href, "https://example.com/?a=1&b=");
    url.search = "?c=3";
    same([...searchParams], [["c", "3"]]);
  },
};
