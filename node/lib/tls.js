'use strict';
// `node:tls`: encrypted connections of the platform's; it checks the certificates.
const net = require('net');
const { isOff } = require('internal/selvedge/host');
const { TCP, constants: { SOCKET } } = internalBinding('tcp_wrap');
const { stub, unsupported, unsupportedClass } = require('internal/selvedge/unsupported');
const { ArrayIsArray, Error, ObjectAssign, StringPrototypeSplit, StringPrototypeToLowerCase } = primordials;
const { Buffer } = require('buffer');
const { codes } = require('internal/errors');
const { ERR_TLS_CERT_ALTNAME_INVALID, ERR_TLS_INVALID_CONTEXT } = codes;
const { validateFunction, validateNumber } = require('internal/validators');
const { isIP } = require('internal/net');
const { notImplemented } = require('internal/selvedge/unsupported');

class SecureContext {
  constructor() {
    this.context = {};
  }
}

function notThere(name) {
  const error = new Error(`The options.${name} option is not implemented`);
  error.code = 'ERR_OPTION_NOT_IMPLEMENTED';
  return error;
}

/** What the platform decides itself cannot be asked for otherwise. */
function check(options) {
  const { checkServerIdentity, enableTrace, secureContext } = options;
  if (checkServerIdentity !== undefined) {
    validateFunction(checkServerIdentity, 'options.checkServerIdentity');
    if (!isOff('throw_on_not_implemented_tls_options')) throw notThere('checkServerIdentity');
  }
  if (options.rejectUnauthorized === false) throw notThere('rejectUnauthorized');
  if (enableTrace) throw notThere('enableTrace');
  for (const name of ['ALPNProtocols', 'pskCallback']) if (options[name] !== undefined) throw notThere(name);
  if (secureContext !== undefined && !(secureContext instanceof SecureContext)) throw new ERR_TLS_INVALID_CONTEXT('context');
}

/** What a client has not. */
function checkNoServer(options) {
  for (const name of ['isServer', 'server', 'requestCert', 'requestOCSP']) if (options[name]) throw notThere(name);
  if (options.SNICallback !== undefined) throw notThere('SNICallback');
}

/** What `connect()` refuses besides. Certificates of one's own were left aside once. */
function checkConnect(options) {
  check(options);
  if (options.rejectUnauthorized === null) throw notThere('rejectUnauthorized');
  if (options.minDHSize !== undefined) validateNumber(options.minDHSize, 'options.minDHSize', 1);
  if (isOff('throw_on_not_implemented_tls_options')) return;
  for (const name of ['ca', 'cert', 'key', 'pfx', 'crl']) {
    if (options[name] !== undefined && options[name] !== null) throw notThere(name);
  }
}

class TLSSocket extends net.Socket {
  authorized = false;
  authorizationError = null;
  encrypted = true;
  alpnProtocol = false;
  servername = null;
  secureConnecting = true;

  constructor(socket, options = {}) {
    check(options);
    checkNoServer(options);
    super({ ...options, handle: undefined });
    this._tlsOptions = options;
    if (socket === undefined || socket === null) return;
    this.#upgrade(socket, options);
  }

  /** Goes on encrypted with a connection that stands, or will. */
  #upgrade(socket, options) {
    const begin = () => {
      const plain = socket._handle;
      if (!(plain instanceof TCP)) {
        this.destroy(notImplemented('tls.connect() over a stream that is no net.Socket'));
        return;
      }
      const handle = plain.startTls(
        { expectedServerHostname: options.servername },
        () => {
          this.connecting = false;
          this.#secured();
          this.read(0);
        },
        (error) => this.destroy(error),
      );
      // The plain socket gives its connection away.
      socket._handle = null;
      this._handle = handle;
      handle[internalBinding('symbols').owner_symbol] = this;
      handle.onread = require('internal/stream_base_commons').onStreamRead;
    };
    this.connecting = true;
    if (socket.connecting || socket.pending === true) socket.once('connect', begin);
    else begin();
    socket.once('error', (error) => this.destroy(error));
  }

  #secured() {
    this.authorized = true;
    this.secureConnecting = false;
    this.emit('connect');
    this.emit('ready');
    this.emit('secureConnect');
    this.emit('secure');
  }

  connect(...args) {
    this.once('connect', () => {
      this.authorized = true;
      this.secureConnecting = false;
      this.emit('secureConnect');
      this.emit('secure');
    });
    this._handle = new TCP(SOCKET);
    this._handle.secureTransport = 'on';
    this._handle[internalBinding('symbols').owner_symbol] = this;
    this._handle.onread = require('internal/stream_base_commons').onStreamRead;
    return super.connect(...args);
  }

  getPeerCertificate() {
    return {};
  }
  getCertificate() {
    return null;
  }
  getCipher() {
    return { name: 'TLS_AES_128_GCM_SHA256', standardName: 'TLS_AES_128_GCM_SHA256', version: 'TLSv1.3' };
  }
  getProtocol() {
    return 'TLSv1.3';
  }
  getSession() {
    return undefined;
  }
  isSessionReused() {
    return false;
  }
  setServername(name) {
    this.servername = name;
  }
  setMaxSendFragment() {
    return true;
  }
  disableRenegotiation() {}
  enableTrace() {}
}
ObjectAssign(TLSSocket.prototype, stub('tls.TLSSocket', [
  'exportKeyingMaterial', 'getEphemeralKeyInfo', 'getFinished', 'getPeerFinished', 'getPeerX509Certificate', 'getSharedSigalgs', 'getTLSTicket',
  'getX509Certificate', 'renegotiate', 'setKeyCert',
]));

