'use strict';
// `node:dns`: names are looked up at a resolver that is asked over HTTPS, as all that
// leaves a Worker does.
const { core } = require('internal/selvedge/host');
const { isIP } = require('internal/net');
const { codes } = require('internal/errors');
const { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE } = codes;
const { unsupported } = require('internal/selvedge/unsupported');
const { validateFunction, validateString } = require('internal/validators');
const { ArrayPrototypePush, Error, Number, ObjectAssign, Promise, PromisePrototypeThen, RegExpPrototypeExec, StringPrototypeEndsWith, StringPrototypeSlice, StringPrototypeSplit } = primordials;

const RESOLVER = 'https://cloudflare-dns.com/dns-query';
const TYPES = { __proto__: null, A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33, NAPTR: 35, CAA: 257 };

const constants = {
  ADDRCONFIG: 32, ALL: 16, V4MAPPED: 8, ADDRGETNETWORKPARAMS: 'EADDRGETNETWORKPARAMS', BADFAMILY: 'EBADFAMILY', BADFLAGS: 'EBADFLAGS',
  BADHINTS: 'EBADHINTS', BADNAME: 'EBADNAME', BADQUERY: 'EBADQUERY', BADRESP: 'EBADRESP', BADSTR: 'EBADSTR', CANCELLED: 'ECANCELLED',
  CONNREFUSED: 'ECONNREFUSED', DESTRUCTION: 'EDESTRUCTION', EOF: 'EOF', FILE: 'EFILE', FORMERR: 'EFORMERR', LOADIPHLPAPI: 'ELOADIPHLPAPI',
  NODATA: 'ENODATA', NOMEM: 'ENOMEM', NONAME: 'ENONAME', NOTFOUND: 'ENOTFOUND', NOTIMP: 'ENOTIMP', NOTINITIALIZED: 'ENOTINITIALIZED',
  REFUSED: 'EREFUSED', SERVFAIL: 'ESERVFAIL', TIMEOUT: 'ETIMEOUT',
};
const STATUS = { __proto__: null, 1: 'EFORMERR', 2: 'ESERVFAIL', 3: 'ENOTFOUND', 4: 'ENOTIMP', 5: 'EREFUSED' };

function failed(code, syscall, hostname) {
  return ObjectAssign(new Error(`${syscall} ${code} ${hostname}`), { errno: undefined, code, syscall, hostname });
}

async function query(name, type, syscall) {
  const { fetch } = core.loadExtScript('ext:selvedge/fetch/fetch.js');
  const response = await fetch(`${RESOLVER}?name=${encodeURIComponent(name)}&type=${type}`, { headers: { accept: 'application/dns-json' } });
  if (!response.ok) throw failed('ESERVFAIL', syscall, name);
  const answer = await response.json();
  if (answer.Status !== 0) throw failed(STATUS[answer.Status] ?? 'ESERVFAIL', syscall, name);
  const found = (answer.Answer ?? []).filter((record) => record.type === TYPES[type]);
  if (found.length === 0) throw failed('ENODATA', syscall, name);
  return found;
}

const bare = (name) => StringPrototypeEndsWith(name, '.') ? StringPrototypeSlice(name, 0, -1) : name;
const words = (text) => StringPrototypeSplit(text, ' ');

function txt(data) {
  const parts = [];
  const pattern = /"((?:[^"\\]|\\.)*)"/g;
  let match;
  while ((match = RegExpPrototypeExec(pattern, data)) !== null) ArrayPrototypePush(parts, match[1].replace(/\\(.)/g, '$1'));
  return parts.length > 0 ? parts : [data];
}

/** What Node makes of a record's text. */
const READ = {
  __proto__: null,
  A: (record, options) => options?.ttl ? { address: record.data, ttl: record.TTL } : record.data,
  CNAME: (record) => bare(record.data),
  MX({ data }) {
    const { 0: priority, 1: exchange } = words(data);
    return { exchange: bare(exchange), priority: Number(priority) };
  },
  NAPTR({ data }) {
    const match = RegExpPrototypeExec(/^(\d+) (\d+) "(.*?)" "(.*?)" "(.*?)" (.*)$/, data) ?? [];
    return { flags: match[3], service: match[4], regexp: match[5], replacement: bare(match[6] ?? ''), order: Number(match[1]), preference: Number(match[2]) };
  },
  NS: (record) => bare(record.data),
  PTR: (record) => bare(record.data),
  SOA({ data }) {
    const { 0: nsname, 1: hostmaster, 2: serial, 3: refresh, 4: retry, 5: expire, 6: minttl } = words(data);
    return {
      nsname: bare(nsname), hostmaster: bare(hostmaster), serial: Number(serial), refresh: Number(refresh), retry: Number(retry),
      expire: Number(expire), minttl: Number(minttl),
    };
  },
  SRV({ data }) {
    const { 0: priority, 1: weight, 2: port, 3: name } = words(data);
    return { name: bare(name), port: Number(port), priority: Number(priority), weight: Number(weight) };
  },
  TXT: ({ data }) => txt(data),
  CAA({ data }) {
    const match = RegExpPrototypeExec(/^(\d+) (\S+) "?(.*?)"?$/, data) ?? [];
    return { critical: Number(match[1]), [match[2]]: match[3] };
  },
};
READ.AAAA = READ.A;
const NAMES = { __proto__: null, A: 'queryA', AAAA: 'queryAaaa', CAA: 'queryCaa', CNAME: 'queryCname', MX: 'queryMx', NAPTR: 'queryNaptr', NS: 'queryNs', PTR: 'queryPtr', SOA: 'querySoa', SRV: 'querySrv', TXT: 'queryTxt' };

