import assert from "node:assert/strict";
import { test } from "node:test";

import { Site } from "../src/site.js";

const site = new Site({ "/": { type: "text/html; charset=utf-8", text: "home" } }, "lost");
const ask = (path, init) => site.serve(new Request(`http://localhost${path}`, init));

test("serves a file with its type", async () => {
  const response = await ask("/");
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(await response.text(), "home");
});

test("answers 304 to who has the file", async () => {
  const etag = (await ask("/")).headers.get("etag");
  const response = await ask("/", { headers: { "if-none-match": etag } });
  assert.equal(response.status, 304);
  assert.equal(await response.text(), "");
});

test("answers HEAD without a body, and nothing but GET and HEAD", async () => {
  assert.equal(await (await ask("/", { method: "HEAD" })).text(), "");
  assert.equal((await ask("/", { method: "POST" })).status, 405);
});

test("has a page for what is missing", async () => {
  const response = await ask("/nothing");
  assert.equal(response.status, 404);
  assert.equal(await response.text(), "lost");
});
