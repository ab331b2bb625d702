'use strict';
// Blobs: the platform's class.
const { core } = require('internal/selvedge/host');
const { FunctionPrototypeSymbolHasInstance } = primordials;
const { Blob } = core.loadExtScript('ext:deno_web/09_file.js');

module.exports = {
  Blob,
  createBlobFromFilePath: (path, options) => {
    const { readFileSync } = require('fs');
    return new Blob([readFileSync(path)], { type: options?.type ?? '' });
  },
  isBlob: (value) => FunctionPrototypeSymbolHasInstance(Blob, value),
  resolveObjectURL: () => undefined,
};
