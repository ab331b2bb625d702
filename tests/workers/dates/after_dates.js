// compatibility-flags: no_resizable_array_buffer_in_blob cache_reload_enabled url_original
// What flags bring or take away at the newest date.
import { equal, throws } from "../assert.js";

export const blobs_take_no_resizable_buffers = {
  test() {
    const buffer = new ArrayBuffer(4, { maxByteLength: 8 });
    for (const make of [() => new Blob([buffer]), () => new Blob(["a", new Uint8Array(buffer)]), () => new File([buffer], "a")]) {
      equal(throws(make, TypeError).message, "Cannot create a Blob with a resizable ArrayBuffer");
    }
    equal(new Blob([new ArrayBuffer(4)]).size, 4);
  },
};

export const the_cache_may_be_passed_by = {
  test() {
    equal(new Request("http://h/", { cache: "reload" }).cache, "reload");
    throws(() => new Request("http://h/", { cache: "force-cache" }), TypeError);
  },
};

export const old_urls_may_be_had_alone = {
  test() {
    equal(new URL("http://h").href, "http://h");
    equal(new Request("http://h").url, "http://h/");
  },
};
