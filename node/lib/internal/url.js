'use strict';
// URLs: the platform's classes, and what Node has beside them.
const { core } = require('internal/selvedge/host');
const {
  Boolean, Number, RegExpPrototypeExec, StringPrototypeCharCodeAt,
  StringPrototypeEndsWith, StringPrototypeReplaceAll, StringPrototypeSlice,
  StringPrototypeStartsWith, decodeURIComponent, SafeSet,
} = primordials;
const { URL, URLSearchParams } = core.loadExtScript('ext:deno_web/00_url.js');
const {
  ERR_INVALID_ARG_TYPE, ERR_INVALID_FILE_URL_HOST, ERR_INVALID_FILE_URL_PATH, ERR_INVALID_URL_SCHEME,
} = require('internal/errors').codes;

function isURL(value) {
  return Boolean(value?.href && value.protocol && value.auth === undefined && value.path === undefined);
}

function urlToHttpOptions(url) {
  const { hostname, pathname, port, username, password, search } = url;
  const options = {
    '__proto__': null,
    ...url,
    'protocol': url.protocol,
    'hostname': hostname && hostname[0] === '[' ? StringPrototypeSlice(hostname, 1, -1) : hostname,
    'hash': url.hash,
    search,
    pathname,
    'path': `${pathname || ''}${search || ''}`,
    'href': url.href,
  };
  if (port !== '') options.port = Number(port);
  if (username || password) options.auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return options;
}

const encodedSlash = /%2f/i;

/** The path of a `file:` URL, as POSIX has paths. */
function fileURLToPath(path, options = undefined) {
  if (typeof path === 'string') path = new URL(path);
  else if (!isURL(path)) throw new ERR_INVALID_ARG_TYPE('path', ['string', 'URL'], path);
  if (path.protocol !== 'file:') throw new ERR_INVALID_URL_SCHEME('file');
  if (options?.windows) return windowsPath(path);
  if (path.hostname !== '') throw new ERR_INVALID_FILE_URL_HOST('linux');
  const { pathname } = path;
  if (RegExpPrototypeExec(encodedSlash, pathname) !== null) {
    throw new ERR_INVALID_FILE_URL_PATH('must not include encoded / characters', path);
  }
  return decodeURIComponent(pathname);
}

function windowsPath(url) {
  let { pathname } = url;
  if (RegExpPrototypeExec(/%2f|%5c/i, pathname) !== null) {
    throw new ERR_INVALID_FILE_URL_PATH('must not include encoded \\ or / characters', url);
  }
  pathname = decodeURIComponent(StringPrototypeReplaceAll(pathname, '/', '\\'));
  if (url.hostname !== '') return `\\\\${domainToUnicode(url.hostname)}${pathname}`;
  const letter = StringPrototypeCharCodeAt(pathname, 1) | 0x20;
  if (letter < 97 || letter > 122 || pathname[2] !== ':') {
    throw new ERR_INVALID_FILE_URL_PATH('must be absolute', url);
  }
  return StringPrototypeSlice(pathname, 1);
}

function fileURLToPathBuffer(path) {
  const { Buffer } = require('buffer');
  return Buffer.from(fileURLToPath(path));
}

const ESCAPES = [['%', '%25'], ['\\', '%5C'], ['\n', '%0A'], ['\r', '%0D'], ['\t', '%09'], ['?', '%3F'], ['#', '%23']];

function pathToFileURL(filepath, options = undefined) {
  const path = require('path');
  const windows = options?.windows === true;
  let resolved = windows ? path.win32.resolve(filepath) : path.posix.resolve(filepath);
  if (StringPrototypeEndsWith(filepath, '/') && !StringPrototypeEndsWith(resolved, '/')) resolved += windows ? '\\' : '/';
  for (let i = 0; i < ESCAPES.length; i++) {
    if (windows && ESCAPES[i][0] === '\\') continue;
    resolved = StringPrototypeReplaceAll(resolved, ESCAPES[i][0], ESCAPES[i][1]);
  }
  if (windows) resolved = StringPrototypeReplaceAll(resolved, '\\', '/');
  return new URL(windows && !StringPrototypeStartsWith(resolved, '//') ? `file:///${resolved}` : `file:${windows ? '' : '//'}${resolved}`);
}

function toPathIfFileURL(value) {
  return isURL(value) ? fileURLToPath(value) : value;
}

/** A host name as URLs have it; empty if it is none. */
function domainToASCII(domain) {
  const text = `${domain}`;
  if (text === '' || RegExpPrototypeExec(/[/?#@:\\]/, text) !== null) return '';
  const url = URL.parse(`ws://${text}`);
  return url === null ? '' : url.hostname;
}

function domainToUnicode(domain) {
  const { toUnicode } = require('punycode');
  return toUnicode(domainToASCII(domain));
}

/** Percent-encodes what `safe` (a table of 128) does not hold. */
function encodeStr(text, safe, hexTable) {
  const { encodeStr: encode } = require('internal/querystring');
  return encode(text, safe, hexTable);
}

module.exports = {
  fileURLToPath,
  fileURLToPathBuffer,
  pathToFileURL,
  toPathIfFileURL,
  installObjectURLMethods() {},
  URL,
  URLSearchParams,
  URLParse: (text, base) => URL.parse(text, base) ?? undefined,
  domainToASCII,
  domainToUnicode,
  urlToHttpOptions,
  encodeStr,
  isURL,
  unsafeProtocol: new SafeSet(['javascript', 'javascript:']),
  hostlessProtocol: new SafeSet(['javascript', 'javascript:']),
  slashedProtocol: new SafeSet([
    'http', 'http:', 'https', 'https:', 'ftp', 'ftp:', 'gopher', 'gopher:', 'file', 'file:', 'ws', 'ws:', 'wss', 'wss:',
  ]),
};
