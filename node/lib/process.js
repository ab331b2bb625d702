'use strict';
// `node:process`, which is the global `process`, too. Whatever would tell of the
// host tells constants; what would act on it throws.
const { core, internals, isOff } = require('internal/selvedge/host');
const {
  BigInt, Error, MathFloor, MathRound, ObjectDefineProperty, ObjectSetPrototypeOf, SymbolToStringTag,
} = primordials;
const EventEmitter = require('events');
const { unsupported } = require('internal/selvedge/unsupported');
const { ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE } = require('internal/errors').codes;
const { validateArray, validateString } = require('internal/validators');
const { performance } = core.loadExtScript('ext:deno_web/15_performance.js');

ObjectSetPrototypeOf(process, ObjectSetPrototypeOf({ constructor: function process() {} }, EventEmitter.prototype));
EventEmitter.call(process);
ObjectDefineProperty(process, SymbolToStringTag, { __proto__: null, value: 'process', configurable: true });

/** Milliseconds since the isolate started, on the clock that the Worker has. */
const elapsed = () => performance.now();

function hrtime(before = undefined) {
  const now = elapsed();
  const seconds = MathFloor(now / 1e3);
  const nanos = MathRound(now % 1e3 * 1e6);
  if (before === undefined) return [seconds, nanos];
  validateArray(before, 'time');
  if (before.length !== 2) throw new ERR_OUT_OF_RANGE('time', 2, before.length);
  const difference = [seconds - before[0], nanos - before[1]];
  if (difference[1] < 0) {
    difference[0]--;
    difference[1] += 1e9;
  }
  return difference;
}
hrtime.bigint = () => BigInt(MathRound(elapsed() * 1e6));

let umask = 0o22;
let cwd = '/bundle';

const no = (name) => unsupported('process', name);

const members = {
  abort: no('abort'),
  allowedNodeEnvironmentFlags: new Set(),
  assert: isOff('remove_nodejs_compat_eol_v23') ? require('assert') : undefined,
  availableMemory: () => 0,
  binding: no('binding'),
  _channel: undefined,
  _debugEnd: no('_debugEnd'),
  _debugProcess: no('_debugProcess'),
  _disconnect: undefined,
  _exiting: false,
  _fatalException: no('_fatalException'),
  _getActiveHandles: () => [],
  _getActiveRequests: () => [],
  _handleQueue: undefined,
  _kill: no('_kill'),
  _linkedBinding: no('_linkedBinding'),
  _pendingMessage: undefined,
  _preload_modules: [],
  _rawDebug: (...args) => globalThis.console.error(...args),
  _send: undefined,
  _startProfilerIdleNotifier() {},
  _stopProfilerIdleNotifier() {},
  _tickCallback() {},
  channel: undefined,
  chdir(directory) {
    validateString(directory, 'directory');
    const path = require('path').posix.resolve(cwd, directory);
    if (!require('fs').statSync(path).isDirectory()) {
      const { UVException } = require('internal/errors');
      throw new UVException({ errno: -20, syscall: 'chdir', path });
    }
    cwd = path;
  },
  config: { target_defaults: {}, variables: {} },
  connected: false,
  constrainedMemory: () => 0,
  cpuUsage: () => ({ user: 0, system: 0 }),
  cwd: () => cwd,
  debugPort: 0,
  dlopen: no('dlopen'),
  domain: null,
  emitWarning(warning, ...rest) {
    const options = typeof rest[0] === 'object' && rest[0] !== null ? rest[0] : { type: rest[0], code: rest[1] };
    if (typeof warning !== 'string' && !(warning instanceof Error)) {
      throw new ERR_INVALID_ARG_TYPE('warning', ['Error', 'string'], warning);
    }
    const error = typeof warning === 'string' ? new Error(warning) : warning;
    if (typeof warning === 'string') error.name = `${options.type || 'Warning'}`;
    if (options.code !== undefined) error.code = options.code;
    if (error.name === 'DeprecationWarning' && process.noDeprecation) return;
    process.nextTick(() => {
      process.emit('warning', error);
      globalThis.console.warn(`${error.code === undefined ? '' : `[${error.code}] `}${error.name}: ${error.message}`);
    });
  },
  execve: no('execve'),
  exit(code = undefined) {
    exit(code);
  },
  exitCode: undefined,
  finalization: { register() {}, registerBeforeExit() {}, unregister() {} },
  getActiveResourcesInfo: () => [],
  getBuiltinModule(id) {
    validateString(id, 'id');
    const name = id.startsWith('node:') ? id.slice(5) : id;
    return require('internal/selvedge/names').includes(name) ? require(name) : undefined;
  },
  getSourceMapsSupport: () => ({ __proto__: null, enabled: false, nodeModules: false, generatedCode: false }),
  getegid: () => 0,
  geteuid: () => 0,
  getgid: () => 0,
  getgroups: () => [0],
  getuid: () => 0,
  hasUncaughtExceptionCaptureCallback: () => false,
  hrtime,
  initgroups: no('initgroups'),
  kill: no('kill'),
  loadEnvFile(path = '.env') {
    const values = require('util').parseEnv(require('fs').readFileSync(path, 'utf8'));
    for (const key of Object.keys(values)) process.env[key] ??= values[key];
  },
  memoryUsage: Object.assign(
    () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }),
    { rss: () => 0 },
  ),
  moduleLoadList: [],
  openStdin: no('openStdin'),
  permission: { has: () => true },
  reallyExit: no('reallyExit'),
  ref() {},
  report: { compact: false, directory: '', filename: '', getReport: () => ({}), writeReport: no('report.writeReport') },
  resourceUsage: () => ({
    userCPUTime: 0, systemCPUTime: 0, maxRSS: 0, sharedMemorySize: 0, unsharedDataSize: 0, unsharedStackSize: 0,
    minorPageFault: 0, majorPageFault: 0, swappedOut: 0, fsRead: 0, fsWrite: 0, ipcSent: 0, ipcReceived: 0,
    signalsCount: 0, voluntaryContextSwitches: 0, involuntaryContextSwitches: 0,
  }),
  send: no('send'),
  setegid: no('setegid'),
  seteuid: no('seteuid'),
  setgid: no('setgid'),
  setgroups: no('setgroups'),
  setSourceMapsEnabled() {},
  setUncaughtExceptionCaptureCallback() {},
  setuid: no('setuid'),
  sourceMapsEnabled: false,
  threadCpuUsage: () => ({ user: 0, system: 0 }),
  umask(mask = undefined) {
    const before = umask;
    if (mask !== undefined) umask = typeof mask === 'string' ? Number.parseInt(mask, 8) : mask & 0o777;
    return before;
  },
  unref() {},
  uptime: () => elapsed() / 1e3,
};

