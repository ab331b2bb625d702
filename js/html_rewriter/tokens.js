// What handlers of an HTMLRewriter get. A token is whatever its parser stopped
// at; it is over when the handler is.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_rewriter_attributes,
  op_rewriter_get_attribute,
  op_rewriter_get_flag,
  op_rewriter_get_text,
  op_rewriter_has_attribute,
  op_rewriter_insert,
  op_rewriter_insert_stream,
  op_rewriter_remove,
  op_rewriter_remove_attribute,
  op_rewriter_set_attribute,
  op_rewriter_set_text,
} = core.ops;
const {
  ArrayPrototypeSymbolIterator,
  Error,
  ObjectDefineProperty,
  ObjectGetPrototypeOf,
  ObjectPrototypeIsPrototypeOf,
  ObjectSetPrototypeOf,
  String,
  SymbolIterator,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { bodies, response: responses } = internals.selvedge;
const { isReadableStreamLocked, ReadableStreamPrototype } = core.loadExtScript("ext:deno_web/06_streams.js");

// Properties of tokens, and places (`Field` and `Place` in html_rewriter/token.rs).
const NAME = 0;
const NAMESPACE_URI = 1;
const CONTENT_TEXT = 2;
const PUBLIC_ID = 3;
const SYSTEM_ID = 4;
const REMOVED = 5;
const LAST_IN_TEXT_NODE = 6;
const BEFORE = 0;
const AFTER = 1;
const PREPEND = 2;
const APPEND = 3;
const INNER = 4;
const REPLACE = 5;

const OVER = "This content token is no longer valid. Content tokens are only valid during the " +
  "execution of the relevant content handler.";
const LOCKED = "The ReadableStream has been locked to a reader.";
const STRING_ONLY = "Replacing content in HTML comments using a ReadableStream or Response object is not " +
  "implemented. You must provide a string.";

function wrongType(method, type, index, expected) {
  return new TypeError(`Failed to execute '${method}' on '${type}': parameter ${index} is not of type '${expected}'.`);
}

/** Nobody else can make a token. */
const internal = { __proto__: null };

function checkMaker(key) {
  if (key !== internal) throw new TypeError("Illegal constructor");
}

/** The parser that waits for the token's handler. */
function parserOf(token) {
  if (token.run === null) throw new TypeError(OVER);
  return token.run.rid;
}

function getText(token, field) {
  return op_rewriter_get_text(parserOf(token), field);
}

function getFlag(token, field) {
  return op_rewriter_get_flag(parserOf(token), field);
}

function setText(token, field, text) {
  op_rewriter_set_text(parserOf(token), field, String(text));
}

/** What `before()` and its like do. */
function insert(token, type, method, place, args) {
  const rid = parserOf(token);
  if (args.length === 0) throw wrongType(method, type, 1, "string or JsReadableStream or Response");
  const content = args[0];
  const options = args[1];
  if (options !== undefined && options !== null && typeof options !== "object" && typeof options !== "function") {
    throw wrongType(method, type, 2, "ContentOptions");
  }
  const html = !!options?.html;
  const stream = streamIn(content);
  if (stream === undefined) op_rewriter_insert(rid, place, String(content), html);
  else if (type === "Comment" || type === "DocumentEnd") throw new TypeError(STRING_ONLY);
  else if (stream === null) op_rewriter_insert(rid, place, "", html);
  else op_rewriter_insert_stream(rid, place, token.run.promise(stream), html);
}

/** The stream that some content is: null for an empty one, undefined for none. */
function streamIn(content) {
  let stream;
  if (responses.isResponse(content)) {
    const { body } = responses.innerOf(content);
    if (bodies.isUsed(body)) throw new TypeError(LOCKED);
    stream = bodies.streamOf(body);
    if (stream === null) return null;
  } else if (typeof content === "object" && ObjectPrototypeIsPrototypeOf(ReadableStreamPrototype, content)) {
    stream = content;
  } else {
    return undefined;
  }
  if (isReadableStreamLocked(stream)) throw new TypeError(LOCKED);
  return stream;
}

class Element {
  #token;

  constructor(key, token) {
    checkMaker(key);
    this.#token = token;
  }

  get tagName() {
    return getText(this.#token, NAME);
  }

  set tagName(name) {
    setText(this.#token, NAME, name);
  }

  get namespaceURI() {
    return getText(this.#token, NAMESPACE_URI);
  }

  get removed() {
    return getFlag(this.#token, REMOVED);
  }

  get attributes() {
    const token = this.#token;
    return new AttributesIterator(internal, token, op_rewriter_attributes(parserOf(token)));
  }

  getAttribute(name) {
    const rid = parserOf(this.#token);
    if (arguments.length < 1) throw wrongType("getAttribute", "Element", 1, "string");
    return op_rewriter_get_attribute(rid, String(name)) ?? null;
  }

  hasAttribute(name) {
    const rid = parserOf(this.#token);
    if (arguments.length < 1) throw wrongType("hasAttribute", "Element", 1, "string");
    return op_rewriter_has_attribute(rid, String(name));
  }

  setAttribute(name, value) {
    const rid = parserOf(this.#token);
    if (arguments.length < 2) throw wrongType("setAttribute", "Element", arguments.length + 1, "string");
    op_rewriter_set_attribute(rid, String(name), String(value));
    this.#token.version++;
    return this;
  }

  removeAttribute(name) {
    const rid = parserOf(this.#token);
    if (arguments.length < 1) throw wrongType("removeAttribute", "Element", 1, "string");
    op_rewriter_remove_attribute(rid, String(name));
    this.#token.version++;
    return this;
  }

  before(_content, _options = undefined) {
    insert(this.#token, "Element", "before", BEFORE, arguments);
    return this;
  }

  after(_content, _options = undefined) {
    insert(this.#token, "Element", "after", AFTER, arguments);
    return this;
  }

  prepend(_content, _options = undefined) {
    insert(this.#token, "Element", "prepend", PREPEND, arguments);
    return this;
  }

  append(_content, _options = undefined) {
    insert(this.#token, "Element", "append", APPEND, arguments);
    return this;
  }

  replace(_content, _options = undefined) {
    insert(this.#token, "Element", "replace", REPLACE, arguments);
    return this;
  }

  setInnerContent(_content, _options = undefined) {
    insert(this.#token, "Element", "setInnerContent", INNER, arguments);
    return this;
  }

  remove() {
    op_rewriter_remove(parserOf(this.#token), false);
    return this;
  }

  removeAndKeepContent() {
    op_rewriter_remove(parserOf(this.#token), true);
    return this;
  }

  onEndTag(handler) {
    const rid = parserOf(this.#token);
    if (typeof handler !== "function") throw wrongType("onEndTag", "Element", 1, "function");
    this.#token.run.expectEndTag(rid, handler);
  }
}

class AttributesIterator {
  #token;
  #version;
  #pairs;
  #at = 0;

  constructor(key, token, pairs) {
    checkMaker(key);
    this.#token = token;
    this.#version = token.version;
    this.#pairs = pairs;
  }

  next() {
    const token = this.#token;
    parserOf(token);
    if (token.version !== this.#version) {
      throw new Error(
        "The attributes of this element have been modified during iteration. You must create a new iterator " +
          "after modifying attributes.",
      );
    }
    const at = this.#at;
    if (at >= this.#pairs.length) return { done: true, value: undefined };
    this.#at = at + 2;
    return { done: false, value: [this.#pairs[at], this.#pairs[at + 1]] };
  }

  [SymbolIterator]() {
    return this;
  }
}
ObjectSetPrototypeOf(
  AttributesIterator.prototype,
  ObjectGetPrototypeOf(ObjectGetPrototypeOf(ArrayPrototypeSymbolIterator([]))),
);

class EndTag {
  #token;

  constructor(key, token) {
    checkMaker(key);
    this.#token = token;
  }

  get name() {
    return getText(this.#token, NAME);
  }

  set name(name) {
    setText(this.#token, NAME, name);
  }

  before(_content, _options = undefined) {
    insert(this.#token, "EndTag", "before", BEFORE, arguments);
    return this;
  }

  after(_content, _options = undefined) {
    insert(this.#token, "EndTag", "after", AFTER, arguments);
    return this;
  }

  remove() {
    op_rewriter_remove(parserOf(this.#token), false);
    return this;
  }
}

class Comment {
  #token;

  constructor(key, token) {
    checkMaker(key);
    this.#token = token;
  }

  get text() {
    return getText(this.#token, CONTENT_TEXT);
  }

  set text(text) {
    setText(this.#token, CONTENT_TEXT, text);
  }

  get removed() {
    return getFlag(this.#token, REMOVED);
  }

  before(_content, _options = undefined) {
    insert(this.#token, "Comment", "before", BEFORE, arguments);
    return this;
  }

  after(_content, _options = undefined) {
    insert(this.#token, "Comment", "after", AFTER, arguments);
    return this;
  }

  replace(_content, _options = undefined) {
    insert(this.#token, "Comment", "replace", REPLACE, arguments);
    return this;
  }

  remove() {
    op_rewriter_remove(parserOf(this.#token), false);
    return this;
  }
}

class Text {
  #token;

  constructor(key, token) {
    checkMaker(key);
    this.#token = token;
  }

  get text() {
    return getText(this.#token, CONTENT_TEXT);
  }

  get lastInTextNode() {
    return getFlag(this.#token, LAST_IN_TEXT_NODE);
  }

  get removed() {
    return getFlag(this.#token, REMOVED);
  }

  before(_content, _options = undefined) {
    insert(this.#token, "Text", "before", BEFORE, arguments);
    return this;
  }

  after(_content, _options = undefined) {
    insert(this.#token, "Text", "after", AFTER, arguments);
    return this;
  }

  replace(_content, _options = undefined) {
    insert(this.#token, "Text", "replace", REPLACE, arguments);
    return this;
  }

  remove() {
    op_rewriter_remove(parserOf(this.#token), false);
    return this;
  }
}

class Doctype {
  #token;

  constructor(key, token) {
    checkMaker(key);
    this.#token = token;
  }

  get name() {
    return getText(this.#token, NAME) ?? null;
  }

  get publicId() {
    return getText(this.#token, PUBLIC_ID) ?? null;
  }

  get systemId() {
    return getText(this.#token, SYSTEM_ID) ?? null;
  }
}

class DocumentEnd {
  #token;

  constructor(key, token) {
    checkMaker(key);
    this.#token = token;
  }

  append(_content, _options = undefined) {
    insert(this.#token, "DocumentEnd", "append", APPEND, arguments);
    return this;
  }
}

const classes = { __proto__: null, AttributesIterator, Comment, Doctype, DocumentEnd, Element, EndTag, Text };
for (const name in classes) {
  ObjectDefineProperty(classes[name].prototype, SymbolToStringTag, {
    __proto__: null,
    value: name,
    configurable: true,
  });
}

return { AttributesIterator, Comment, Doctype, DocumentEnd, Element, EndTag, internal, LOCKED, Text, wrongType };
})();
