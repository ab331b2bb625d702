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
