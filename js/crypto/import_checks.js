// What Cloudflare says about keys that cannot be imported.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ArrayPrototypeIncludes,
  ArrayPrototypePush,
  Number,
  RegExpPrototypeExec,
  SafeRegExp,
  String,
  StringPrototypeSlice,
  TypeError,
} = primordials;
const { checkCurve, checkHash, failure, isBytes, nameOf, upper, USAGES } = core.loadExtScript(
  "ext:selvedge/crypto/common.js",
);

/** What the public half of a pair may do; the private one does the rest. */
const PUBLIC_USAGES = ["encrypt", "verify", "wrapKey"];

const DERIVING = ["deriveBits", "deriveKey"];
const COORDINATES = ["x", "y"];
const NOT_BASE64URL = new SafeRegExp("[^A-Za-z0-9_=-]");

function checkImport(format, data, algorithm, extractable, usages) {
  format = String(format);
  const known = format === "raw" || format === "jwk" || format === "spki" || format === "pkcs8";
  if (!known && format !== "raw-secret" && format !== "raw-public" && format !== "raw-seed") {
    throw failure("NotSupportedError", `Unrecognized key import format "${format}".`);
  }
  if (format === "jwk" && isBytes(data)) {
    throw new TypeError("Import data provided for \"jwk\" import format must be a JsonWebKey.");
  }
  if (format !== "jwk" && !isBytes(data)) {
    throw new TypeError("Import data provided for buffer-based import formats must be a buffer source.");
  }
  const name = nameOf(algorithm);
  switch (upper(name)) {
    case "HKDF":
    case "PBKDF2":
      checkImportUsages(name, "secret", DERIVING, usages);
      if (extractable) throw failure("SyntaxError", `${name} key cannot be extractable.`);
      if (format !== "raw" && format !== "raw-secret") {
        throw failure("NotSupportedError", `${name} key must be imported in "raw" format (requested "${format}").`);
      }
      return;
    case "HMAC":
      checkImportUsages(name, "secret", USAGES.HMAC, usages);
      checkHash(algorithm);
      checkSecret(usages);
      if (format === "raw") checkHmac(algorithm, data.byteLength * 8);
      if (format === "jwk") checkHmacJwk(algorithm, data, extractable);
      return;
    case "AES-CBC":
    case "AES-CTR":
    case "AES-GCM":
    case "AES-KW":
      checkAes(format, data, name, extractable, usages);
      return;
    case "ECDSA":
    case "ECDH":
      checkCurve(algorithm);
      checkPairUsages(format, data, name, usages);
      if (format === "jwk") checkEcJwk(data);
      return;
    case "ED25519":
    case "X25519":
      checkPairUsages(format, data, name, usages);
      checkOctets(format, data, name);
      return;
    case "RSASSA-PKCS1-V1_5":
    case "RSA-PSS":
    case "RSA-OAEP":
      checkHash(algorithm);
      checkPairUsages(format, data, name, usages);
      if (format === "jwk") checkRsaJwk(data);
  }
}

/** What a key of this kind may be used for. */
function checkImportUsages(name, kind, known, usages) {
  for (let i = 0; i < usages.length; i++) {
    const usage = String(usages[i]);
    if (!ArrayPrototypeIncludes(known, usage)) {
      throw failure("SyntaxError", `Attempt to import ${kind} ${name} key with invalid usage "${usage}".`);
    }
  }
}

function isPrivateKey(format, data) {
  return format === "pkcs8" || format === "raw-seed" || format === "jwk" && data.d !== undefined;
}

function checkPairUsages(format, data, name, usages) {
  const isPrivate = isPrivateKey(format, data);
  const known = USAGES[upper(name)];
  const own = [];
  for (let i = 0; i < known.length; i++) {
    const isPublicToo = upper(name) === "ECDH" && internals.isOff("strict_crypto_checks");
    if (isPublicToo || ArrayPrototypeIncludes(PUBLIC_USAGES, known[i]) !== isPrivate) ArrayPrototypePush(own, known[i]);
  }
  checkImportUsages(name, isPrivate ? "private" : "public", own, usages);
}

