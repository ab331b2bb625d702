// compatibility-date: 2026-11-17
// compatibility-flags: disable_nodejs_process_v2 no_nodejs_zlib no_diagnostics_channel_has_subscribers_getter disable_global_performance_classes disable_nodejs_perf_hooks_module no_throw_on_not_implemented_tls_options
// Modules of Node.js as they were before parts of them came.
import dc from "node:diagnostics_channel";
import { Socket } from "node:net";
import process from "node:process";
import tls, { TLSSocket } from "node:tls";
import zlib from "node:zlib";
import { equal, ok, throws } from "../assert.js";

export const processIsSmall = {
  test() {
    equal(Object.keys(process).join(), "nextTick,env,exit,getBuiltinModule,platform,features");
    equal(Object.prototype.toString.call(process), "[object Object]");
    ok(process === globalThis.process);
    ok(process.getBuiltinModule("node:process") === process);
    equal(process.platform, "linux");
    equal(process.version, undefined);
  },
};

export const zlibHasNamesOnly = {
  test() {
    const refused = (action) => {
      const error = throws(action, Error);
      equal(error.message, 'Compatibility flag "nodejs_zlib" is not enabled');
    };
    refused(() => zlib.gzipSync("x"));
    refused(() => zlib.createInflate());
    refused(() => new zlib.Gzip());
    refused(() => zlib.brotliCompress("x", () => {}));
    equal(zlib.constants.Z_FINISH, 4);
    equal(zlib.crc32("abc"), 891568578);
  },
};

export const subscribersAreAskedForByMethod = {
  test() {
    const channel = dc.channel("dated");
    equal(channel.hasSubscribers(), false);
    equal(dc.hasSubscribers("dated"), false);
    const listener = () => {};
    channel.subscribe(listener);
    equal(channel.hasSubscribers(), true);
    equal(dc.hasSubscribers("dated"), true);
    channel.unsubscribe(listener);
    equal(channel.hasSubscribers(), false);
    const tracing = dc.tracingChannel("dated-tracing");
    equal(tracing.hasSubscribers(), false);
    tracing.subscribe({ end() {} });
    equal(tracing.hasSubscribers(), true);
    equal(tracing.traceSync((x) => x + 1, {}, null, 1), 2);
  },
};

export const theClockHasNoMarks = {
  test() {
    for (const name of ["Performance", "PerformanceEntry", "PerformanceMark", "PerformanceMeasure", "PerformanceObserver", "PerformanceObserverEntryList"]) {
      equal(name in globalThis, false, name);
    }
    for (const name of ["mark", "measure", "getEntries", "toJSON", "clearMarks"]) {
      equal(performance[name], undefined, name);
    }
    equal(typeof performance.now(), "number");
    equal(typeof performance.timeOrigin, "number");
  },
};

export const optionsOfTlsAreLeftAside = {
  test() {
    const socket = new TLSSocket(new Socket(), { checkServerIdentity() {} });
    ok(socket instanceof TLSSocket);
    const error = throws(() => new TLSSocket(new Socket(), { checkServerIdentity: true }), TypeError);
    equal(error.code, "ERR_INVALID_ARG_TYPE");
    const refused = throws(() => tls.connect({ host: "127.0.0.1", port: 9, rejectUnauthorized: false }), Error);
    equal(refused.code, "ERR_OPTION_NOT_IMPLEMENTED");
  },
};
