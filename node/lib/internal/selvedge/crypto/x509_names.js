'use strict';
// Numbers and names in certificates.
const { Buffer } = require('buffer');
const der = require('internal/selvedge/crypto/der');
const { ArrayPrototypePush, NumberParseInt, StringPrototypeIncludes, StringPrototypeSplit, StringPrototypeToUpperCase } = primordials;

/** Attributes of names, as OpenSSL shortens them. */
const SHORT = {
  '__proto__': null,
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.15': 'businessCategory',
  '2.5.4.17': 'postalCode',
  '2.5.4.42': 'GN',
  '2.5.4.97': 'organizationIdentifier',
};

const EXTENSIONS = {
  __proto__: null,
  access: { '__proto__': null, '1.3.6.1.5.5.7.48.1': 'OCSP', '1.3.6.1.5.5.7.48.2': 'CA Issuers' },
  basicConstraints: '2.5.29.19',
  extKeyUsage: '2.5.29.37',
  infoAccess: '1.3.6.1.5.5.7.1.1',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
};

const HASHES = {
  '__proto__': null,
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

const of = (key, hash, isPss = false) => ({ __proto__: null, key, hash, isPss });

const SIGNATURES = {
  '__proto__': null,
  '1.2.840.10045.4.1': of('ec', 'sha1'),
  '1.2.840.10045.4.3.2': of('ec', 'sha256'),
  '1.2.840.10045.4.3.3': of('ec', 'sha384'),
  '1.2.840.10045.4.3.4': of('ec', 'sha512'),
  '1.2.840.113549.1.1.5': of('rsa', 'sha1'),
  '1.2.840.113549.1.1.10': of('rsa', null, true),
  '1.2.840.113549.1.1.11': of('rsa', 'sha256'),
  '1.2.840.113549.1.1.12': of('rsa', 'sha384'),
  '1.2.840.113549.1.1.13': of('rsa', 'sha512'),
  '1.3.101.112': of('ed25519', null),
};

const CURVES = {
  '__proto__': null,
  prime256v1: [256, 'P-256'],
  secp224r1: [224, 'P-224'],
  secp256k1: [256, undefined],
  secp384r1: [384, 'P-384'],
  secp521r1: [521, 'P-521'],
};

/** The bytes of an address that is valid. */
function addressBytes(ip) {
  if (!StringPrototypeIncludes(ip, ':')) return Buffer.from(StringPrototypeSplit(ip, '.').map((part) => NumberParseInt(part, 10)));
  const side = (text) => {
    const bytes = [];
    for (const part of text === '' ? [] : StringPrototypeSplit(text, ':')) {
      if (StringPrototypeIncludes(part, '.')) {
        ArrayPrototypePush(bytes, ...addressBytes(part));
      } else {
        const number = NumberParseInt(part, 16);
        ArrayPrototypePush(bytes, number >> 8, number & 255);
      }
    }
    return bytes;
  };
  const [head, tail] = StringPrototypeSplit(ip, '::');
  const before = side(head);
  const after = tail === undefined ? [] : side(tail);
  return Buffer.from([...before, ...Buffer.alloc(16 - before.length - after.length), ...after]);
}

/** What `toLegacyObject()` tells of a key; `info` is its SubjectPublicKeyInfo. */
function legacyKey(handle, info) {
  const bits = der.children(info)[1].value.subarray(1);
  if (handle.getAsymmetricKeyType() === 'rsa') {
    const [modulus, exponent] = der.children(der.read(bits));
    const hex = (node) => Buffer.from(node.value[0] === 0 ? node.value.subarray(1) : node.value).toString('hex');
    const { modulusLength } = handle.keyDetail({});
    return {
      modulus: StringPrototypeToUpperCase(hex(modulus)),
      bits: modulusLength,
      exponent: `0x${NumberParseInt(hex(exponent), 16).toString(16)}`,
      pubkey: Buffer.from(info.whole),
    };
  }
  if (handle.getAsymmetricKeyType() === 'ec') {
    const { namedCurve } = handle.keyDetail({});
    const [size, nistCurve] = CURVES[namedCurve] ?? [undefined, undefined];
    return { bits: size, pubkey: Buffer.from(bits), asn1Curve: namedCurve, nistCurve };
  }
  return {};
}

module.exports = { addressBytes, EXTENSIONS, HASHES, legacyKey, SHORT, SIGNATURES };
