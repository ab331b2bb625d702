'use strict';
// Requests that a stream's handle answers.
const { Int32Array } = primordials;
module.exports = {
  kReadBytesOrError: 0,
  kArrayBufferOffset: 1,
  kBytesWritten: 2,
  kLastWriteWasAsync: 3,
  LibuvStreamWrap: class LibuvStreamWrap {},
  ShutdownWrap: class ShutdownWrap {},
  streamBaseState: new Int32Array(5),
  WriteWrap: class WriteWrap {},
};
