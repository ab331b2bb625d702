// Before 2022-11-30 a Worker made no streams of its own: ReadableStream and
// WritableStream could not be constructed, and a TransformStream passed bytes
// through, whatever transformer it got.
(function () {
const { core, internals, primordials } = __bootstrap;
const { Error, ObjectDefineProperty, ObjectSetPrototypeOf, ReflectConstruct, TypeError } = primordials;
const { isOff } = internals;

const STREAMS = "ext:deno_web/06_streams.js";
const ENCODING = "ext:deno_web/08_text_encoding.js";
const DOCS = "Refer to the docs for more information: " +
  "https://developers.cloudflare.com/workers/platform/compatibility-dates/#compatibility-flags";

const CONTROLLERS = [
  "ReadableByteStreamController",
  "ReadableStreamBYOBRequest",
  "ReadableStreamDefaultController",
  "TransformStreamDefaultController",
  "WritableStreamDefaultController",
];

/** Another value for a global, made when it is first asked for. */
function replaceGlobal(name, make) {
  const define = (value) =>
    ObjectDefineProperty(globalThis, name, {
      __proto__: null,
      value,
      writable: true,
      enumerable: false,
      configurable: true,
    });
  ObjectDefineProperty(globalThis, name, {
    __proto__: null,
    get() {
      const value = make();
      define(value);
      return value;
    },
    set: define,
    enumerable: false,
    configurable: true,
  });
}

/** A class that has objects, but makes none. */
function refusing(original, name, wanted) {
  const refuse = () => {
    throw new Error(
      `To use the new ${wanted}() constructor, enable the streams_enable_constructors compatibility flag. ${DOCS}`,
    );
  };
  const { [name]: shown } = { [name]: function () { refuse(); } };
  ObjectDefineProperty(shown, "prototype", { __proto__: null, value: original.prototype });
  ObjectDefineProperty(original.prototype, "constructor", { __proto__: null, value: shown });
  if (original.from !== undefined) {
    ObjectDefineProperty(shown, "from", {
      __proto__: null,
      value: { from: refuse }.from,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return shown;
}

/** The bytes of a chunk, which another may not change. */
function bytesOf(chunk) {
  if (typeof chunk === "string") return core.encode(chunk);
  const view = internals.viewOf(chunk);
  if (view === null) {
    throw new TypeError(
      "This TransformStream is being used as a byte stream, but received an object of non-ArrayBuffer/ArrayBufferView " +
        "type on its writable side. If you wish to write it, convert it to bytes first.",
    );
  }
  return new primordials.Uint8Array(view);
}

/** Constructs a TransformStream that passes bytes through, for a class that a Worker sees. */
function passing(target) {
  const { TransformStream, transformStreamDefaultControllerEnqueue } = core.loadExtScript(STREAMS);
  return ReflectConstruct(TransformStream, [{
    __proto__: null,
    transform(chunk, controller) {
      transformStreamDefaultControllerEnqueue(controller, bytesOf(chunk));
    },
  }], target);
}

function passingTransformStream() {
  const { TransformStream: original } = core.loadExtScript(STREAMS);
  const shown = {
    TransformStream: function (transformer) {
      if (new.target === undefined) return original();
      if (transformer !== undefined && transformer !== null) {
        core.loadExtScript("ext:selvedge/console.js").console.warn(
          "To use the new TransformStream() constructor with a custom transformer, enable the " +
            `transformstream_enable_standard_constructor compatibility flag. ${DOCS}`,
        );
      }
      return passing(new.target);
    },
  }.TransformStream;
  ObjectDefineProperty(shown, "prototype", { __proto__: null, value: original.prototype });
  ObjectDefineProperty(original.prototype, "constructor", { __proto__: null, value: shown });
  return shown;
}

/** The streams of encodings were transforms of their own: they pass bytes, too. */
function passingEncodingStream(name, describe) {
  const { TransformStream } = core.loadExtScript(STREAMS);
  const { [name]: shown } = {
    [name]: function (label = "utf-8", options = undefined) {
      if (new.target === undefined) return core.loadExtScript(ENCODING)[name]();
      return describe(passing(new.target), label, options);
    },
  };
  const prototype = { __proto__: TransformStream.prototype };
  ObjectDefineProperty(prototype, "constructor", { __proto__: null, value: shown, writable: true, configurable: true });
  ObjectDefineProperty(shown, "prototype", { __proto__: null, value: prototype });
  ObjectSetPrototypeOf(shown, TransformStream);
  return shown;
}

function define(object, name, value) {
  ObjectDefineProperty(object, name, { __proto__: null, value, enumerable: true, configurable: true });
}

function textEncoderStream(stream) {
  define(stream, "encoding", "utf-8");
  return stream;
}

function textDecoderStream(stream, label, options) {
  const { TextDecoder } = core.loadExtScript(ENCODING);
  const decoder = new TextDecoder(label, options);
  define(stream, "encoding", decoder.encoding);
  define(stream, "fatal", decoder.fatal);
  define(stream, "ignoreBOM", decoder.ignoreBOM);
  return stream;
}

function apply() {
  if (isOff("streams_enable_constructors")) {
    for (let i = 0; i < CONTROLLERS.length; i++) delete globalThis[CONTROLLERS[i]];
    for (const name of ["ReadableStream", "WritableStream"]) {
      replaceGlobal(name, () => refusing(core.loadExtScript(STREAMS)[name], name, name));
    }
  }
  if (isOff("transformstream_enable_standard_constructor")) {
    replaceGlobal("TransformStream", passingTransformStream);
    replaceGlobal("TextEncoderStream", () => passingEncodingStream("TextEncoderStream", textEncoderStream));
    replaceGlobal("TextDecoderStream", () => passingEncodingStream("TextDecoderStream", textDecoderStream));
  } else if (isOff("streams_enable_constructors")) {
    replaceGlobal("TransformStream", () => {
      return refusing(core.loadExtScript(STREAMS).TransformStream, "TransformStream", "ReadableStream");
    });
    for (const name of ["TextEncoderStream", "TextDecoderStream"]) {
      replaceGlobal(name, () => refusing(core.loadExtScript(ENCODING)[name], name, "ReadableStream"));
    }
  }
}

return { apply };
})();