for (const key of Object.keys(members)) process[key] = members[key];

/** Ends the request, as nothing else can be ended here. */
function exit(code) {
  const error = new Error(`The Node.js process.exit(${code ?? process.exitCode ?? 0}) API was called. Canceling the request.`);
  internals.exitRequest(error);
  throw error;
}

/** Lines go to the log of the Worker as they are whole. */
function output(fd, level) {
  const { Writable } = require('stream');
  let rest = '';
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, encoding, callback) {
      const lines = (rest + (typeof chunk === 'string' ? chunk : chunk.toString('utf8'))).split('\n');
      rest = lines.pop();
      for (const line of lines) globalThis.console[level](line);
      // What ends without a line's end is a line, too, once nothing follows.
      if (rest !== '') {
        process.nextTick(() => {
          if (rest === '') return;
          globalThis.console[level](rest);
          rest = '';
        });
      }
      callback();
    },
  });
  stream.fd = fd;
  stream.isTTY = false;
  stream._isStdio = true;
  return stream;
}

function lazily(name, make) {
  ObjectDefineProperty(process, name, {
    __proto__: null,
    get() {
      const value = make();
      ObjectDefineProperty(process, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
      return value;
    },
    set(value) {
      ObjectDefineProperty(process, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    },
    enumerable: true,
    configurable: true,
  });
}
lazily('stdout', () => output(1, 'log'));
lazily('stderr', () => output(2, 'error'));
lazily('stdin', () => {
  const { Readable } = require('stream');
  const stream = new Readable({ read() {
    this.push(null);
  } });
  stream.fd = 0;
  stream.isTTY = false;
  return stream;
});

/** What there was of it at first. */
function partial() {
  const { env, exit, features, getBuiltinModule, nextTick, platform } = process;
  return { nextTick, env, exit, getBuiltinModule, platform, features };
}

module.exports = internals.shared.partialProcess ? partial() : process;
