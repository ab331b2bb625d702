// HTMLRewriter (https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/).
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_rewriter_check_encoding, op_rewriter_check_selector } = core.ops;
const {
  ArrayPrototypePush,
  ArrayPrototypeSlice,
  ObjectDefineProperty,
  RegExpPrototypeExec,
  SafeRegExp,
  String,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { bodies, headers: headerLists, io: contexts, response: responses } = internals.selvedge;
const { LOCKED, wrongType } = core.loadExtScript("ext:selvedge/html_rewriter/tokens.js");
const { Transformation } = core.loadExtScript("ext:selvedge/html_rewriter/transformation.js");

// Which handlers there are (`flags` in ops/html_rewriter.rs).
const FLAGS = { __proto__: null, element: 1, comments: 2, text: 4, doctype: 8, end: 16 };

const CHARSET = new SafeRegExp("(?:^|;)\\s*charset\\s*=\\s*(?:\"([^\"]*)\"|([^\\s;]*))", "i");

/** Takes the handlers that an object has under these names. */
function takeHandlers(names, type, selector, object) {
  const set = { __proto__: null, selector, flags: 0, receiver: object };
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    const handler = object?.[name];
    if (handler === undefined) continue;
    if (typeof handler !== "function") {
      throw new TypeError(
        `Incorrect type for the '${name}' field on '${type}': the provided value is not of type 'function'.`,
      );
    }
    set[name] = handler;
    set.flags |= FLAGS[name];
  }
  return set;
}

function isHandlers(value) {
  return typeof value === "object" || typeof value === "function";
}

const OF_ELEMENTS = ["element", "comments", "text"];
const OF_DOCUMENTS = ["doctype", "comments", "text", "end"];

class HTMLRewriter extends core.Given {
  #sets = [];

  on(selector, handlers) {
    if (arguments.length < 1) throw wrongType("on", "HTMLRewriter", 1, "string");
    selector = `${selector}`;
    if (!isHandlers(handlers)) throw wrongType("on", "HTMLRewriter", 2, "ElementContentHandlers");
    const set = takeHandlers(OF_ELEMENTS, "ElementContentHandlers", selector, handlers);
    op_rewriter_check_selector(selector);
    ArrayPrototypePush(this.#sets, set);
    return this;
  }

  onDocument(handlers) {
    if (!isHandlers(handlers)) throw wrongType("onDocument", "HTMLRewriter", 1, "DocumentContentHandlers");
    ArrayPrototypePush(this.#sets, takeHandlers(OF_DOCUMENTS, "DocumentContentHandlers", null, handlers));
    return this;
  }

  transform(response) {
    if (!responses.isResponse(response)) throw wrongType("transform", "HTMLRewriter", 1, "Response");
    const inner = responses.innerOf(response);
    if (inner.responseType === "error") throw new TypeError("HTMLRewriter cannot transform an error response");
    const { body } = inner;
    if (body === null) return response;
    const io = contexts.requiredOpen();
    if (bodies.isUsed(body) || bodies.isLocked(body)) throw new TypeError(LOCKED);
    const encoding = encodingOf(headerLists.getRaw(response.headers, "content-type"));
    op_rewriter_check_encoding(encoding);
    const source = bodies.streamOf(body);
    body.used = true;
    const run = new Transformation(io, ArrayPrototypeSlice(this.#sets), encoding, source);
    const stream = run.stream();
    const rewritten = new bodies.Body(bodies.STREAM, stream);
    rewritten.stream = stream;
    return responses.adopt(inner, rewritten, "", false);
  }
}

/** The encoding that a Content-Type names. */
function encodingOf(type) {
  const found = type === null ? null : RegExpPrototypeExec(CHARSET, type);
  return found === null ? "utf-8" : found[1] ?? found[2];
}

ObjectDefineProperty(HTMLRewriter.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "HTMLRewriter",
  configurable: true,
});

const { checkReceivers } = core.loadExtScript("ext:selvedge/receivers.js");
checkReceivers(HTMLRewriter);

return { HTMLRewriter: core.expose(HTMLRewriter) };
})();
