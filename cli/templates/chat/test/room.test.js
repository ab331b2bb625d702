import assert from "node:assert/strict";
import { test } from "node:test";

import { Room } from "../src/room.js";

function guest(room) {
  const heard = [];
  const member = room.join((text) => heard.push(JSON.parse(text)));
  return { ...member, heard };
}

test("everybody hears what one says", () => {
  const room = new Room();
  const [one, two] = [guest(room), guest(room)];
  one.say("hello");
  assert.deepEqual(one.heard.at(-1), { type: "said", id: 1, text: "hello" });
  assert.deepEqual(two.heard.at(-1), { type: "said", id: 1, text: "hello" });
});

test("who left hears nothing more", () => {
  const room = new Room();
  const [one, two] = [guest(room), guest(room)];
  two.leave();
  const count = two.heard.length;
  one.say("anybody?");
  assert.equal(two.heard.length, count);
  assert.deepEqual(one.heard.at(-2), { type: "left", id: 2, members: 1 });
});

test("a broken socket does not stop the others", () => {
  const room = new Room();
  room.join(() => {
    throw new Error("gone");
  });
  const two = guest(room);
  two.say("still here");
  assert.equal(two.heard.at(-1).text, "still here");
});

test("long and binary messages are not passed on as they are", () => {
  const one = guest(new Room());
  one.say(new ArrayBuffer(8));
  one.say("x".repeat(5000));
  assert.equal(one.heard.at(-1).text.length, 1000);
  assert.equal(one.heard.length, 2);
});
