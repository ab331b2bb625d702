import assert from "node:assert/strict";
import { test } from "node:test";

import { parseNote } from "../src/note.ts";

test("a note has a text, and tags if it wants to", () => {
  assert.deepEqual(parseNote('{"text":"milk"}'), { text: "milk", tags: [] });
  assert.deepEqual(parseNote('{"text":"milk","tags":["shop"]}'), { text: "milk", tags: ["shop"] });
});

test("anything else is no note", () => {
  for (const json of ["", "null", "[]", "{}", '{"text":1}', '{"text":"a","tags":[1]}']) {
    assert.equal(parseNote(json), undefined, json);
  }
});
