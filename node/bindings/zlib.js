'use strict';
// Compression.
const { ops } = require('internal/selvedge/host');
const { Error, ReflectApply, TypedArrayPrototypeSubarray, Uint32Array, Uint8Array } = primordials;
const { genericNodeError } = require('internal/errors');
const {
  op_node_crc32, op_node_zlib_close, op_node_zlib_fault, op_node_zlib_params, op_node_zlib_new, op_node_zlib_write,
} = ops;

const Z_FINISH = 4;
const Z_STREAM_END = 1;
const Z_NEED_DICT = 2;
const Z_DATA_ERROR = -3;
const Z_BUF_ERROR = -5;
const BROTLI_DECODE = 8;
const BROTLI_ENCODE = 9;
const ZSTD_COMPRESS = 10;
const ZSTD_DECOMPRESS = 11;
/** Brotli's and Zstandard's flush that ends the stream. */
const END = 2;
const none = new Uint8Array(0);
const noParameters = new Uint32Array(0);
const defaults = new Uint32Array(4);

const bytesOf = (view) => (view === undefined ? none : new Uint8Array(view.buffer, view.byteOffset, view.byteLength));

class Handle {
  #coder = null;
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
    try {
      this.#coder = make();
    } catch (error) {
      throw genericNodeError(error.message, { code: 'ERR_ZLIB_INITIALIZATION_FAILED' });
    }
  }

  get coder() {
    return this.#coder;
  }

  reset() {
    if (this.#coder !== null) op_node_zlib_close(this.#coder);
    this.#coder = this.make();
  }

  close() {
    if (this.#isWriting) {
      this.#isClosing = true;
      return;
    }
    if (this.#coder !== null) op_node_zlib_close(this.#coder);
    this.#coder = null;
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
    const status = op_node_zlib_write(this.#coder, flush, from, to, this.#used);
    const availableOut = outLength - this.#used[1];
    const availableIn = inLength - this.#used[0];
    this.#state[0] = availableOut;
    this.#state[1] = availableIn;
    return this.#check(status, flush, availableOut);
  }

  #check(status, flush, availableOut) {
    switch (status) {
      case Z_STREAM_END:
        return true;
      case 0:
      case Z_BUF_ERROR:
        if (availableOut !== 0 && this.isCut(status, flush)) {
          this.fail('unexpected end of file', Z_BUF_ERROR, 'Z_BUF_ERROR');
          return false;
        }
        return true;
      case Z_NEED_DICT:
        this.fail(this.hasDictionary ? 'Bad dictionary' : 'Missing dictionary', Z_NEED_DICT, 'Z_NEED_DICT');
        return false;
      default: {
        const { 0: message, 1: code, 2: number } = op_node_zlib_fault(this.#coder);
        this.fail(message, number, code);
        return false;
      }
    }
  }

  /** Whether the data ends too early, if there is room for what comes out. */
  isCut(_status, flush) {
    return flush === Z_FINISH;
  }

  fail(message, number, code) {
    this.#isWriting = false;
    this.onerror(message, number, code);
    if (this.#isClosing) this.close();
  }

  writeSync(flush, input, inOffset, inLength, output, outOffset, outLength) {
    if (this.#coder === null) throw new Error('already finalized');
    this.#run(flush, input, inOffset, inLength, output, outOffset, outLength);
  }

  write(flush, input, inOffset, inLength, output, outOffset, outLength) {
    if (this.#coder === null) throw new Error('already finalized');
    this.#isWriting = true;
    process.nextTick(() => {
      if (this.#isClosing) {
        this.#isWriting = false;
        this.close();
        return;
      }
      if (!this.#run(flush, input, inOffset, inLength, output, outOffset, outLength)) return;
      this.#isWriting = false;
      ReflectApply(this.#callback, this, []);
      if (this.#isClosing) this.close();
    });
  }
}

class Zlib extends Handle {
  hasDictionary = false;

  init(windowBits, level, memLevel, strategy, state, callback, dictionary) {
    const bytes = bytesOf(dictionary);
    const options = new Uint32Array(4);
    options[0] = windowBits ?? 0;
    options[1] = level ?? -1;
    options[2] = memLevel ?? 0;
    options[3] = strategy ?? 0;
    this.hasDictionary = dictionary !== undefined;
    this.setUp(state, callback, () => op_node_zlib_new(this.mode, options, bytes, noParameters, -1));
  }

  /** What follows is packed in another way; all that came before was flushed. */
  params(level, strategy) {
    op_node_zlib_params(this.coder, level, strategy);
  }
}

class Parametrized extends Handle {
  isCut(status, flush) {
    const isDecoder = this.mode === BROTLI_DECODE || this.mode === ZSTD_DECOMPRESS;
    return isDecoder && flush === END && status === Z_BUF_ERROR;
  }

  params() {}
}

class Brotli extends Parametrized {
  init(parameters, state, callback) {
    const own = new Uint32Array(parameters);
    this.setUp(state, callback, () => op_node_zlib_new(this.mode, defaults, none, own, -1));
  }
}

class Zstd extends Parametrized {
  init(parameters, pledgedSize, state, callback, dictionary) {
    const own = new Uint32Array(parameters);
    const bytes = bytesOf(dictionary);
    this.setUp(state, callback, () => op_node_zlib_new(this.mode, defaults, bytes, own, pledgedSize ?? -1));
  }
}

module.exports = {
  BrotliDecoder: class BrotliDecoder extends Brotli {
    constructor() {
      super(BROTLI_DECODE);
    }
  },
  BrotliEncoder: class BrotliEncoder extends Brotli {
    constructor() {
      super(BROTLI_ENCODE);
    }
  },
  crc32(data, value) {
    const { Buffer } = require('buffer');
    const bytes = typeof data === 'string' ? Buffer.from(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return op_node_crc32(bytes, value);
  },
  Zlib,
  ZstdCompress: class ZstdCompress extends Zstd {
    constructor() {
      super(ZSTD_COMPRESS);
    }
  },
  ZstdDecompress: class ZstdDecompress extends Zstd {
    constructor() {
      super(ZSTD_DECOMPRESS);
    }
  },
};
