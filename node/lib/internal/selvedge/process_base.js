'use strict';
// What Node's files need of `process` when they load. Nothing of it is the host's.
const { core, internals, isOff } = require('internal/selvedge/host');
const { PromisePrototypeThen, PromiseResolve, ReflectApply } = primordials;
const { getAsyncContext, setAsyncContext } = core;

const settled = PromiseResolve();

/** Calls back once the running code is through, in the frame of who asks. */
function nextTick(callback, ...args) {
  if (typeof callback !== 'function') {
    const { ERR_INVALID_ARG_TYPE } = require('internal/errors').codes;
    throw new ERR_INVALID_ARG_TYPE('callback', 'Function', callback);
  }
  const frame = getAsyncContext();
  PromisePrototypeThen(settled, () => {
    const before = getAsyncContext();
    setAsyncContext(frame);
    try {
      ReflectApply(callback, undefined, args);
    } catch (error) {
      internals.reportException(error);
    } finally {
      setAsyncContext(before);
    }
  });
}

function emitWarning(warning, type) {
  const name = (typeof type === 'object' && type !== null ? type.type : type) ?? warning?.name;
  // What a library is made of is not its user's to mend.
  if (name === 'DeprecationWarning' && process.noDeprecation) return;
  const text = typeof warning === 'string' ? `${name ?? 'Warning'}: ${warning}` : `${warning}`;
  const { console } = globalThis;
  console.warn(`(node) ${text}`);
}

// The releases that Cloudflare's runtime says it is.
const VERSION = isOff('nodejs_process_version_24') ? '22.23.4' : '24.22.2';
const LIBRARIES = [
  'v8', 'modules', 'zlib', 'brotli', 'zstd', 'ares', 'napi', 'llhttp', 'nghttp2', 'acorn', 'ada', 'simdutf',
  'nbytes', 'ncrypto', 'uvwasi', 'uv', 'openssl', 'sqlite', 'icu', 'undici', 'simdjson', 'unicode', 'cldr', 'tz',
  'cjs_module_lexer', 'amaro', 'merve',
];

module.exports = (process) => {
  process.title = 'selvedge';
  process.version = `v${VERSION}`;
  // There is no V8, OpenSSL or other library of the host's to tell of: they are there by name.
  process.versions = { node: VERSION };
  for (let i = 0; i < LIBRARIES.length; i++) process.versions[LIBRARIES[i]] = '';
  process.arch = 'x64';
  process.platform = 'linux';
  process.argv = ['selvedge'];
  process.argv0 = 'selvedge';
  process.execArgv = [];
  process.execPath = '';
  process.pid = 1;
  process.ppid = 0;
  process.release = { name: 'node', lts: true, sourceUrl: '', headersUrl: '' };
  process.features = {
    inspector: false, debug: false, uv: false, ipv6: true, tls_alpn: true, tls_sni: true,
    tls_ocsp: true, tls: true, cached_builtins: true, require_module: false, typescript: false,
  };
  process.noDeprecation = true;
  process.throwDeprecation = false;
  process.traceDeprecation = false;
  process.nextTick = nextTick;
  process.emitWarning = emitWarning;
  process.cwd = () => '/bundle';
  process.env = require('internal/selvedge/environment')();
};
