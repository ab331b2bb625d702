// Keys of Web Crypto before 2023-12: the public exponent of RSA is an ArrayBuffer.
(function () {
const { core, primordials } = __bootstrap;
const {
  ObjectDefineProperty,
  ReflectApply,
  ReflectGetOwnPropertyDescriptor,
  SafeWeakMap,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetSymbolToStringTag,
  Uint8Array,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;

/** What is shown of algorithms, by what they are. */
const copies = new SafeWeakMap();

function change({ CryptoKey }) {
  const { prototype } = CryptoKey;
  const descriptor = ReflectGetOwnPropertyDescriptor(prototype, "algorithm");
  const original = descriptor.get;
  ObjectDefineProperty(prototype, "algorithm", {
    __proto__: null,
    ...descriptor,
    get: {
      algorithm() {
        const algorithm = ReflectApply(original, this, []);
        const exponent = algorithm.publicExponent;
        if (TypedArrayPrototypeGetSymbolToStringTag(exponent) !== "Uint8Array") return algorithm;
        let shown = WeakMapPrototypeGet(copies, algorithm);
        if (shown === undefined) {
          shown = { ...algorithm, publicExponent: TypedArrayPrototypeGetBuffer(new Uint8Array(exponent)) };
          WeakMapPrototypeSet(copies, algorithm, shown);
        }
        return shown;
      },
    }.algorithm,
  });
}

return { apply: () => core.whenLoaded("ext:selvedge/crypto.js", change) };
})();
