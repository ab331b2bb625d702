'use strict';
// The platform's streams.
const { core } = require('internal/selvedge/host');
const { FunctionPrototypeSymbolHasInstance } = primordials;
const streams = core.loadExtScript('ext:deno_web/06_streams.js');
const {
  ByteLengthQueuingStrategy, CountQueuingStrategy, ReadableStream, TransformStream, WritableStream,
} = streams;

module.exports = {
  ByteLengthQueuingStrategy,
  CountQueuingStrategy,
  ReadableStream,
  TransformStream,
  WritableStream,
  isReadableStream: (value) => FunctionPrototypeSymbolHasInstance(ReadableStream, value),
  isWritableStream: (value) => FunctionPrototypeSymbolHasInstance(WritableStream, value),
  isTransformStream: (value) => FunctionPrototypeSymbolHasInstance(TransformStream, value),
};
