// Before 2022-01-31 what has a getter was a property of each object, and not of its
// prototype: it can be listed and copied, and a class that extends one of the
// platform's has no say in it.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  MapPrototypeGet,
  MapPrototypeSet,
  ObjectDefineProperty,
  ObjectGetPrototypeOf,
  ObjectPrototype,
  ReflectGetOwnPropertyDescriptor,
  ReflectOwnKeys,
  SafeMap,
  StringPrototypeStartsWith,
} = primordials;

/** Interfaces of which that was never true. */
const NEWER = { __proto__: null, URLPattern: 1, URLSearchParams: 1 };

/** The URL of its standard is one of them, and the one before it is none. */
function isNewer({ name }) {
  return NEWER[name] === 1 || (name === "URL" && !internals.isOff("url_standard"));
}

/** What objects of a class have, by class. */
const known = new SafeMap();

function propertiesOf(Class) {
  const found = MapPrototypeGet(known, Class);
  if (found !== undefined) return found;
  const properties = [];
  let count = 0;
  for (let prototype = Class.prototype; prototype !== ObjectPrototype; prototype = ObjectGetPrototypeOf(prototype)) {
    const keys = ReflectOwnKeys(prototype);
    for (let i = 0; i < keys.length; i++) {
      const member = ReflectGetOwnPropertyDescriptor(prototype, keys[i]);
      if (typeof keys[i] === "symbol" || member.get === undefined) continue;
      // Handlers of events never were.
      if (StringPrototypeStartsWith(keys[i], "on")) continue;
      const property = { __proto__: null, ...member, enumerable: true, configurable: true };
      ObjectDefineProperty(properties, count++, { __proto__: null, value: [keys[i], property] });
    }
  }
  MapPrototypeSet(known, Class, properties);
  return properties;
}

/** Gives an object all of them. The nearest prototype's come first. */
function decorate(object, Class) {
  if (isNewer(Class)) return object;
  const properties = propertiesOf(Class);
  for (let i = properties.length - 1; i >= 0; i--) ObjectDefineProperty(object, properties[i][0], properties[i][1]);
  return object;
}

return { apply: () => core.decorateObjects(decorate) };
})();
