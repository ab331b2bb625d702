//! Changes to scripts of deno_web and deno_webidl that this platform needs.
//!
//! Most are about one thing: resolving a promise with another promise calls
//! `promise.then`, and objects without a null prototype have the properties
//! that a Worker gives to `Object.prototype`. A Worker that replaces such
//! things must not break the platform's own streams.

mod dates;
mod given;
mod misuse;
mod streams;
mod texts;
mod transfers;
mod words;

pub(crate) use dates::DATES;
pub(crate) use given::{GIVEN, extend_given};
pub(crate) use misuse::MISUSE;
pub(crate) use texts::TEXTS;
pub(crate) use words::WORDS;

/// A change of a script's text.
pub(crate) struct Patch {
    pub(crate) script: &'static str,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// How often `from` occurs; each occurrence is replaced.
    pub(crate) times: usize,
}

const fn once(script: &'static str, from: &'static str, to: &'static str) -> Patch {
    Patch { script, from, to, times: 1 }
}

const fn each(times: usize, script: &'static str, from: &'static str, to: &'static str) -> Patch {
    Patch { script, from, to, times }
}

const CRYPTO: &str = "ext:deno_crypto/00_crypto.js";
const WEBIDL: &str = "ext:deno_webidl/00_webidl.js";
const EXCEPTION: &str = "ext:deno_web/01_dom_exception.js";
const EVENT: &str = "ext:deno_web/02_event.js";
const ABORT: &str = "ext:deno_web/03_abort_signal.js";
const URL: &str = "ext:deno_web/00_url.js";
const URLPATTERN: &str = "ext:deno_web/01_urlpattern.js";
const STREAMS: &str = "ext:deno_web/06_streams.js";
const ENCODING: &str = "ext:deno_web/08_text_encoding.js";
const FILE: &str = "ext:deno_web/09_file.js";
const PORT: &str = "ext:deno_web/13_message_port.js";
const PERFORMANCE: &str = "ext:deno_web/15_performance.js";
const COMPRESSION: &str = "ext:deno_web/14_compression.js";

/// All that this file and its parts for streams and transfers have, in the order in which
/// they are made.
pub(crate) fn patches() -> impl Iterator<Item = &'static Patch> {
    PATCHES.iter().chain(streams::PATCHES).chain(transfers::PATCHES)
}

