// Values in storage and in attachments of sockets.
(function () {
const { core, internals } = __bootstrap;
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const errors = core.loadExtScript("ext:selvedge/cloned_errors.js");

const FOR_STORAGE = { __proto__: null, forStorage: true };
/** DOMExceptions, errors and their like come back as what they were. */
const FROM_STORAGE = { __proto__: null, forStorage: true, deserializers: core.getCloneableDeserializers() };

function refused(message) {
  const text = message === "Unsupported object type"
    ? "Could not serialize this object. Its type does not support serialization."
    : message;
  throw new DOMException(text, "DataCloneError");
}

/** The bytes of a value. */
function serialize(value) {
  return errors.serialize(value, FOR_STORAGE, refused);
}

function deserialize(bytes) {
  return core.deserialize(bytes, FROM_STORAGE);
}

internals.storedErrors = { __proto__: null, deserialize, serialize };

return { deserialize, refused, serialize };
})();