async function records(name, type, options = undefined) {
  validateString(name, 'name');
  const found = await query(name, type, NAMES[type]);
  if (type === 'SOA') return READ.SOA(found[0]);
  return found.map((record) => READ[type](record, options));
}

async function lookup(hostname, options = undefined) {
  if (hostname) validateString(hostname, 'hostname');
  const family = typeof options === 'number' ? options : options?.family === 'IPv4' ? 4 : options?.family === 'IPv6' ? 6 : options?.family ?? 0;
  if (family !== 0 && family !== 4 && family !== 6) throw new ERR_INVALID_ARG_VALUE('family', family, 'must be one of: 0, 4, 6');
  const all = options?.all === true;
  if (!hostname) return all ? [] : { address: null, family: family === 6 ? 6 : 4 };
  const kind = isIP(hostname);
  if (kind !== 0) return all ? [{ address: hostname, family: kind }] : { address: hostname, family: kind };
  const wanted = family === 4 ? ['A'] : family === 6 ? ['AAAA'] : ['A', 'AAAA'];
  const found = [];
  let last;
  for (const type of wanted) {
    try {
      for (const address of await records(hostname, type)) ArrayPrototypePush(found, { address, family: type === 'A' ? 4 : 6 });
    } catch (error) {
      last = error;
    }
    if (found.length > 0 && !all) break;
  }
  if (found.length === 0) throw failed(last?.code === 'ENODATA' ? 'ENOTFOUND' : last?.code ?? 'ENOTFOUND', 'getaddrinfo', hostname);
  return all ? found : found[0];
}

function reverse(ip) {
  const kind = isIP(ip);
  if (kind === 0) return Promise.reject(failed('EINVAL', 'getHostByAddr', ip));
  if (kind === 4) return records(`${ip.split('.').reverse().join('.')}.in-addr.arpa`, 'PTR');
  const { SocketAddress } = internalBinding('block_list');
  const address = new SocketAddress(ip, 0, 10, 0);
  return records(`${[...address.number.toString(16).padStart(32, '0')].reverse().join('.')}.ip6.arpa`, 'PTR');
}

const byType = {};
for (const type of Object.keys(NAMES)) {
  const suffix = type === 'A' ? '4' : type === 'AAAA' ? '6' : type[0] + type.slice(1).toLowerCase();
  byType[`resolve${suffix}`] = (name, options) => records(name, type, options);
}
const promises = {
  ...constants,
  ...byType,
  getDefaultResultOrder: () => 'verbatim',
  getServers: () => [],
  lookup,
  lookupService: async () => {
    throw unsupportedError('dns.lookupService');
  },
  resolve(name, type = 'A') {
    if (typeof type !== 'string') return Promise.reject(new ERR_INVALID_ARG_TYPE('rrtype', 'string', type));
    if (NAMES[type] === undefined) return Promise.reject(type === 'ANY' ? unsupportedError('dns.resolveAny') : new ERR_INVALID_ARG_VALUE('rrtype', type));
    return records(name, type);
  },
  resolveAny: async () => {
    throw unsupportedError('dns.resolveAny');
  },
  reverse,
  setDefaultResultOrder() {},
  setServers: unsupported('dns', 'setServers'),
};

function unsupportedError(what) {
  return require('internal/selvedge/unsupported').notImplemented(what);
}

/** The same with a callback at the end. */
function called(promised) {
  return (...args) => {
    const callback = args.pop();
    validateFunction(callback, 'callback');
    PromisePrototypeThen(promised(...args), (value) => process.nextTick(callback, null, value), (error) => process.nextTick(callback, error));
    return {};
  };
}

class Resolver {
  cancel() {}
  setLocalAddress() {}
}
class PromisesResolver extends Resolver {}
const dns = { ...constants };
const own = ['resolve', 'resolveAny', 'reverse', ...Object.keys(byType)];
for (const name of own) {
  dns[name] = called(promises[name]);
  Resolver.prototype[name] = dns[name];
  PromisesResolver.prototype[name] = promises[name];
}
for (const Class of [Resolver, PromisesResolver]) {
  Class.prototype.getServers = promises.getServers;
  Class.prototype.setServers = promises.setServers;
}
promises.Resolver = PromisesResolver;
module.exports = ObjectAssign(dns, {
  getDefaultResultOrder: promises.getDefaultResultOrder,
  getServers: promises.getServers,
  lookup(hostname, options, callback = undefined) {
    if (typeof options === 'function') {
      callback = options;
      options = undefined;
    }
    validateFunction(callback, 'callback');
    PromisePrototypeThen(
      lookup(hostname, options),
      (found) => options?.all ? process.nextTick(callback, null, found) : process.nextTick(callback, null, found.address, found.family),
      (error) => process.nextTick(callback, error),
    );
    return {};
  },
  lookupService: unsupported('dns', 'lookupService'),
  promises,
  Resolver,
  setDefaultResultOrder: promises.setDefaultResultOrder,
  setServers: promises.setServers,
});
