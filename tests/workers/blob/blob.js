import { bytes, decode, equal, ok, same } from "../assert.js";

export const blobs_are_made_of_parts = {
  async test() {
    const blob = new Blob(["a", bytes(98), bytes(99, 100).buffer, new Blob(["e"])], { type: "Text/X" });
    equal(blob.size, 5);
    equal(blob.type, "text/x");
    equal(await blob.text(), "abcde");
    equal(decode(await blob.arrayBuffer()), "abcde");
    equal(new Blob().size, 0);
  },
};

export const slices_are_blobs = {
  async test() {
    const blob = new Blob(["0123456789"]);
    equal(await blob.slice(2, 5).text(), "234");
    equal(await blob.slice(-3).text(), "789");
    equal(blob.slice(1, 2, "a/b").type, "a/b");
    equal(blob.slice(8, 2).size, 0);
  },
};

export const blobs_are_streamed = {
  async test() {
    equal(await new Response(new Blob(["streamed"]).stream()).text(), "streamed");
  },
};

export const files_have_names_and_times = {
  test() {
    const file = new File(["x"], "name.txt", { type: "text/plain", lastModified: 7 });
    ok(file instanceof Blob);
    same([file.name, file.type, file.size, file.lastModified], ["name.txt", "text/plain", 1, 7]);
  },
};
