// compatibility-date: 2026-11-17
// compatibility-flags: nodejs_process_version_24 remove_nodejs_compat_eol_v22 remove_nodejs_compat_eol_v24 enable_streams_nodejs_v24_compat
// What Node.js 24 says of itself, and what it has no more.
import crypto from "node:crypto";
import process, { version } from "node:process";
import { Writable } from "node:stream";
import sys from "node:sys";
import tls from "node:tls";
import util from "node:util";
import { equal, ok, throws } from "../assert.js";

export const processIsOfVersion24 = {
  test() {
    ok(version.startsWith("v24."), version);
    equal(process.versions.node, version.slice(1));
  },
};

export const whatEndedIsGone = {
  test() {
    for (const name of ["Cipher", "Decipher", "createCipher", "createDecipher"]) {
      ok(name in crypto, name);
      equal(crypto[name], undefined, name);
    }
    equal(typeof crypto.createCipheriv, "function");
    for (const name of ["isBoolean", "isBuffer", "isDate", "isError", "isFunction", "isNull", "isNullOrUndefined", "isNumber", "isObject", "isPrimitive", "isRegExp", "isString", "isSymbol", "isUndefined"]) {
      equal(util[name], undefined, name);
      equal(sys[name], undefined, name);
    }
    equal(typeof util.isArray, "function");
    equal(process.assert, undefined);
    equal(tls.createSecurePair, undefined);
  },
};

export const writingTellsWhatIsLeft = {
  test() {
    const stream = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => done() });
    equal(stream.write("long"), true);
    equal(stream.writableNeedDrain, false);
  },
};

export const encodingsExist = {
  test() {
    const error = throws(() => new Writable({ defaultEncoding: "nope" }), TypeError);
    equal(error.code, "ERR_UNKNOWN_ENCODING");
  },
};

export const stateIsHidden = {
  test() {
    const keys = [];
    for (const key in new Writable()._writableState) keys.push(key);
    equal(keys.includes("ended"), false);
    equal(keys.includes("length"), true);
  },
};
