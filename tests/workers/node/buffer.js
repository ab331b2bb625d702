import buffer, { Buffer as Named, constants } from "node:buffer";
import { StringDecoder } from "node:string_decoder";
import { equal, ok, same, throws } from "../assert.js";

export const the_global_is_the_module_s = {
  test() {
    ok(Buffer === Named && buffer.Buffer === Buffer);
    ok(Buffer.from("x") instanceof Uint8Array);
    ok(constants.MAX_LENGTH > 2 ** 30);
  },
};

export const text_becomes_bytes_in_each_encoding = {
  test() {
    const bytes = (text, encoding) => [...Buffer.from(text, encoding)].join();
    equal(bytes("h\u00e9\u20ac"), "104,195,169,226,130,172");
    equal(bytes("h\u00e9\u20ac", "latin1"), "104,233,172");
    equal(bytes("h\u00e9", "utf16le"), "104,0,233,0");
    equal(bytes("00ffzz", "hex"), "0,255");
    equal(bytes("aGk", "base64url"), "104,105");
    equal(bytes("a G\nk=", "base64"), "104,105");
  },
};

export const bytes_become_text_in_each_encoding = {
  test() {
    const buffer = Buffer.from([0, 104, 195, 169, 255]);
    equal(buffer.toString("hex"), "0068c3a9ff");
    equal(buffer.toString("base64"), "AGjDqf8=");
    equal(buffer.toString("base64url"), "AGjDqf8");
    equal(buffer.toString("latin1"), "\u0000h\u00c3\u00a9\u00ff");
    equal(buffer.toString(), "\u0000h\u00e9\ufffd");
    equal(Buffer.from("hi").toString("utf16le"), "\u6968");
    equal(buffer.toString("utf8", 1, 4), "h\u00e9");
  },
};

export const numbers_are_read_and_written = {
  test() {
    const buffer = Buffer.alloc(24);
    buffer.writeUInt32BE(0xdeadbeef, 0);
    buffer.writeInt16LE(-2, 4);
    buffer.writeDoubleBE(1.5, 8);
    buffer.writeBigUInt64LE(2n ** 63n, 16);
    equal(buffer.readUInt32BE(0), 0xdeadbeef);
    equal(buffer.readInt16LE(4), -2);
    equal(buffer.readDoubleBE(8), 1.5);
    equal(buffer.readBigUInt64LE(16), 2n ** 63n);
    equal(buffer.readUIntBE(0, 3), 0xdeadbe);
    throws(() => buffer.readUInt32BE(21), RangeError);
    throws(() => buffer.writeInt8(200, 0), RangeError);
  },
};

export const searching = {
  test() {
    const buffer = Buffer.from("this is a buffer is");
    equal(buffer.indexOf("is"), 2);
    equal(buffer.indexOf("is", 3), 5);
    equal(buffer.lastIndexOf("is"), 17);
    equal(buffer.indexOf("is", -2), 17);
    equal(buffer.indexOf(Buffer.from("buf")), 10);
    equal(buffer.indexOf(97), 8);
    equal(buffer.indexOf("zz"), -1);
    ok(buffer.includes("a buffer"));
    equal(Buffer.from("\u0061\u0062", "utf16le").indexOf("\u0062", 0, "utf16le"), 2);
  },
};

export const filling_copying_and_comparing = {
  test() {
    equal(Buffer.alloc(5, "ab").toString(), "ababa");
    equal(Buffer.alloc(4).fill("01", "hex").toString("hex"), "01010101");
    const target = Buffer.alloc(4, ".");
    equal(Buffer.from("xyz").copy(target, 1, 1), 2);
    equal(target.toString(), ".yz.");
    equal(Buffer.compare(Buffer.from("a"), Buffer.from("b")), -1);
    ok(Buffer.from("a").equals(Buffer.from("a")));
    equal(Buffer.concat([Buffer.from("a"), Buffer.from("bc")]).toString(), "abc");
    equal(Buffer.byteLength("\u20ac"), 3);
    equal(Buffer.from("abcd").swap16().toString(), "badc");
    same(Buffer.from("ab").toJSON(), { type: "Buffer", data: [97, 98] });
    equal(Buffer.from("abc").subarray(1).toString(), "bc");
  },
};

export const text_is_written_whole_characters_at_a_time = {
  test() {
    const buffer = Buffer.alloc(4);
    equal(buffer.write("\u20ac\u20ac"), 3);
    equal(buffer.write("abcdef", 2), 2);
    equal(buffer.write("ff00", 0, "hex"), 2);
    equal(buffer.toString("hex", 0, 2), "ff00");
  },
};

export const mistakes_are_node_s = {
  test() {
    throws(() => Buffer.from(5), TypeError);
    throws(() => Buffer.alloc(-1), RangeError);
    throws(() => Buffer.from("x", "nothing"), TypeError);
    try {
      Buffer.from({});
    } catch (error) {
      equal(error.code, "ERR_INVALID_ARG_TYPE");
    }
  },
};

export const a_decoder_waits_for_the_rest_of_a_character = {
  test() {
    const decoder = new StringDecoder("utf8");
    equal(decoder.write(Buffer.from([0xe2, 0x82])), "");
    equal(decoder.write(Buffer.from([0xac, 0x61])), "\u20aca");
    equal(decoder.end(Buffer.from([0xe2])), "\ufffd");
    const base64 = new StringDecoder("base64");
    equal(base64.write(Buffer.from("a")) + base64.write(Buffer.from("bcd")) + base64.end(), "YWJjZA==");
    const wide = new StringDecoder("utf16le");
    equal(wide.write(Buffer.from([0x61, 0x00, 0x3d])), "a");
    equal(wide.write(Buffer.from([0xd8, 0x4d, 0xdc])), "\ud83d\udc4d");
  },
};
