'use strict';
// Certificates (RFC 5280) as `X509Certificate` wants them.
const { Buffer } = require('buffer');
const { opensslError } = require('internal/selvedge/crypto/job');
const { KeyObjectHandle, pem } = require('internal/selvedge/crypto/keys');
const { kKeyEncodingSPKI, kKeyFormatDER, kKeyTypePublic } = require('internal/selvedge/crypto/names');
const names = require('internal/selvedge/crypto/x509_names');
const der = require('internal/selvedge/crypto/der');
const {
  ArrayPrototypeJoin, ArrayPrototypePush, Date, DateUTC, Error, JSONStringify, NumberParseInt, RegExpPrototypeExec,
  StringPrototypeIncludes, StringPrototypePadStart, StringPrototypeReplaceAll, StringPrototypeSlice, StringPrototypeSplit,
  StringPrototypeToLowerCase, StringPrototypeToUpperCase,
} = primordials;

const { EXTENSIONS, HASHES, SHORT, SIGNATURES } = names;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const PEM = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+)-----END/;
const SPECIAL = /[,+"\\<>;]/g;
const NEVER_SUBJECT = 0x20;
const ALWAYS_SUBJECT = 0x1;
const NO_WILDCARDS = 0x2;
const NO_PARTIAL_WILDCARDS = 0x4;
const MULTI_LABEL_WILDCARDS = 0x8;
const SINGLE_LABEL_SUBDOMAINS = 0x10;

function invalid() {
  const error = opensslError('ERR_OSSL_PEM_NO_START_LINE', 'error:0480006C:PEM routines::no start line');
  error.library = 'PEM routines';
  error.reason = 'no start line';
  return error;
}

/** A name's attributes: short names and values in order. */
function attributesOf(name) {
  const found = [];
  for (const set of der.children(name)) {
    for (const pair of der.children(set)) {
      const [type, value] = der.children(pair);
      const oid = der.oid(type);
      ArrayPrototypePush(found, [SHORT[oid] ?? oid, der.text(value)]);
    }
  }
  return found;
}

function nameLines(name) {
  const lines = [];
  for (const [key, value] of attributesOf(name)) {
    ArrayPrototypePush(lines, `${key}=${value.replace(SPECIAL, '\\$&')}`);
  }
  return lines.length === 0 ? undefined : ArrayPrototypeJoin(lines, '\n');
}

/** What older functions of Node.js give: an object, several values as a list. */
function nameObject(name) {
  const object = { __proto__: null };
  for (const [key, value] of attributesOf(name)) {
    const before = object[key];
    if (before === undefined) object[key] = value;
    else if (typeof before === 'string') object[key] = [before, value];
    else ArrayPrototypePush(before, value);
  }
  return object;
}

/** Seconds since 1970 of a UTCTime or GeneralizedTime. */
function timeOf(node) {
  let text = der.latin1(node);
  if (node.tag === der.UTC_TIME) text = `${NumberParseInt(StringPrototypeSlice(text, 0, 2), 10) < 50 ? '20' : '19'}${text}`;
  const part = (from, length) => NumberParseInt(StringPrototypeSlice(text, from, from + length), 10);
  return DateUTC(part(0, 4), part(4, 2) - 1, part(6, 2), part(8, 2), part(10, 2), part(12, 2));
}

function shownTime(time) {
  const date = new Date(time);
  const two = (number, fill) => StringPrototypePadStart(`${number}`, 2, fill);
  return `${MONTHS[date.getUTCMonth()]} ${two(date.getUTCDate(), ' ')} ${two(date.getUTCHours(), '0')}:` +
    `${two(date.getUTCMinutes(), '0')}:${two(date.getUTCSeconds(), '0')} ${date.getUTCFullYear()} GMT`;
}

function address(bytes) {
  if (bytes.length === 4) return ArrayPrototypeJoin([...bytes], '.');
  const parts = [];
  for (let i = 0; i < bytes.length; i += 2) ArrayPrototypePush(parts, StringPrototypeToUpperCase((bytes[i] << 8 | bytes[i + 1]).toString(16)));
  return ArrayPrototypeJoin(parts, ':');
}

/** A GeneralName: its kind and what it says. */
function generalName(node) {
  switch (node.tag) {
    case 0x81: return ['email', der.latin1(node)];
    case 0x82: return ['DNS', der.latin1(node)];
    case 0x86: return ['URI', der.latin1(node)];
    case 0x87: return ['IP Address', address(node.value)];
    case 0x88: return ['Registered ID', der.oid(node)];
    case 0xa4: return ['DirName', StringPrototypeReplaceAll(nameLines(der.children(node)[0]) ?? '', '\n', ',')];
    default: return ['othername', '<unsupported>'];
  }
}

const PLAIN = /^[ !#-&(-+\--~]*$/;

function shownName([kind, value]) {
  // What could be taken for several names is quoted (CVE-2021-44532).
  const isSafe = RegExpPrototypeExec(PLAIN, value) !== null && !StringPrototypeIncludes(value, ',');
  return isSafe || kind === 'IP Address' ? `${kind}:${value}` : `${kind}:${JSONStringify(value)}`;
}

function matchesHost(pattern, host, flags) {
  if (host[0] === '.') {
    // Any name below this one.
    const name = StringPrototypeToLowerCase(pattern);
    if (!name.endsWith(StringPrototypeToLowerCase(host)) || name.length === host.length) return false;
    const below = StringPrototypeSlice(name, 0, name.length - host.length);
    return (flags & SINGLE_LABEL_SUBDOMAINS) === 0 || !StringPrototypeIncludes(below, '.');
  }
  const wanted = StringPrototypeSplit(StringPrototypeToLowerCase(host), '.');
  const given = StringPrototypeSplit(StringPrototypeToLowerCase(pattern), '.');
  if (given[0] === '*' && (flags & MULTI_LABEL_WILDCARDS) !== 0 && wanted.length > given.length) {
    wanted.splice(0, wanted.length - given.length);
  }
  if (wanted.length !== given.length) return false;
  for (let i = 1; i < given.length; i++) if (given[i] !== wanted[i]) return false;
  if (given[0] === wanted[0]) return true;
  if (given.length < 3 || (flags & NO_WILDCARDS) !== 0) return false;
  const [before, after, more] = StringPrototypeSplit(given[0], '*');
  if (after === undefined || more !== undefined) return false;
  if ((before !== '' || after !== '') && (flags & NO_PARTIAL_WILDCARDS) !== 0) return false;
  return wanted[0].length > before.length + after.length && wanted[0].startsWith(before) && wanted[0].endsWith(after);
}

class Certificate {
  #raw;
  #tbs;
  #signature;
  #algorithm;
  #fields;
  #extensions = { __proto__: null };

  constructor(raw) {
    this.#raw = raw;
    const [tbs, algorithm, signature] = der.children(der.read(raw));
    this.#tbs = tbs;
    this.#algorithm = algorithm;
    this.#signature = signature.value.subarray(1);
    const parts = der.children(tbs);
    const first = parts[0].tag === 0xa0 ? 1 : 0;
    const [serial, , issuer, validity, subject, key] = parts.slice(first);
    const [from, to] = der.children(validity);
    this.#fields = { serial, issuer, subject, key, from: timeOf(from), to: timeOf(to) };
    for (const part of parts) {
      if (part.tag !== 0xa3) continue;
      for (const extension of der.children(der.children(part)[0])) {
        const inner = der.children(extension);
        this.#extensions[der.oid(inner[0])] = der.read(inner[inner.length - 1].value);
      }
    }
    // A key that nobody can use is told here.
    void this.publicKey();
  }

  get subjectBytes() {
    return this.#fields.subject.whole;
  }

  #names() {
    const extension = this.#extensions[EXTENSIONS.subjectAltName];
    return extension === undefined ? [] : der.children(extension).map(generalName);
  }

  #usages() {
    const extension = this.#extensions[EXTENSIONS.extKeyUsage];
    return extension === undefined ? undefined : der.children(extension).map(der.oid);
  }

  subject() {
    return nameLines(this.#fields.subject);
  }

  issuer() {
    return nameLines(this.#fields.issuer);
  }

  subjectAltName() {
    const found = this.#names();
    return found.length === 0 ? undefined : ArrayPrototypeJoin(found.map(shownName), ', ');
  }

  infoAccess() {
    const extension = this.#extensions[EXTENSIONS.infoAccess];
    if (extension === undefined) return undefined;
    let text = '';
    for (const access of der.children(extension)) {
      const [method, location] = der.children(access);
      const oid = der.oid(method);
      text += `${EXTENSIONS.access[oid] ?? oid} - ${shownName(generalName(location))}\n`;
    }
    return text;
  }

  validFrom() {
    return shownTime(this.#fields.from);
  }

  validTo() {
    return shownTime(this.#fields.to);
  }

  validFromDate() {
    return new Date(this.#fields.from);
  }

  validToDate() {
    return new Date(this.#fields.to);
  }

  #digest(hash) {
    const hex = require('crypto').createHash(hash).update(this.#raw).digest('hex');
    return StringPrototypeToUpperCase(hex).replace(/..(?!$)/g, '$&:');
  }

  fingerprint() {
    return this.#digest('sha1');
  }

  fingerprint256() {
    return this.#digest('sha256');
  }

  fingerprint512() {
    return this.#digest('sha512');
  }

  keyUsage() {
    return this.#usages();
  }

  serialNumber() {
    const { value } = this.#fields.serial;
    const bytes = value[0] === 0 && value.length > 1 ? value.subarray(1) : value;
    return StringPrototypeToUpperCase(Buffer.from(bytes).toString('hex'));
  }

  raw() {
    return Buffer.from(this.#raw);
  }

  pem() {
    return pem('CERTIFICATE', this.#raw);
  }

  publicKey() {
    const handle = new KeyObjectHandle();
    handle.init(kKeyTypePublic, this.#fields.key.whole, kKeyFormatDER, kKeyEncodingSPKI);
    return handle;
  }

  getIssuerCert() {
    return undefined;
  }

  checkCA() {
    const constraints = this.#extensions[EXTENSIONS.basicConstraints];
    if (constraints === undefined) return false;
    const [ca] = der.children(constraints);
    if (ca === undefined || ca.tag !== 1 || ca.value[0] === 0) return false;
    const usage = this.#extensions[EXTENSIONS.keyUsage];
    // (The bit that allows to sign certificates.)
    return usage === undefined || (usage.value[1] & 0x04) !== 0;
  }

  #commonNames() {
    return attributesOf(this.#fields.subject).filter(([key]) => key === 'CN').map(([, value]) => value);
  }

  checkHost(host, flags) {
    const given = this.#names().filter(([kind]) => kind === 'DNS').map(([, value]) => value);
    const asksSubject = (flags & NEVER_SUBJECT) === 0 && (given.length === 0 || (flags & ALWAYS_SUBJECT) !== 0);
    const all = asksSubject ? [...given, ...this.#commonNames()] : given;
    return all.find((name) => matchesHost(name, host, flags));
  }

  checkEmail(email, flags) {
    const given = this.#names().filter(([kind]) => kind === 'email').map(([, value]) => value);
    const asksSubject = (flags & NEVER_SUBJECT) === 0 && (given.length === 0 || (flags & ALWAYS_SUBJECT) !== 0);
    const attributes = attributesOf(this.#fields.subject);
    const all = asksSubject
      ? [...given, ...attributes.filter(([key]) => key === 'emailAddress').map(([, value]) => value)]
      : given;
    // The part before the @ tells upper case from lower.
    const split = (address) => {
      const at = address.lastIndexOf('@');
      return `${StringPrototypeSlice(address, 0, at)}@${StringPrototypeToLowerCase(StringPrototypeSlice(address, at + 1))}`;
    };
    return all.some((address) => split(address) === split(email)) ? email : undefined;
  }

  checkIP(ip) {
    const { isIP } = require('internal/net');
    if (isIP(ip) === 0) return undefined;
    const wanted = names.addressBytes(ip);
    const extension = this.#extensions[EXTENSIONS.subjectAltName];
    const all = extension === undefined ? [] : der.children(extension);
    return all.some((node) => node.tag === 0x87 && Buffer.from(node.value).equals(wanted)) ? ip : undefined;
  }

  checkIssued(other) {
    return Buffer.from(this.#fields.issuer.whole).equals(Buffer.from(other.subjectBytes));
  }

  checkPrivateKey(key) {
    return Buffer.from(this.publicKey().pair.public).equals(Buffer.from(key.pair.public));
  }

  verify(key) {
    const [type, parameters] = der.children(this.#algorithm);
    const kind = SIGNATURES[der.oid(type)];
    if (kind === undefined) throw new Error(`The signature algorithm ${der.oid(type)} is not known here.`);
    const crypto = require('crypto');
    const { PublicKeyObject } = require('internal/crypto/keys');
    const options = { key: new PublicKeyObject(key) };
    const expected = key.getAsymmetricKeyType();
    if (kind.key !== (expected === 'rsa-pss' ? 'rsa' : expected)) return false;
    let { hash } = kind;
    if (kind.isPss) {
      const [algorithm] = der.children(parameters).filter((part) => part.tag === 0xa0);
      hash = algorithm === undefined ? 'sha1' : HASHES[der.oid(der.children(der.children(algorithm)[0])[0])];
      options.padding = crypto.constants.RSA_PKCS1_PSS_PADDING;
      options.saltLength = crypto.constants.RSA_PSS_SALTLEN_AUTO;
    }
    return crypto.verify(hash, this.#tbs.whole, options, this.#signature);
  }

  /** By method, what there is. */
  #accessObject() {
    const text = this.infoAccess();
    if (text === undefined) return undefined;
    const object = { __proto__: null };
    for (const line of StringPrototypeSplit(text, '\n')) {
      const colon = line.indexOf(':');
      if (colon < 0) continue;
      const key = StringPrototypeSlice(line, 0, colon);
      object[key] ??= [];
      ArrayPrototypePush(object[key], StringPrototypeSlice(line, colon + 1));
    }
    return object;
  }

  toLegacy() {
    const key = this.publicKey();
    const legacy = {
      subject: nameObject(this.#fields.subject),
      issuer: nameObject(this.#fields.issuer),
      subjectaltname: this.subjectAltName(),
      infoAccess: this.#accessObject(),
      ca: this.checkCA(),
      ...names.legacyKey(key, this.#fields.key),
      valid_from: this.validFrom(),
      valid_to: this.validTo(),
      fingerprint: this.fingerprint(),
      fingerprint256: this.fingerprint256(),
      fingerprint512: this.fingerprint512(),
      ext_key_usage: this.#usages(),
      serialNumber: this.serialNumber(),
      raw: this.raw(),
    };
    for (const name in legacy) if (legacy[name] === undefined) delete legacy[name];
    return legacy;
  }
}

/** The certificate in PEM or DER. */
function parseX509(bytes) {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const match = RegExpPrototypeExec(PEM, buffer.toString('latin1'));
  const raw = match === null ? Buffer.from(buffer) : Buffer.from(match[1], 'base64');
  try {
    return new Certificate(raw.subarray(0, der.read(raw).whole.length));
  } catch {
    throw invalid();
  }
}

module.exports = {
  parseX509,
  X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT: ALWAYS_SUBJECT,
  X509_CHECK_FLAG_MULTI_LABEL_WILDCARDS: MULTI_LABEL_WILDCARDS,
  X509_CHECK_FLAG_NEVER_CHECK_SUBJECT: NEVER_SUBJECT,
  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS: NO_PARTIAL_WILDCARDS,
  X509_CHECK_FLAG_NO_WILDCARDS: NO_WILDCARDS,
  X509_CHECK_FLAG_SINGLE_LABEL_SUBDOMAINS: SINGLE_LABEL_SUBDOMAINS,
};