/// In the order in which they are made.
const PATCHES: &[Patch] = &[
    // Where an exception goes that nobody caught.
    once(EVENT, "let globalThis_;", "let globalThis_ = internals.eventHub;"),
    once(EVENT, "core.reportUnhandledException(error);", "internals.reportException(error);"),
    // ----- Elements, past setters that a Worker gives to `Array.prototype`. -----
    once(EVENT, "        arr[i++] = p;", "        ArrayPrototypePush(arr, p);\n        i++;"),
    once(
        WEBIDL,
        "    memberContexts[i] = `'${allMembers[i].key}' of '${name}'`;",
        "    ArrayPrototypePush(memberContexts, `'${allMembers[i].key}' of '${name}'`);",
    ),
    each(
        2,
        PORT,
        "const codes = new Array(length);",
        "const codes = primordials.ObjectSetPrototypeOf(new Array(length), null);",
    ),
    once(
        URLPATTERN,
        "groups[groupList[j]] = match[j + 1] ?? \"\";",
        "putGroup(groups, groupList[j], match[j + 1] ?? \"\");",
    ),
    once(
        URLPATTERN,
        "groups[groupList[j]] = match[j + 1];",
        "putGroup(groups, groupList[j], match[j + 1]);",
    ),
    once(
        URLPATTERN,
        "class URLPattern {\n",
        r#"function putGroup(groups, name, value) {
  primordials.ObjectDefineProperty(groups, name, {
    __proto__: null,
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

class URLPattern {
"#,
    ),
    // ----- Queries of URLs: no call of an op where JavaScript can do it. -----
    once(
        URL,
        "  StringPrototypeCharCodeAt,\n  StringPrototypeSlice,\n",
        "  RegExpPrototypeExec,\n  SafeRegExp,\n  StringPrototypeCharCodeAt,\n  StringPrototypeIndexOf,\n  \
         StringPrototypeSlice,\n  decodeURIComponent,\n  encodeURIComponent,\n",
    ),
    once(
        URL,
        "class URLSearchParams {\n",
        concat!(include_str!("patches/form_urlencoded.js"), "class URLSearchParams {\n"),
    ),
    once(URL, "this[_list] = op_url_parse_search_params(str);", "this[_list] = parseForm(str);"),
    once(URL, "const newParams = op_url_parse_search_params(\n", "const newParams = parseForm(\n"),
    once(
        URL,
        "return op_url_stringify_search_params(this[_list]);",
        "return stringifyForm(this[_list]);",
    ),
    once(
        URL,
        "    // deno-lint-ignore deno-internal/prefer-primordials\n    \
         url[_updateUrlSearch](this.toString());\n",
        "    url[_updateUrlSearch](stringifyForm(this[_list]));\n",
    ),
    // A query of pairs has nothing that a URL would write otherwise. (Where it ends, a
    // path that is opaque loses its spaces.)
    once(
        URL,
        "  [_updateUrlSearch](value) {\n",
        r#"  [_updateUrlSearch](value) {
    const href = this.#serialization;
    if (value !== "" && StringPrototypeCharCodeAt(href, this.#schemeEnd + 1) === 0x2f) {
      const start = this.#queryStart || this.#fragmentStart || href.length;
      const before = StringPrototypeSlice(href, 0, start);
      if (this.#fragmentStart === 0) {
        this.#serialization = `${before}?${value}`;
      } else {
        this.#serialization = `${before}?${value}${StringPrototypeSlice(href, this.#fragmentStart)}`;
        this.#fragmentStart = start + 1 + value.length;
      }
      this.#queryStart = start;
      return;
    }
"#,
    ),
    // Whose clock a file's date is taken from.
    once(FILE, "DatePrototypeGetTime(new Date())", "__bootstrap.internals.now()"),
    // What the classes of Web Crypto have for other scripts gives keys away that
    // are not to be exported: it is put where no Worker finds it.
    once(
        CRYPTO,
        "const { kKeyObject } = internals;\n",
        r#"const { kKeyObject } = internals;
const statics = {
  __proto__: null,
  createCrypto: Crypto.create,
  createSubtle: SubtleCrypto.create,
  exportNodeMaterial: CryptoKey.exportNodeMaterial,
  fromCloneData: CryptoKey.fromCloneData,
  importSync: CryptoKey.importSync,
  registerSymbols: Crypto.registerSymbols,
};
delete Crypto.create;
delete Crypto.registerSymbols;
delete CryptoKey.exportNodeMaterial;
delete CryptoKey.fromCloneData;
delete CryptoKey.importSync;
delete SubtleCrypto.create;
"#,
    ),
    once(
        CRYPTO,
        "  (data) => CryptoKey.fromCloneData(data),\n",
        "  (data) => statics.fromCloneData(data),\n",
    ),
    once(
        CRYPTO,
        "Crypto.registerSymbols(webidl.brand, kKeyObject);",
        "statics.registerSymbols(webidl.brand, kKeyObject);",
    ),
    once(
        CRYPTO,
        "subtleSingleton = SubtleCrypto.create();",
        "subtleSingleton = statics.createSubtle();",
    ),
    once(
        CRYPTO,
        "Crypto.create(getSubtleSingleton())",
        "statics.createCrypto(getSubtleSingleton())",
    ),
    once(
        CRYPTO,
        "return CryptoKey.exportNodeMaterial(cryptoKey);",
        "return statics.exportNodeMaterial(cryptoKey);",
    ),
    once(CRYPTO, "return CryptoKey.importSync(format,", "return statics.importSync(format,"),
    // The clock that stands still, where it does.
    once(
        PERFORMANCE,
        "function now() {\n",
        "function now() {\n  const { performanceNow } = __bootstrap.internals;\n  \
         if (performanceNow !== undefined) return performanceNow();\n",
    ),
    once(
        PERFORMANCE,
        "function setTimeOrigin() {\n",
        "function setTimeOrigin() {\n  const { performanceOrigin } = __bootstrap.internals;\n  \
         if (performanceOrigin !== undefined) {\n    timeOrigin = performanceOrigin;\n    return;\n  }\n",
    ),
    // The stream of a Blob, past methods that a Worker can replace.
    once(
        FILE,
        "            controller.close();\n            controller.byobRequest?.respond(0);\n",
        "            streams().readableByteStreamEnd(controller);\n",
    ),
    once(
        FILE,
        "return controller.enqueue(value);",
        "return streams().readableByteStreamControllerEnqueue(controller, value);",
    ),
    once(FILE, "ArrayBufferPrototypeSlice(element, 0)", "new Uint8Array(element)"),
    // ----- The type of a body, as it is; what a compatibility flag refuses. -----
    once(
        FILE,
        "  markFileBackedBlob,\n};\n",
        "  markFileBackedBlob,\n  setType: (blob, type) => {\n    blob[_type] = type;\n  },\n};\n",
    ),
    once(
        FILE,
        "  const processedParts = [];\n",
        "  const processedParts = [];\n  __bootstrap.internals.checkBlobParts?.(parts);\n",
    ),
    // ----- Older compatibility dates know names alone. -----
    once(
        URL,
        "    if (value === undefined) {\n      for (let i = 0;",
        "    if (value === undefined || __bootstrap.internals.isOff(\"urlsearchparams_delete_has_value_arg\")) \
         {\n      for (let i = 0;",
    ),
    once(
        URL,
        "    if (value !== undefined) {\n      value = webidl.converters.USVString(value, prefix, \"Argument 2\");\n",
        "    if (value !== undefined && !__bootstrap.internals.isOff(\"urlsearchparams_delete_has_value_arg\")) \
         {\n      value = webidl.converters.USVString(value, prefix, \"Argument 2\");\n",
    ),
    once(FILE, "class BlobReference {\n", "class BlobReference {\n  size;\n\n"),
    once(
        FILE,
        "let _readableStream;\n",
        "let _readableStream;\nconst streams = () => core.loadExtScript(\"ext:deno_web/06_streams.js\");\n",
    ),
    once(
        FILE,
        "new ReadableStream({\n      type: \"bytes\",",
        "new ReadableStream({\n      __proto__: null,\n      type: \"bytes\",",
    ),
    // What a callback returned is a promise whatever became of its `then`.
    once(
        WEBIDL,
        "typeof V?.then === \"function\"",
        "V !== undefined && (core.isPromise(V) || typeof V?.then === \"function\")",
    ),
    // The state of a signal, past getters that a Worker can replace.
    once(ABORT, "return {\n  AbortController,", "return {\n  abortReason,\n  AbortController,"),
    once(
        STREAMS,
        "  AbortSignalPrototype,\n  add,",
        "  abortReason,\n  AbortSignalPrototype,\n  add,",
    ),
];

#[cfg(test)]
mod tests {
    #[test]
    fn scripts_take_deno_core_and_built_ins_from_the_platform() {
        for extension in crate::extensions_with_sources() {
            for file in extension.esm_files.iter() {
                if file.specifier.starts_with("ext:selvedge/core") {
                    continue;
                }
                let source = file.load().expect("it is part of the build");
                assert!(!source.as_str().contains("ext:core/mod.js"), "{}", file.specifier);
            }
        }
    }

    #[test]
    fn patches_fit_what_they_change() {
        crate::patch_sources(&mut crate::extensions_with_sources());
    }
}
