// compatibility-date: 2025-04-30
// URLPattern before its standard.
import { equal, same, throws } from "../assert.js";

const COMPONENTS = ["protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"];

function shown(...given) {
  const pattern = new URLPattern(...given);
  return COMPONENTS.map((component) => pattern[component]).join(" ");
}

export const what_a_text_does_not_say_is_empty = {
  test() {
    equal(shown("https://example.com"), "https   example.com    ");
    equal(shown("https://x/*"), "https   x  /*  ");
    equal(shown("https://x#h"), "https   x    h");
    equal(shown("https://x/?*"), "https   x  / * ");
    equal(shown("https://x/a\\?b#c"), "https   x  /a b c");
    equal(shown("https://*:*@x/"), "https * * x  /  ");
    equal(shown("https://x:81"), "https   x 81   ");
    equal(shown("http{s}?://*.x/:a?b=:c#d"), "http{s}?   *.x  /:a?b=:c  d");
    equal(shown("https://(a|b).x/{a}?b"), "https   (a|b).x  /{a}?b  ");
    equal(shown("data\\:x"), "data     x  ");
    equal(shown("http:*.x/"), "http     *.x/  ");
    equal(shown(":p://:h/:x"), ":p   :h  /:x  ");
    equal(shown({ pathname: "/a" }), "* * * * * /a * *");
  },
};

export const a_base_gives_the_rest = {
  test() {
    equal(shown("/a", "http://x/y/z?q"), "http   x  /a  ");
    equal(shown("?q", "http://u:p@x:99/y"), "http u p x 99 /y q ");
    equal(shown("#h", "http://x/y?q"), "http   x  /y q h");
    equal(shown("a?b#c", "http://x/y/z"), "http   x  /y/a b c");
    const baseURL = "http://u:p@x:99/y/z?q#h";
    equal(shown({ pathname: "b", baseURL }), "http u p x 99 /y/b q h");
    equal(shown({ hostname: "q", baseURL }), "http u p q 99 /y/z q h");
    throws(() => new URLPattern("/a", "bad"), TypeError);
    const error = throws(() => new URLPattern("/a"), TypeError);
    equal(error.message, "Syntax error in URL Pattern: a relative pattern must have a base URL.");
    throws(() => new URLPattern({ pathname: "/(" }), TypeError);
  },
};

export const ports_and_hosts_are_as_they_are_written = {
  test() {
    equal(shown("http://x:80/"), "http   x 80 /  ");
    equal(new URLPattern({ protocol: "http", port: "80" }).test("http://x:80/"), false);
    equal(new URLPattern({ hostname: "\u00e4.com" }).hostname, "%C3%A4.com");
    equal(new URLPattern({ hostname: "\u00e4.com" }).test("http://\u00e4.com/"), false);
  },
};

export const groups_are_texts = {
  test() {
    const pattern = new URLPattern({ pathname: "/a/:b?" });
    same(pattern.exec("http://x/a").pathname, { input: "/a", groups: { b: "" } });
    same(pattern.exec({ pathname: "/a/c" }).pathname.groups, { b: "c" });
    equal(pattern.test("http://x/b"), false);
    equal(pattern.exec("bad"), null);
    equal(new URLPattern({ pathname: "/A" }, { ignoreCase: true }).test("http://x/a"), true);
    equal(new URLPattern("/A", "http://x", { ignoreCase: true }).test("http://x/a"), true);
    equal("hasRegExpGroups" in pattern, false);
    const full = new URLPattern("https://x/a?b=:c");
    same(full.exec("https://x/a?b=5").search.groups, { c: "5" });
    equal(full.test("https://x/a?b=5#h"), false);
    equal(throws(() => pattern.test({ pathname: "/a" }, "http://x"), TypeError).message, "A baseURL is not allowed when input is an object.");
  },
};