function checkHmacJwk(algorithm, data, extractable) {
  if (data.kty !== "oct") {
    throw failure(
      "DataError",
      "HMAC \"jwk\" key import requires a JSON Web Key with Key Type parameter (\"kty\") equal to \"oct\" " +
        `(encountered "${String(data.kty)}").`,
    );
  }
  if (data.ext === false && extractable) {
    throw failure("DataError", 'JWK ext field for "HMAC" is set to false but extractable is true');
  }
  if (typeof data.k !== "string" || RegExpPrototypeExec(NOT_BASE64URL, data.k) !== null) {
    throw failure("DataError", 'HMAC "jwk" key import requires a base64Url encoding of the key');
  }
  const hash = upper(nameOf(algorithm.hash));
  const wanted = hash === "SHA-1" ? "HS1" : `HS${StringPrototypeSlice(hash, 4)}`;
  if (data.alg !== undefined && data.alg !== wanted) {
    throw failure(
      "DataError",
      'HMAC "jwk" key import specifies "alg" that is incompatible with the hash name ' +
        `(encountered "${String(data.alg)}", expected "${wanted}").`,
    );
  }
}

function checkEcJwk(data) {
  if (data.kty !== "EC") return;
  for (let i = 0; i < COORDINATES.length; i++) {
    if (data[COORDINATES[i]] === undefined) {
      throw failure("DataError", `Invalid EC key in JSON Web Key; missing "${COORDINATES[i]}".`);
    }
  }
}

function checkRsaJwk(data) {
  if (data.kty !== "RSA") {
    throw failure(
      "DataError",
      "RSASSA-PKCS1-v1_5 \"jwk\" key import requires a JSON Web Key with Key Type parameter \"kty\" " +
        `("${String(data.kty)}") equal to "RSA".`,
    );
  }
  if (typeof data.n !== "string") {
    throw failure("DataError", 'Invalid RSA key in JSON Web Key; missing or invalid Modulus parameter ("n").');
  }
}

function checkOctets(format, data, name) {
  if (format === "raw" && data.byteLength !== 32) {
    throw failure("DataError", `${name} raw keys must be exactly 32-bytes (provided ${data.byteLength}).`);
  }
  if (format !== "jwk") return;
  if (data.kty !== "OKP") {
    throw failure(
      "DataError",
      `${name} "jwk" key imports requires a JSON Web Key with Key Type parameter "kty" ("${String(data.kty)}") ` +
        'equal to "OKP".',
    );
  }
  if (data.crv !== name) {
    throw failure("NotSupportedError", `Only ${name} is supported but "${String(data.crv)}" was requested.`);
  }
}

function checkSecret(usages) {
  if (usages.length === 0) {
    throw failure("SyntaxError", "Secret/private CryptoKeys must have at least one usage.");
  }
}

function checkHmac(algorithm, bits) {
  const length = algorithm.length === undefined ? bits : Number(algorithm.length);
  if (length > 0 && length <= bits && length > bits - 8) return;
  throw failure(
    "DataError",
    `Imported HMAC key length (${length}) must be a non-zero value up to 7 bits less than, and no greater than, ` +
      `the bit length of the raw key data (${bits}).`,
  );
}

function checkAes(format, data, name, extractable, usages) {
  checkImportUsages(name, "secret", USAGES[upper(name)], usages);
  if (format === "jwk") {
    const kty = data.kty;
    if (kty !== "oct") {
      throw failure(
        "DataError",
        "Symmetric \"jwk\" key import requires a JSON Web Key with Key Type parameter \"kty\" equal to \"oct\" " +
          `(encountered "${String(kty)}").`,
      );
    }
    if (data.ext === false && extractable) {
      throw failure("DataError", `JWK ext field for "${name}" is set to false but extractable is true`);
    }
  } else if (format === "raw") {
    const bits = data.byteLength * 8;
    if (bits !== 128 && bits !== 192 && bits !== 256) {
      throw failure(
        "DataError",
        `Imported AES key length must be 128, 192, or 256 bits but provided ${bits}.`,
      );
    }
  }
  checkSecret(usages);
}

return { checkImport, isPrivateKey };
})();
