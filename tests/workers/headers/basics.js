import { equal, ok, same, throws } from "../assert.js";

export const names_are_case_insensitive_and_values_trimmed = {
  test() {
    const headers = new Headers({ "Content-Type": "  text/plain\t" });
    equal(headers.get("content-type"), "text/plain");
    equal(headers.get("CONTENT-TYPE"), "text/plain");
    ok(headers.has("Content-type"));
    equal(headers.get("missing"), null);
  },
};

export const append_joins_and_set_replaces = {
  test() {
    const headers = new Headers();
    headers.append("a", "1");
    headers.append("A", "2");
    equal(headers.get("a"), "1, 2");
    headers.set("a", "3");
    equal(headers.get("a"), "3");
    headers.delete("A");
    equal(headers.has("a"), false);
  },
};

export const they_are_made_of_objects_lists_and_headers = {
  test() {
    same([...new Headers({ b: "2", a: "1" })], [["a", "1"], ["b", "2"]]);
    same([...new Headers([["b", "2"], ["a", "1"], ["b", "3"]])], [["a", "1"], ["b", "2, 3"]]);
    const copy = new Headers(new Headers({ x: "y" }));
    equal(copy.get("x"), "y");
    same([...new Headers(new Map([["m", "1"]]))], [["m", "1"]]);
    same([...new Headers()], []);
  },
};

export const they_are_iterated_in_order_of_names = {
  test() {
    const headers = new Headers([["z", "1"], ["A", "2"], ["m", "3"]]);
    same([...headers.keys()], ["a", "m", "z"]);
    same([...headers.values()], ["2", "3", "1"]);
    const seen = [];
    headers.forEach((value, name, all) => seen.push([name, value, all === headers]));
    same(seen, [["a", "2", true], ["m", "3", true], ["z", "1", true]]);
  },
};

export const cookies_stay_apart = {
  test() {
    const headers = new Headers();
    headers.append("Set-Cookie", "a=1, x");
    headers.append("Set-Cookie", "b=2");
    same(headers.getSetCookie(), ["a=1, x", "b=2"]);
    equal([...headers].filter(([name]) => name === "set-cookie").length, 2);
    same(headers.getAll("set-cookie"), ["a=1, x", "b=2"]);
    same(new Headers().getSetCookie(), []);
    same(new Headers(headers).getSetCookie(), ["a=1, x", "b=2"]);
  },
};

export const bad_names_and_values_are_refused = {
  test() {
    for (const name of ["a b", "a:b", "a\n", "a\0"]) {
      throws(() => new Headers().set(name, "x"), TypeError, JSON.stringify(name));
      throws(() => new Headers([[name, "x"]]), TypeError, JSON.stringify(name));
    }
    for (const value of ["a\nb", "a\rb", "a\0b"]) {
      throws(() => new Headers().append("x", value), TypeError, JSON.stringify(value));
    }
  },
};

export const an_empty_name_is_refused = {
  test() {
    throws(() => new Headers().set("", "x"), TypeError);
  },
};

export const names_outside_of_ascii_are_refused = {
  test() {
    throws(() => new Headers().set("\u00e9", "x"), TypeError);
  },
};

export const lists_of_the_wrong_length_are_refused = {
  test() {
    throws(() => new Headers([["a"]]), TypeError);
    throws(() => new Headers([["a", "b", "c"]]), TypeError);
    throws(() => new Headers("text"), TypeError);
  },
};

export const values_become_strings = {
  test() {
    const headers = new Headers({ number: 1, nothing: null, yes: true });
    equal(headers.get("number"), "1");
    equal(headers.get("nothing"), "null");
    equal(headers.get("yes"), "true");
  },
};

export const each_iterator_sees_what_is_there_when_it_begins = {
  test() {
    const headers = new Headers({ b: "2", a: "1" });
    same([...headers.keys()], ["a", "b"]);
    headers.append("b", "3");
    same([...headers.values()], ["1", "2, 3"]);
    headers.set("b", "4");
    same([...headers], [["a", "1"], ["b", "4"]]);
    headers.delete("a");
    headers.append("c", "5");
    same([...headers.entries()], [["b", "4"], ["c", "5"]]);
  },
};
