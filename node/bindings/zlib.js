'use strict';
// Compression.
const { ops } = require('internal/selvedge/host');
const { Error, TypedArrayPrototypeSubarray, Uint32Array, Uint8Array } = primordials;
const { unsupportedClass } = require('internal/selvedge/unsupported');
const {
  op_node_crc32, op_node_zlib_close, op_node_zlib_level, op_node_zlib_message, op_node_zlib_new, op_node_zlib_write,
} = ops;

const Z_FINISH = 4;
const Z_STREAM_END = 1;
const Z_NEED_DICT = 2;
const Z_DATA_ERROR = -3;
const Z_BUF_ERROR = -5;
const BROTLI_DECODE = 8;
const BROTLI_ENCODE = 9;
const BROTLI_OPERATION_FINISH = 2;
const CODES = { '__proto__': null, '-2': 'Z_STREAM_ERROR', '-3': 'Z_DATA_ERROR', '-5': 'Z_BUF_ERROR', '2': 'Z_NEED_DICT' };
const none = new Uint8Array(0);

class Handle {
  #rid = -1;
  #state = null;
  #callback = null;
  #used = new Uint32Array(2);
  #isWriting = false;
  #isClosing = false;
  mode;

  constructor(mode) {
    this.mode = mode;
  }

  /** Makes what does the work, anew. */
  make = null;

  setUp(state, callback, make) {
    this.#state = state;
    this.#callback = callback;
    this.make = make;
    this.#rid = make();
  }

  get rid() {
    return this.#rid;
  }

  reset() {
    op_node_zlib_close(this.#rid);
    this.#rid = this.make();
  }

  close() {
    if (this.#isWriting) {
      this.#isClosing = true;
      return;
    }
    if (this.#rid >= 0) op_node_zlib_close(this.#rid);
    this.#rid = -1;
  }

  getAsyncId() {
    return 0;
  }

  /** Goes on; whether that went well. */
  #run(flush, input, inOffset, inLength, output, outOffset, outLength) {
    const from = input === null || input === undefined
      ? none
      : TypedArrayPrototypeSubarray(new Uint8Array(input.buffer, input.byteOffset, input.byteLength), inOffset, inOffset + inLength);
    const to = TypedArrayPrototypeSubarray(
      new Uint8Array(output.buffer, output.byteOffset, output.byteLength), outOffset, outOffset + outLength);
    const status = op_node_zlib_write(this.#rid, flush, from, to, this.#used);
    const availableOut = outLength - this.#used[1];
    const availableIn = inLength - this.#used[0];
    this.#state[0] = availableOut;
    this.#state[1] = availableIn;
    return this.#check(status, flush, availableOut);
  }

  #check(status, flush, availableOut) {
    const isBrotli = this.mode === BROTLI_DECODE || this.mode === BROTLI_ENCODE;
    if (isBrotli) {
      if (status === Z_DATA_ERROR) {
        const isDecoder = this.mode === BROTLI_DECODE;
        this.fail(
          isDecoder ? 'Decompression failed' : 'Compression failed',
          Z_DATA_ERROR,
          isDecoder ? 'ERR__ERROR_FORMAT_PADDING_1' : 'ERR_BROTLI_COMPRESSION_FAILED',
        );
        return false;
      }
      if (status === Z_BUF_ERROR && flush === BROTLI_OPERATION_FINISH && availableOut !== 0 && this.mode === BROTLI_DECODE) {
        this.fail('unexpected end of file', Z_BUF_ERROR, 'Z_BUF_ERROR');
        return false;
      }
      return true;
    }
    switch (status) {
      case 0:
      case Z_BUF_ERROR:
        if (availableOut !== 0 && flush === Z_FINISH) {
          this.fail('unexpected end of file', Z_BUF_ERROR, 'Z_BUF_ERROR');
          return false;
        }
        return true;
      case Z_STREAM_END:
        return true;
      case Z_NEED_DICT:
        this.fail(this.hasDictionary ? 'Bad dictionary' : 'Missing dictionary', Z_NEED_DICT, 'Z_NEED_DICT');
        return false;
      default:
        this.fail(op_node_zlib_message(this.#rid) || 'Zlib error', status, CODES[status] ?? 'Z_ERRNO');
        return false;
    }
  }

  fail(message, number, code) {
    this.#isWriting = false;
    this.onerror(message, number, code);
    if (this.#isClosing) this.close();
  }

  writeSync(flush, input, inOffset, inLength, output, outOffset, outLength) {
    if (this.#rid < 0) throw new Error('already finalized');
    this.#run(flush, input, inOffset, inLength, output, outOffset, outLength);
  }

  write(flush, input, inOffset, inLength, output, outOffset, outLength) {
    if (this.#rid < 0) throw new Error('already finalized');
    this.#isWriting = true;
    process.nextTick(() => {
      if (this.#isClosing) {
        this.#isWriting = false;
        this.close();
        return;
      }
      if (!this.#run(flush, input, inOffset, inLength, output, outOffset, outLength)) return;
      this.#isWriting = false;
      primordials.ReflectApply(this.#callback, this, []);
      if (this.#isClosing) this.close();
    });
  }
}

class Zlib extends Handle {
  hasDictionary = false;

  init(windowBits, level, _memLevel, _strategy, state, callback, dictionary) {
    const bytes = dictionary === undefined
      ? none
      : new Uint8Array(dictionary.buffer, dictionary.byteOffset, dictionary.byteLength);
    this.hasDictionary = dictionary !== undefined;
    this.setUp(state, callback, () => op_node_zlib_new(this.mode, windowBits ?? 0, level ?? -1, bytes, new Uint32Array(0)));
  }

  params(level, _strategy) {
    op_node_zlib_level(this.rid, level);
  }
}

class Brotli extends Handle {
  init(parameters, state, callback) {
    this.setUp(state, callback, () => op_node_zlib_new(this.mode, 0, 0, none, parameters));
    return true;
  }

  params() {}
}

module.exports = {
  BrotliDecoder: class BrotliDecoder extends Brotli {},
  BrotliEncoder: class BrotliEncoder extends Brotli {},
  crc32(data, value) {
    const { Buffer } = require('buffer');
    const bytes = typeof data === 'string' ? Buffer.from(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return op_node_crc32(bytes, value);
  },
  Zlib,
  ZstdCompress: unsupportedClass('zlib', 'ZstdCompress'),
  ZstdDecompress: unsupportedClass('zlib', 'ZstdDecompress'),
};
