// URLs that hold what they stand for.
import { equal, rejects } from "../assert.js";

export const they_are_fetched = {
  async test() {
    const cases = [
      ["data:text/plain,x", "text/plain", "x"],
      ["data:text/html;charset=utf-8,%3Cp%3E%C3%A9", "text/html;charset=utf-8", "<p>\u00e9"],
      ["data:text/plain;base64,aGVsbG8=", "text/plain", "hello"],
      ["data:application/json,{%22a%22:1}", "application/json", '{"a":1}'],
      ["data:,a%20b%2", "text/plain;charset=US-ASCII", "a b%2"],
    ];
    for (const [url, type, text] of cases) {
      const response = await fetch(url);
      equal(response.status, 200, url);
      equal(response.headers.get("content-type"), type, url);
      equal(await response.text(), text, url);
    }
  },
};

export const bad_ones_are_refused = {
  async test() {
    await rejects(fetch("data:text/plain"), Error);
  },
};
