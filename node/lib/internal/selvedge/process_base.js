'use strict';
// What Node's files need of `process` when they load. Nothing of it is the host's.
const { core, internals } = require('internal/selvedge/host');
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

const VERSION = '22.23.3';

module.exports = (process) => {
  process.title = 'selvedge';
  process.version = `v${VERSION}`;
  // There is no V8, OpenSSL or other library of the host's to tell of, but
  // programs ask whether these are there at all.
  process.versions = {
    node: VERSION, v8: '0.0.0', uv: '0.0.0', zlib: '0.0.0', brotli: '0.0.0', ares: '0.0.0',
    modules: '127', nghttp2: '0.0.0', napi: '10', llhttp: '0.0.0', openssl: '0.0.0', unicode: '0.0',
  };
  process.arch = 'x64';
  process.platform = 'linux';
  process.argv = ['selvedge'];
  process.argv0 = 'selvedge';
  process.execArgv = [];
  process.execPath = '';
  process.pid = 1;
  process.ppid = 0;
  process.release = { name: 'node', lts: 'Jod', sourceUrl: '', headersUrl: '' };
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
