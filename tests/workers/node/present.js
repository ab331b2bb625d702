// compatibility-date: 2026-11-01
// What Node.js 24 changed or took away, as it is unless a Worker asks for that.
import crypto from "node:crypto";
import dc from "node:diagnostics_channel";
import { Socket } from "node:net";
import process from "node:process";
import { Writable } from "node:stream";
import tls, { TLSSocket } from "node:tls";
import util from "node:util";
import { equal, ok, throws } from "../assert.js";

export const itIsOfVersion22 = {
  test() {
    ok(process.version.startsWith("v22."), process.version);
    equal(Object.keys(process.versions)[0], "node");
    equal(process.versions.v8, "");
    equal(process.release.lts, true);
  },
};

export const whatEndedIsThereByName = {
  test() {
    equal(util.isBoolean(true), true);
    equal(util.isString(5), false);
    equal(typeof process.assert, "function");
    equal(typeof tls.createSecurePair, "function");
    for (const name of ["createCipher", "createDecipher", "Cipher"]) {
      const error = throws(() => crypto[name]("aes128", "x"), Error);
      equal(error.code, "ERR_METHOD_NOT_IMPLEMENTED", name);
      equal(error.message, `The ${name} method is not implemented`);
    }
  },
};

export const writingTellsOfTheChunk = {
  async test() {
    const stream = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => done() });
    const drained = new Promise((resolve) => stream.once("drain", resolve));
    equal(stream.write("long"), false);
    equal(stream.writableNeedDrain, true);
    equal(stream.writableLength, 0);
    await drained;
    equal(stream.writableNeedDrain, false);
  },
};

export const anyDefaultEncodingIsTaken = {
  test() {
    equal(new Writable({ defaultEncoding: "nope", write() {} })._writableState.defaultEncoding, "nope");
  },
};

export const stateIsSeen = {
  test() {
    const keys = [];
    for (const key in new Writable()._writableState) keys.push(key);
    ok(keys.includes("ended") && keys.includes("needDrain"));
  },
};

export const subscribersAreAskedForByGetter = {
  test() {
    equal(dc.channel("present").hasSubscribers, false);
    equal(dc.hasSubscribers("present"), false);
  },
};

const server = { host: "127.0.0.1", port: 9 };

/** What an option of `tls.connect()` is refused with. */
function refusal(options) {
  const error = throws(() => tls.connect({ ...server, ...options }), Error);
  return `${error.code} ${error.message}`;
}

export const optionsOfTlsAreRefused = {
  test() {
    for (const [name, value] of [["checkServerIdentity", () => {}], ["rejectUnauthorized", false], ["enableTrace", true], ["ALPNProtocols", ["h2"]], ["pskCallback", () => {}]]) {
      equal(refusal({ [name]: value }), `ERR_OPTION_NOT_IMPLEMENTED The options.${name} option is not implemented`);
    }
    equal(refusal({ secureContext: {} }), "ERR_TLS_INVALID_CONTEXT context must be a SecureContext");
    equal(refusal({ minDHSize: "x" }).split(" ")[0], "ERR_INVALID_ARG_TYPE");
    for (const [name, value] of [["isServer", true], ["requestCert", true], ["requestOCSP", true], ["server", {}], ["SNICallback", () => {}]]) {
      const error = throws(() => new TLSSocket(new Socket(), { [name]: value }), Error);
      equal(error.code, "ERR_OPTION_NOT_IMPLEMENTED", name);
    }
  },
};
