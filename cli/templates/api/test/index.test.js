import assert from "node:assert/strict";
import { test } from "node:test";

import worker from "../src/index.js";

const ask = (path, init) => worker.fetch(new Request(`http://localhost${path}`, init), {});
const post = (path, body) => ask(path, { method: "POST", body });

test("says hello by name", async () => {
  const response = await ask("/hello/Ada%20L.");
  assert.deepEqual(await response.json(), { message: "Hello, Ada L.!" });
});

test("adds numbers", async () => {
  const response = await post("/sum", JSON.stringify({ numbers: [1, 2, 3.5] }));
  assert.deepEqual(await response.json(), { sum: 6.5 });
});

test("says what is wrong", async () => {
  assert.equal((await post("/sum", "nope")).status, 400);
  assert.equal((await post("/sum", '{"numbers": ["1"]}')).status, 422);
  assert.equal((await ask("/nothing")).status, 404);
  const response = await ask("/sum");
  assert.equal(response.status, 405);
  assert.equal(response.headers.get("allow"), "POST");
});
