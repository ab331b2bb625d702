// Bodies and headers as Workers of older compatibility dates know them.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ArrayBufferIsView,
  ArrayBufferPrototypeGetResizable,
  ObjectDefineProperty,
  PromisePrototypeThen,
  ReflectApply,
  ReflectDeleteProperty,
  TypeError,
  Uint8Array,
} = primordials;

const FILE = "ext:deno_web/09_file.js";

const changes = {
  __proto__: null,
  /** Requests say nothing of the cache. */
  cache_option_enabled() {
    ReflectDeleteProperty(internals.selvedge.request.Request.prototype, "cache");
  },
  http_headers_getsetcookie() {
    ReflectDeleteProperty(internals.selvedge.headers.Headers.prototype, "getSetCookie");
  },
  /** Text begins with U+FEFF where its bytes begin with a byte order mark. */
  strip_bom_in_read_all_text() {
    const { decodeText, keepBom } = internals.selvedge.bodies;
    keepBom();
    core.whenLoaded(FILE, ({ BlobPrototype }) => {
      const { arrayBuffer } = BlobPrototype;
      const { text } = {
        text() {
          return PromisePrototypeThen(ReflectApply(arrayBuffer, this, []), (buffer) => decodeText(new Uint8Array(buffer)));
        },
      };
      ObjectDefineProperty(BlobPrototype, "text", { __proto__: null, value: text });
    });
  },
  url_standard() {
    const urls = () => {
      const exports = internals.load("ext:selvedge/legacy/url.js");
      internals.selvedge.bodies.knowOldQueries(exports.isQuery);
      return exports;
    };
    internals.defineLazyGlobal("URL", () => urls().URL);
    internals.defineLazyGlobal("URLSearchParams", () => urls().URLSearchParams);
  },
  urlpattern_standard() {
    internals.defineLazyGlobal("URLPattern", () => internals.load("ext:selvedge/legacy/url_pattern.js").URLPattern);
  },
  no_resizable_array_buffer_in_blob() {
    internals.checkBlobParts = (parts) => {
      for (let i = 0; i < parts.length; i++) {
        const part = parts[i];
        const buffer = ArrayBufferIsView(part) ? internals.viewOf(part).buffer : part;
        if (core.isArrayBuffer(buffer) && ArrayBufferPrototypeGetResizable(buffer)) {
          throw new TypeError("Cannot create a Blob with a resizable ArrayBuffer");
        }
      }
    };
  },
};

return { apply: (flag) => changes[flag]() };
})();
