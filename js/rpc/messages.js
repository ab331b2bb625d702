// What crosses between two contexts, on its way: `decode` makes values of it in
// the context that receives, `toBytes` bytes where that is in another isolate.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  MapPrototypeSet,
  ObjectDefineProperty,
  ObjectHasOwn,
  ObjectKeys,
  SetPrototypeAdd,
} = primordials;
const { headers: headerLists } = internals.selvedge;
const { rpc } = internals;
const { DOMException, makeError } = core.loadExtScript("ext:selvedge/rpc/errors.js");

class Message {
  /** The copy. */
  root;
  /** Instead of it: V8's serialization. */
  bytes = null;
  externals = null;
  /** Maps and sets that are filled when the open places are. */
  late = null;
  /** Of an exception: whether the callee threw it. */
  isRemote = true;

  constructor(root) {
    this.root = root;
  }
}

/** Something in a message that is made anew by its receiver. */
class External {
  kind;
  /** Of a kind that leads back to the sender: the way there. */
  cap;
  data;
  /** The places where it belongs: objects and keys in turn. */
  slots = [];

  constructor(kind, cap, data) {
    this.kind = kind;
    this.cap = cap;
    this.data = data;
  }
}

/** Fills the maps and sets of a message whose open places are filled. */
function finishMaps(message) {
  const { late } = message;
  if (late === null) return;
  for (let i = 0; i < late.length; i++) {
    const { out, isMap, entries } = late[i];
    if (isMap) {
      for (let k = 0; k < entries.length; k += 2) MapPrototypeSet(out, entries[k], entries[k + 1]);
    } else {
      for (let k = 0; k < entries.length; k++) SetPrototypeAdd(out, entries[k]);
    }
  }
}

/** Makes a value of a message in the context `io`; what stubs it holds join `group`. */
function decode(message, io, group) {
  const { externals } = message;
  if (message.bytes !== null) return fromBytes(message, io, group);
  if (externals !== null) {
    const made = [];
    for (let i = 0; i < externals.length; i++) ArrayPrototypePush(made, materialize(externals[i], io, group));
    for (let i = 0; i < externals.length; i++) {
      const { slots } = externals[i];
      for (let k = 0; k < slots.length; k += 2) slots[k][slots[k + 1]] = made[i];
    }
    for (let i = 0; i < externals.length; i++) {
      if (externals[i].kind === "error") setProps(made[i], externals[i].data);
    }
    message.externals = null;
  }
  finishMaps(message);
  return message.root;
}

function materialize(made, io, group) {
  switch (made.kind) {
    case "stub": {
      const cap = made.cap;
      made.cap = null;
      return rpc.makeStub(cap, io, group);
    }
    case "headers":
      return headerLists.fromBlob(made.data, false);
    case "error":
      return bareError(made.data);
    default:
      return rpc.materialize(made, io, group);
  }
}

function bareError(data) {
  if (data.dom) {
    const error = new DOMException(data.message, data.name);
    if (data.stack !== null) hide(error, "stack", data.stack);
    return error;
  }
  const error = makeError(data.name, data.message);
  hide(error, "stack", data.stack ?? (data.message === "" ? data.name : `${data.name}: ${data.message}`));
  return error;
}

function define(object, key, value) {
  ObjectDefineProperty(object, key, {
    __proto__: null,
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

function hide(object, key, value) {
  ObjectDefineProperty(object, key, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
}

function setProps(error, data) {
  const { props } = data;
  const keys = ObjectKeys(props);
  const set = data.hidden === true ? hide : define;
  for (let i = 0; i < keys.length; i++) set(error, keys[i], props[keys[i]]);
  const name = props.name;
  if (!data.dom && typeof name === "string" && ObjectHasOwn(props, "name")) {
    hide(error, "stack", data.message === "" ? name : `${name}: ${data.message}`);
  }
}

// ----- Bytes. -----

const brand = core.hostObjectBrand;

/**
 * Makes bytes of a message; `describe` gives what tells the other isolate about
 * an external. Gives the bytes and these descriptions.
 */
function toBytes(message, describe) {
  const { externals } = message;
  if (message.bytes !== null) {
    const described = [];
    for (let i = 0; externals !== null && i < externals.length; i++) ArrayPrototypePush(described, describe(externals[i]));
    return { __proto__: null, bytes: message.bytes, externals: described };
  }
  const described = [];
  if (externals !== null) {
    for (let i = 0; i < externals.length; i++) {
      const made = externals[i];
      let place;
      if (made.kind === "error") {
        const data = { ...made.data, frames: undefined, type: "error" };
        place = { __proto__: null, [brand]: () => data };
      } else {
        const index = described.length;
        ArrayPrototypePush(described, describe(made));
        place = { __proto__: null, [brand]: () => ({ type: "external", index }) };
      }
      const { slots } = made;
      for (let k = 0; k < slots.length; k += 2) slots[k][slots[k + 1]] = place;
    }
  }
  finishMaps(message);
  const bytes = core.serialize(message.root);
  return { __proto__: null, bytes, externals: described };
}

/** A message whose value is still bytes. */
function messageOfBytes(bytes, externals) {
  const message = new Message(undefined);
  message.bytes = bytes;
  message.externals = externals;
  return message;
}

function fromBytes(message, io, group) {
  const { bytes, externals } = message;
  const made = [];
  for (let i = 0; externals !== null && i < externals.length; i++) {
    ArrayPrototypePush(made, materialize(externals[i], io, group));
  }
  return core.deserialize(bytes, {
    __proto__: null,
    deserializers: {
      __proto__: null,
      external: (value) => made[value.index],
      error: (value) => {
        const error = bareError(value);
        setProps(error, value);
        return error;
      },
    },
  });
}

/** Nobody will decode the message: lets go of what it holds. */
function release(message) {
  const { externals } = message;
  if (externals === null) return;
  message.externals = null;
  for (let i = 0; i < externals.length; i++) {
    const { cap } = externals[i];
    if (cap !== null) cap.release();
    rpc.dropExternal?.(externals[i]);
  }
}

return {
  decode,
  define,
  External,
  hide,
  Message,
  messageOfBytes,
  release,
  toBytes,
};
})();
