// What Workers of older compatibility dates find: changes that are made to the
// platform of the newest date before their code runs, each in a script of its
// own. (Where a line is enough, the code asks `isOff()` itself.)
import { core } from "ext:selvedge/core.js";
import { load } from "ext:selvedge/lazy.js";

/** By flag: the script in `legacy/` that changes the platform where the flag is off. */
const whereOff = {
  __proto__: null,
  cache_option_enabled: "fetch",
  capture_async_api_throws: "sync_throws",
  crypto_preserve_public_exponent: "crypto_keys",
  enable_global_performance_classes: "performance",
  enable_weak_ref: "globals",
  expose_global_message_channel: "globals",
  http_headers_getsetcookie: "fetch",
  internal_stream_byob_return_view: "buffers",
  no_global_importscripts: "globals",
  set_tostring_tag: "string_tags",
  streams_byob_reader_detaches_buffer: "buffers",
  streams_enable_constructors: "stream_constructors",
  strip_bom_in_read_all_text: "fetch",
  text_decoder_cjk_decoder: "decoders",
  text_decoder_replace_surrogates: "decoders",
  transformstream_enable_standard_constructor: "stream_constructors",
  url_standard: "fetch",
  urlpattern_standard: "fetch",
  workers_api_getters_setters_on_prototype: "instance_properties",
};

/** The same where a flag is on that no date brings. */
const whereOn = {
  __proto__: null,
  immutable_api_prototypes: "prototypes",
  no_resizable_array_buffer_in_blob: "fetch",
};

/** By script: those that it changes. It is loaded with the first of them. */
const later = {
  __proto__: null,
  buffers: ["ext:deno_web/06_streams.js", "ext:deno_web/09_file.js"],
  crypto_keys: ["ext:selvedge/crypto.js"],
  decoders: ["ext:deno_web/08_text_encoding.js"],
};

/**
 * Calls `apply()` of the scripts. They must not load what a Worker may never
 * touch: `core.whenLoaded()` changes a script's exports when it loads.
 */
function applyLegacy(off, on) {
  apply(whereOff, off);
  apply(whereOn, on);
}

function apply(scripts, flags) {
  for (let i = 0; i < flags.length; i++) {
    const script = scripts[flags[i]];
    if (script === undefined) continue;
    const change = () => load(`ext:selvedge/legacy/${script}.js`).apply(flags[i]);
    const changed = later[script];
    if (changed === undefined) change();
    else for (let j = 0; j < changed.length; j++) core.whenLoaded(changed[j], change);
  }
}

export { applyLegacy };
