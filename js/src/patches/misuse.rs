//! Wrong use: what members are called on and with is told in Cloudflare's words, and
//! thrown where Web IDL has a promise rejected. `tests/surface/misuse.js` compares it.

use super::{
    ABORT, ENCODING, EVENT, EXCEPTION, FILE, PERFORMANCE, PORT, Patch, STREAMS, URL, URLPATTERN,
    WEBIDL, each, once,
};

pub(crate) const MISUSE: &[Patch] = &[
    // (Those of classes become enumerable where they are shown.)
    once(
        WEBIDL,
        "  configureProperties(interface_);\n  configureProperties(interface_.prototype);\n",
        "  configureProperties(interface_.prototype);\n",
    ),
    once(
        EXCEPTION,
        "    const error = ReflectConstruct(Error, [], new.target);\n",
        // (Constructed for `new.target`, it would take the map from what `this` is made of, and
        // give it back each time: 8 us.)
        "    const error = new Error();\n    ObjectSetPrototypeOf(error, \
         primordials.ObjectGetPrototypeOf(this));\n",
    ),
    // ----- What extends a class extends it and not what a Worker sees. -----
    once(ABORT, " extends EventTarget {", " extends core.classOf(EventTarget) {"),
    once(PORT, " extends EventTarget {", " extends core.classOf(EventTarget) {"),
    once(PERFORMANCE, " extends EventTarget {", " extends core.classOf(EventTarget) {"),
    // ----- Streams. -----
    each(
        2,
        STREAMS,
        "    try {\n      webidl.assertBranded(this, ReadableStreamPrototype);\n",
        "    webidl.assertBranded(this, ReadableStreamPrototype);\n    try {\n",
    ),
    each(
        3,
        STREAMS,
        "    try {\n      webidl.assertBranded(this, ReadableStreamDefaultReaderPrototype);\n",
        "    webidl.assertBranded(this, ReadableStreamDefaultReaderPrototype);\n    try {\n",
    ),
    each(
        3,
        STREAMS,
        "    try {\n      webidl.assertBranded(this, ReadableStreamBYOBReaderPrototype);\n",
        "    webidl.assertBranded(this, ReadableStreamBYOBReaderPrototype);\n    try {\n",
    ),
    each(
        2,
        STREAMS,
        "    try {\n      webidl.assertBranded(this, WritableStreamPrototype);\n",
        "    webidl.assertBranded(this, WritableStreamPrototype);\n    try {\n",
    ),
    each(
        5,
        STREAMS,
        "    try {\n      webidl.assertBranded(this, WritableStreamDefaultWriterPrototype);\n",
        "    webidl.assertBranded(this, WritableStreamDefaultWriterPrototype);\n    try {\n",
    ),
    once(
        STREAMS,
        "  readAtLeast(min, view) {\n",
        "  readAtLeast(min, view) {\n    webidl.assertBranded(this, ReadableStreamBYOBReaderPrototype);\n",
    ),
    once(
        URL,
        "  get searchParams() {\n",
        "  get searchParams() {\n    webidl.assertBranded(this, URLPrototype);\n",
    ),
    // ----- Events. -----
    once(
        EVENT,
        "\n  // TODO(lucacasonato): remove when this interface is spec aligned\n  [SymbolToStringTag] = \"ErrorEvent\";\n",
        "",
    ),
    once(
        EVENT,
        "\n  // TODO(lucacasonato): remove when this interface is spec aligned\n  [SymbolToStringTag] = \"CustomEvent\";\n",
        "",
    ),
    once(
        EVENT,
        "\n  // TODO(lucacasonato): remove when this interface is spec aligned\n  [SymbolToStringTag] = \"MessageEvent\";\n",
        "",
    ),
    once(
        EVENT,
        "\nclass Event {\n",
        "\nfunction attributesOf(event) {\n  const attributes = event?.[_attributes];\n  if (attributes === undefined) \
         throw core.illegalInvocation();\n  return attributes;\n}\n\nclass Event {\n",
    ),
    each(8, EVENT, "    return this[_attributes].", "    return attributesOf(this)."),
    each(2, EVENT, "if (this[_attributes].cancelable", "if (attributesOf(this).cancelable"),
    // The listeners of the global object are those of another, which no Worker sees.
    once(
        EVENT,
        "\nfunction attributesOf(event) {\n",
        "\nfunction shownTarget(target) {\n  return target !== null && target === internals.globalTarget ? \
         globalThis : target;\n}\n\nfunction attributesOf(event) {\n",
    ),
    once(
        EVENT,
        "    return attributesOf(this).target;\n",
        "    return shownTarget(attributesOf(this).target);\n",
    ),
    once(
        EVENT,
        "    const path = this[_path];\n    if (path.length",
        "    attributesOf(this);\n    const path = this[_path];\n    if (path.length",
    ),
    once(
        EVENT,
        "  get srcElement() {\n    return null;\n  }\n\n  set srcElement(_) {\n    // this member is deprecated\n  }\n",
        "  get srcElement() {\n    return shownTarget(attributesOf(this).target);\n  }\n",
    ),
    once(
        EVENT,
        "  get NONE() {\n    return Event.NONE;\n  }\n\n  get CAPTURING_PHASE() {\n    return Event.CAPTURING_PHASE;\n  }\n\n  get AT_TARGET() {\n    return Event.AT_TARGET;\n  }\n\n  get BUBBLING_PHASE() {\n    return Event.BUBBLING_PHASE;\n  }\n\n",
        "",
    ),
    once(
        EVENT,
        "ObjectDefineProperty(Event, \"NONE\", {\n",
        "const PHASES = [\"NONE\", \"CAPTURING_PHASE\", \"AT_TARGET\", \"BUBBLING_PHASE\"];\nfor (let i = 0; i < \
         PHASES.length; i++) {\n  ObjectDefineProperty(Event.prototype, PHASES[i], { __proto__: null, value: i, \
         enumerable: true });\n}\n\nObjectDefineProperty(Event, \"NONE\", {\n",
    ),
    once(EVENT, "  stopPropagation() {\n", "  stopPropagation() {\n    attributesOf(this);\n"),
    once(
        EVENT,
        "  stopImmediatePropagation() {\n",
        "  stopImmediatePropagation() {\n    attributesOf(this);\n",
    ),
    once(EVENT, "  get cancelBubble() {\n", "  get cancelBubble() {\n    attributesOf(this);\n"),
    once(
        EVENT,
        "  set cancelBubble(value) {\n",
        "  set cancelBubble(value) {\n    attributesOf(this);\n",
    ),
    once(EVENT, "  get returnValue() {\n", "  get returnValue() {\n    attributesOf(this);\n"),
    once(
        EVENT,
        "  get defaultPrevented() {\n",
        "  get defaultPrevented() {\n    attributesOf(this);\n",
    ),
    once(
        EVENT,
        "  get isTrusted() {\n    return this[_isTrusted];\n",
        "  get isTrusted() {\n    attributesOf(this);\n    return this[_isTrusted];\n",
    ),
    once(
        EVENT,
        "  enumerable: true,\n  get: isTrusted,\n",
        "  enumerable: true,\n  configurable: true,\n  get: isTrusted,\n",
    ),
    once(EVENT, "  get initialized() {\n    return true;\n  }\n\n", ""),
    once(EVENT, "  getParent(_event) {\n    return null;\n  }\n\n", ""),
    once(
        EVENT,
        "    get() {\n      if (!this[_eventHandlers]) {\n",
        "    get() {\n      if (!ObjectPrototypeIsPrototypeOf(emitter, this)) throw core.illegalInvocation();\n      \
         if (!this[_eventHandlers]) {\n",
    ),
    once(
        EVENT,
        "    set(value) {\n      // All three Web IDL",
        "    set(value) {\n      if (!ObjectPrototypeIsPrototypeOf(emitter, this)) throw core.illegalInvocation();\n      \
         // All three Web IDL",
    ),
    // ----- Arguments: what is there is converted before one that is missing is told. -----
    once(
        URL,
        "    const prefix = \"Failed to execute 'append' on 'URLSearchParams'\";\n    webidl.requiredArguments(",
        "    const prefix = \"Failed to execute 'append' on 'URLSearchParams'\";\n    if (arguments.length === 1) \
         webidl.converters.USVString(name);\n    webidl.requiredArguments(",
    ),
    once(
        URL,
        "    const prefix = \"Failed to execute 'set' on 'URLSearchParams'\";\n    webidl.requiredArguments(",
        "    const prefix = \"Failed to execute 'set' on 'URLSearchParams'\";\n    if (arguments.length === 1) \
         webidl.converters.USVString(name);\n    webidl.requiredArguments(",
    ),
    once(
        EVENT,
        "    webidl.requiredArguments(arguments.length, 2, prefix);\n",
        "    if (arguments.length === 1) webidl.converters.DOMString(type);\n    \
         webidl.requiredArguments(arguments.length, 2, prefix);\n",
    ),
    once(
        EVENT,
        "    webidl.requiredArguments(\n      arguments.length,\n      2,\n      \"Failed to execute 'removeEventListener' on",
        "    if (arguments.length === 1) webidl.converters.DOMString(type);\n    \
         webidl.requiredArguments(\n      arguments.length,\n      2,\n      \"Failed to execute \
         'removeEventListener' on",
    ),
    once(
        ENCODING,
        "      const prefix = \"Failed to execute 'encodeInto' on 'TextEncoder'\";\n",
        "      const prefix = \"Failed to execute 'encodeInto' on 'TextEncoder'\";\n      if (arguments.length === 1) \
         webidl.converters.DOMString(source);\n      webidl.requiredArguments(arguments.length, 2, prefix);\n",
    ),
    once(
        URLPATTERN,
        "    if (webidl.type(baseURLOrOptions) === \"String\") {\n",
        "    const kind = typeof baseURLOrOptions;\n    if (kind !== \"object\" && kind !== \"function\" && kind !== \
         \"undefined\") {\n      baseURLOrOptions = `${baseURLOrOptions}`;\n    }\n    if \
         (webidl.type(baseURLOrOptions) === \"String\") {\n",
    ),
    // ----- Arguments that may be missing, or null. -----
    once(
        URLPATTERN,
        "    const prefix = \"Failed to execute 'test' on 'URLPattern'\";\n    webidl.requiredArguments(arguments.length, 1, prefix);\n",
        "    const prefix = \"Failed to execute 'test' on 'URLPattern'\";\n    input ??= { __proto__: null };\n",
    ),
    once(
        URLPATTERN,
        "    const prefix = \"Failed to execute 'exec' on 'URLPattern'\";\n    webidl.requiredArguments(arguments.length, 1, prefix);\n",
        "    const prefix = \"Failed to execute 'exec' on 'URLPattern'\";\n    input ??= { __proto__: null };\n",
    ),
    once(
        PORT,
        "    const prefix = \"Failed to execute 'postMessage' on 'MessagePort'\";\n    webidl.requiredArguments(arguments.length, 1, prefix);\n",
        "    const prefix = \"Failed to execute 'postMessage' on 'MessagePort'\";\n",
    ),
    once(
        STREAMS,
        "    const prefix = \"Failed to construct 'ReadableStream'\";\n",
        "    const prefix = \"Failed to construct 'ReadableStream'\";\n    underlyingSource ??= undefined;\n",
    ),
    once(
        STREAMS,
        "    const prefix = \"Failed to construct 'TransformStream'\";\n",
        "    const prefix = \"Failed to construct 'TransformStream'\";\n    transformer ??= undefined;\n",
    ),
    once(
        STREAMS,
        "    const prefix = \"Failed to construct 'WritableStream'\";\n",
        "    const prefix = \"Failed to construct 'WritableStream'\";\n    underlyingSink ??= undefined;\n",
    ),
    // ----- Texts. -----
    once(
        PERFORMANCE,
        "  getEntriesByType(type) {\n    webidl.assertBranded(this, PerformancePrototype);\n    const prefix = \"Failed to execute 'getEntriesByName' on",
        "  getEntriesByType(type) {\n    webidl.assertBranded(this, PerformancePrototype);\n    const prefix = \"Failed \
         to execute 'getEntriesByType' on",
    ),
    once(
        PERFORMANCE,
        "    // This is a noop in Deno as we don't have resource timing entries\n",
        "    webidl.converters[\"unsigned long\"](_maxSize);\n",
    ),
    // (They would be kept until the isolate ends.)
    once(
        FILE,
        "URL.createObjectURL = createObjectURL;\nURL.revokeObjectURL = revokeObjectURL;\n",
        "URL.createObjectURL = { createObjectURL(object) {\n  if (!isBlob(object)) {\n    throw new TypeError(\n      \
         \"Failed to execute 'createObjectURL' on 'URL': parameter 1 is not of type 'File or Blob'.\",\n    );\n  \
         }\n  throw new primordials.Error(\"URL.createObjectURL() is not implemented\");\n} }.createObjectURL;\n\
         URL.revokeObjectURL = { revokeObjectURL(url) {\n  if (arguments.length === 0) {\n    throw new TypeError(\n      \
         \"Failed to execute 'revokeObjectURL' on 'URL': parameter 1 is not of type 'USVString'.\",\n    );\n  }\n  \
         void `${url}`;\n  throw new primordials.Error(\"URL.revokeObjectURL() is not implemented\");\n} \
         }.revokeObjectURL;\n",
    ),
];
