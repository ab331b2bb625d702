'use strict';
// Folders that are read a few entries at a time.
const { ArrayPrototypePush } = primordials;
const fs = internalBinding('fs');

class DirHandle {
  #names;
  #types;
  #at = 0;

  constructor(path) {
    const { 0: names, 1: types } = fs.readdir(path, 'utf8', true);
    this.#names = names;
    this.#types = types;
  }

  #next(encoding, count) {
    if (this.#at >= this.#names.length) return null;
    const entries = [];
    for (let i = 0; i < count && this.#at < this.#names.length; i++, this.#at++) {
      const name = this.#names[this.#at];
      ArrayPrototypePush(entries, encoding === 'buffer' ? require('buffer').Buffer.from(name) : name, this.#types[this.#at]);
    }
    return entries;
  }

  read(encoding, count, req) {
    const entries = this.#next(encoding, count);
    if (req === undefined) return entries;
    process.nextTick(() => req.oncomplete(null, entries));
    return undefined;
  }

  close(req) {
    if (req !== undefined) process.nextTick(() => req.oncomplete(null));
  }
}

module.exports = {
  opendir(path, _encoding, req) {
    if (req === undefined) return new DirHandle(path);
    let handle;
    let error = null;
    try {
      handle = new DirHandle(path);
    } catch (thrown) {
      thrown.syscall = 'opendir';
      thrown.message = thrown.message.replace('scandir', 'opendir');
      error = thrown;
    }
    process.nextTick(() => error === null ? req.oncomplete(null, handle) : req.oncomplete(error));
    return undefined;
  },
  opendirSync(path) {
    try {
      return new DirHandle(path);
    } catch (error) {
      error.syscall = 'opendir';
      error.message = error.message.replace('scandir', 'opendir');
      throw error;
    }
  },
};