function connect(...args) {
  const { 0: given, 1: callback } = net._normalizeArgs(args);
  const options = ObjectAssign({}, given, typeof args[1] === 'object' && args[1] !== null ? args[1] : undefined, typeof args[2] === 'object' && args[2] !== null ? args[2] : undefined);
  checkConnect(options);
  const { isServer, requestCert, requestOCSP, server, SNICallback, ...own } = options;
  const socket = new TLSSocket(options.socket, own);
  socket.servername = options.servername ?? options.host ?? null;
  if (typeof callback === 'function') socket.once('secureConnect', callback);
  if (!options.socket) socket.connect({ ...options, port: options.port ?? 443 });
  return socket;
}

/** Whether a certificate names this host. */
function checkServerIdentity(hostname, certificate) {
  const names = [];
  const alternative = certificate.subjectaltname;
  if (alternative) {
    for (const part of StringPrototypeSplit(alternative, ', ')) {
      if (part.startsWith('DNS:')) names.push(part.slice(4));
      else if (part.startsWith('IP Address:')) names.push(part.slice(11));
    }
  } else if (certificate.subject?.CN) {
    names.push(...(ArrayIsArray(certificate.subject.CN) ? certificate.subject.CN : [certificate.subject.CN]));
  }
  const host = StringPrototypeToLowerCase(`${hostname}`);
  const fits = names.some((name) => {
    const lower = StringPrototypeToLowerCase(name);
    if (lower === host) return true;
    if (!lower.startsWith('*.') || isIP(host) !== 0) return false;
    return host.includes('.') && host.slice(host.indexOf('.') + 1) === lower.slice(2);
  });
  if (fits) return undefined;
  const what = isIP(host) !== 0 ? `IP: ${host} is not in the cert's list: ${names.join(', ')}` : `Host: ${host}. is not in the cert's altnames: ${alternative ?? names.join(', ')}`;
  return new ERR_TLS_CERT_ALTNAME_INVALID(what, host, certificate);
}

function convertALPNProtocols(protocols, out) {
  if (!ArrayIsArray(protocols)) {
    out.ALPNProtocols = Buffer.from(protocols);
    return;
  }
  const parts = [];
  for (const protocol of protocols) {
    const bytes = Buffer.from(protocol);
    if (bytes.length > 255) throw new codes.ERR_OUT_OF_RANGE('The byte length of the protocol at index 0 exceeds the maximum length.', '<= 255', bytes.length, true);
    parts.push(Buffer.from([bytes.length]), bytes);
  }
  out.ALPNProtocols = Buffer.concat(parts);
}

module.exports = {
  checkServerIdentity,
  CLIENT_RENEG_LIMIT: 3,
  CLIENT_RENEG_WINDOW: 600,
  connect,
  convertALPNProtocols,
  createSecureContext: () => new SecureContext(),
  createSecurePair: isOff('remove_nodejs_compat_eol_v24') ? unsupported('tls', 'createSecurePair') : undefined,
  createServer: unsupported('tls', 'createServer'),
  DEFAULT_CIPHERS: 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256',
  DEFAULT_ECDH_CURVE: 'auto',
  DEFAULT_MAX_VERSION: 'TLSv1.3',
  DEFAULT_MIN_VERSION: 'TLSv1.2',
  getCiphers: () => ['tls_aes_128_gcm_sha256', 'tls_aes_256_gcm_sha384', 'tls_chacha20_poly1305_sha256'],
  rootCertificates: [],
  SecureContext,
  Server: unsupportedClass('tls', 'Server'),
  TLSSocket,
};
