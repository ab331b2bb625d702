// compatibility-date: 2021-11-01
// Before 2021-11-10 a buffer that a stream of the platform is read into stays the
// reader's; before 2024-05-13 a read past the end gave no view.
import { equal, same } from "../assert.js";

const readers = () => ["Response", "Blob"].map((kind) =>
  (kind === "Blob" ? new Blob(["hello"]).stream() : new Response("hello").body).getReader({ mode: "byob" })
);

export const buffersStay = {
  async test() {
    for (const reader of readers()) {
      const view = new Uint8Array(3);
      const reading = reader.read(view);
      equal(view.byteLength, 3);
      const { value, done } = await reading;
      equal(done, false);
      equal(value.buffer, view.buffer);
      same([...view], [104, 101, 108]);
    }
  },
};

export const viewsBeginWhereTheyDid = {
  async test() {
    for (const reader of readers()) {
      const buffer = new ArrayBuffer(8);
      const { value } = await reader.read(new Uint8Array(buffer, 2, 5));
      equal(value.byteOffset, 2);
      same([...new Uint8Array(buffer)], [0, 0, 104, 101, 108, 108, 111, 0]);
    }
  },
};

export const theEndHasNoView = {
  async test() {
    for (const reader of readers()) {
      await reader.read(new Uint8Array(10));
      const { value, done } = await reader.read(new Uint8Array(10));
      equal(done, true);
      equal(value, undefined);
    }
  },
};
