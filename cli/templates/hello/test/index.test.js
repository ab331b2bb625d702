import assert from "node:assert/strict";
import { test } from "node:test";

import worker from "../src/index.js";

const env = { GREETING: "Hi" };

test("greets the world", async () => {
  const response = await worker.fetch(new Request("http://localhost/"), env);
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "Hi, World!\n");
});

test("greets whom it is told to", async () => {
  const response = await worker.fetch(new Request("http://localhost/?name=Ada"), env);
  assert.equal(await response.text(), "Hi, Ada!\n");
});
