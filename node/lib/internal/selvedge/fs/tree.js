'use strict';
// The file system of a Worker: `/bundle` has its modules, `/tmp` what a request puts
// there, which goes with the request, `/dev` four devices. Nothing of the host.
const { internals, ops } = require('internal/selvedge/host');
const {
  ArrayPrototypePop, ArrayPrototypePush, ArrayPrototypeShift, ArrayPrototypeUnshift, MathMax, MathMin, SafeMap, SafeWeakMap, StringPrototypeSplit,
  StringPrototypeStartsWith, TypedArrayPrototypeFill, TypedArrayPrototypeSet, TypedArrayPrototypeSubarray, Uint8Array,
} = primordials;
const { UVException } = require('internal/errors');
// (Its working folder and mask count here.)
require('process');
const { io: contexts } = internals.selvedge;

const ERRNO = {
  __proto__: null, EPERM: -1, ENOENT: -2, EBADF: -9, EACCES: -13, EEXIST: -17, EXDEV: -18, ENOTDIR: -20, EISDIR: -21, EINVAL: -22,
  EFBIG: -27, EMFILE: -24, ENOSPC: -28, ENAMETOOLONG: -36, ENOTEMPTY: -39, ELOOP: -40, ENOTSUP: -95,
};
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;
const S_IFCHR = 0o020000;
/** As many links are followed on the way to one file. */
const MAX_LINKS = 40;
/** As long may a name be, in characters. */
const MAX_NAME = 255;
/** The longest file, in bytes; the memory limit of the isolate holds besides. */
const MAX_FILE_BYTES = 128 * 1024 * 1024;
/** As many files one request may have open. */
const MAX_OPEN = 4096;

function failed(code, syscall, path = undefined, dest = undefined) {
  const options = { errno: ERRNO[code], syscall };
  if (path !== undefined) options.path = path;
  if (dest !== undefined) options.dest = dest;
  return new UVException(options);
}

let inodes = 1;
const now = () => internals.now();

class Node {
  ino = inodes++;
  type;
  mode;
  nlink = 1;
  readOnly;
  atime = now();
  mtime = this.atime;
  ctime = this.atime;
  birthtime = this.atime;

  constructor(type, mode, readOnly) {
    this.type = type;
    this.mode = mode;
    this.readOnly = readOnly;
  }

  touch() {
    this.mtime = now();
    this.ctime = this.mtime;
  }
}

class Directory extends Node {
  entries = new SafeMap();

  constructor(readOnly = false, mode = 0o777) {
    super(S_IFDIR, mode, readOnly);
    if (readOnly) this.atime = this.mtime = this.ctime = this.birthtime = 0;
  }

  get size() {
    return 0;
  }

  list() {
    return this.entries;
  }

  get(name) {
    return this.list().get(name);
  }
}

class File extends Node {
  #bytes = new Uint8Array(0);
  #size = 0;

  constructor(readOnly = false, mode = 0o666) {
    super(S_IFREG, mode, readOnly);
    if (readOnly) this.atime = this.mtime = this.ctime = this.birthtime = 0;
  }

  /** Of a module the bytes are asked for when somebody reads. */
  get size() {
    return this.#size;
  }

  read(at, target) {
    const count = MathMax(MathMin(target.length, this.#size - at), 0);
    if (count > 0) TypedArrayPrototypeSet(target, TypedArrayPrototypeSubarray(this.#bytes, at, at + count));
    return count;
  }

  write(at, source) {
    const end = at + source.length;
    if (end > MAX_FILE_BYTES) throw failed('EFBIG', 'write');
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(MathMax(end, MathMin(2 * this.#bytes.length, MAX_FILE_BYTES)));
      TypedArrayPrototypeSet(grown, TypedArrayPrototypeSubarray(this.#bytes, 0, this.#size));
      this.#bytes = grown;
    }
    TypedArrayPrototypeSet(this.#bytes, source, at);
    this.#size = MathMax(this.#size, end);
    this.touch();
    return source.length;
  }

  truncate(size) {
    if (size > MAX_FILE_BYTES) throw failed('EFBIG', 'ftruncate');
    if (size < this.#size) {
      TypedArrayPrototypeFill(this.#bytes, 0, size, this.#size);
      this.#size = size;
    } else if (size > this.#size) {
      const length = size - this.#size;
      this.write(this.#size, new Uint8Array(length));
    }
    this.touch();
  }
}

class ModuleFile extends File {
  #name;
  #length;
  #isLoaded = false;

  constructor(name, length) {
    super(true, 0o444);
    this.#name = name;
    this.#length = length;
  }

  get size() {
    return this.#length;
  }

  read(at, target) {
    if (!this.#isLoaded) {
      this.#isLoaded = true;
      super.write(0, ops.op_node_bundle_read(this.#name));
    }
    return super.read(at, target);
  }
}

class Device extends Node {
  #read;
  #write;

  constructor(read, write) {
    super(S_IFCHR, 0o666, true);
    this.#read = read;
    this.#write = write;
  }

  get size() {
    return 0;
  }

  read(_at, target) {
    return this.#read(target);
  }

  write(_at, source) {
    return this.#write(source);
  }

  truncate() {}
}

class Link extends Node {
  target;

  constructor(target) {
    super(S_IFLNK, 0o777, false);
    this.target = target;
  }

  get size() {
    return this.target.length;
  }
}

// ----- The tree. -----

function devices() {
  const folder = new Directory(true, 0o555);
  const zeros = (target) => {
    TypedArrayPrototypeFill(target, 0);
    return target.length;
  };
  const swallow = (source) => source.length;
  const random = (target) => {
    require('crypto').randomFillSync(target);
    return target.length;
  };
  folder.entries.set('null', new Device(() => 0, swallow));
  folder.entries.set('zero', new Device(zeros, swallow));
  folder.entries.set('full', new Device(zeros, () => {
    throw failed('ENOSPC', 'write');
  }));
  folder.entries.set('random', new Device(random, swallow));
  return folder;
}

function bundle() {
  const root = new Directory(true, 0o555);
  const files = ops.op_node_bundle_files();
  for (let i = 0; i < files.length; i++) {
    const parts = StringPrototypeSplit(files[i][0], '/');
    let folder = root;
    for (let j = 0; j < parts.length - 1; j++) {
      if (parts[j] === '' || parts[j] === '.' || parts[j] === '..') continue;
      let next = folder.entries.get(parts[j]);
      if (!(next instanceof Directory)) {
        next = new Directory(true, 0o555);
        folder.entries.set(parts[j], next);
      }
      folder = next;
    }
    folder.entries.set(parts[parts.length - 1], new ModuleFile(files[i][0], files[i][1]));
  }
  return root;
}

/** What each request has of its own; what has none stands for all of them. */
const states = new SafeWeakMap();
const outside = {};

/** The files and open files of the present request. */
function state() {
  const owner = contexts.current() ?? outside;
  let own = states.get(owner);
  if (own === undefined) {
    own = { tmp: new Directory(owner === outside), open: new SafeMap() };
    states.set(owner, own);
  }
  return own;
}

let shared = null;

class Root extends Directory {
  constructor() {
    super(true, 0o555);
    shared ??= { bundle: bundle(), dev: devices() };
  }

  list() {
    return new SafeMap([['bundle', shared.bundle], ['dev', shared.dev], ['tmp', state().tmp]]);
  }
}
let root = null;

/** The names of a path from the root on. */
function partsOf(path, syscall) {
  const text = typeof path === 'string' ? path : require('buffer').Buffer.from(path).toString();
  const absolute = StringPrototypeStartsWith(text, '/') ? text : `${process.cwd()}/${text}`;
  const parts = [];
  const split = StringPrototypeSplit(absolute, '/');
  for (let i = 0; i < split.length; i++) {
    const part = split[i];
    if (part === '' || part === '.') continue;
    if (part.length > MAX_NAME) throw failed('ENAMETOOLONG', syscall, text);
    ArrayPrototypePush(parts, part);
  }
  return parts;
}

/**
 * Goes along a path. Gives the folder that holds its last name, the name, and what
 * has it, if there is something; `follow` goes on where that is a link.
 */
function walk(path, syscall, follow = true) {
  root ??= new Root();
  const names = partsOf(path, syscall);
  const trail = [root];
  const place = [];
  let links = 0;
  const shown = typeof path === 'string' ? path : require('buffer').Buffer.from(path).toString();
  let found = { parent: root, name: '', node: root };
  while (names.length > 0) {
    const folder = trail[trail.length - 1];
    if (!(folder instanceof Directory)) throw failed('ENOTDIR', syscall, shown);
    const name = ArrayPrototypeShift(names);
    if (name === '..') {
      if (trail.length > 1) {
        ArrayPrototypePop(trail);
        ArrayPrototypePop(place);
      }
      found = { parent: trail[trail.length - 2] ?? root, name: place[place.length - 1] ?? '', node: trail[trail.length - 1] };
      continue;
    }
    const node = folder.get(name);
    if (node === undefined) {
      if (names.length > 0) throw failed('ENOENT', syscall, shown);
      return { parent: folder, name, node: undefined, place };
    }
    if (node instanceof Link && (follow || names.length > 0)) {
      if (++links > MAX_LINKS) throw failed('ELOOP', syscall, shown);
      const { target } = node;
      if (StringPrototypeStartsWith(target, '/')) {
        trail.length = 1;
        place.length = 0;
      }
      const parts = StringPrototypeSplit(target, '/');
      for (let i = parts.length - 1; i >= 0; i--) {
        if (parts[i] !== '' && parts[i] !== '.') ArrayPrototypeUnshift(names, parts[i]);
      }
      found = { parent: trail[trail.length - 2] ?? root, name: place[place.length - 1] ?? '', node: trail[trail.length - 1] };
      continue;
    }
    ArrayPrototypePush(trail, node);
    ArrayPrototypePush(place, name);
    found = { parent: folder, name, node };
  }
  return { ...found, place };
}

/** What a path names; throws where nothing does. */
function find(path, syscall, follow = true) {
  const { node } = walk(path, syscall, follow);
  if (node === undefined) throw failed('ENOENT', syscall, `${path}`);
  return node;
}

/** Throws where a folder is not to be changed. */
function checkWritable(folder, syscall, path, dest = undefined) {
  if (folder.readOnly) throw failed('EPERM', syscall, `${path}`, dest);
}

function put(folder, name, node) {
  folder.entries.set(name, node);
  folder.touch();
}

function remove(folder, name, node) {
  folder.entries.delete(name);
  node.nlink--;
  node.ctime = now();
  folder.touch();
}

// ----- Open files. -----

class OpenFile {
  constructor(node, flags, path) {
    this.node = node;
    this.path = path;
    this.canRead = (flags & 3) !== 1;
    this.canWrite = (flags & 3) !== 0;
    this.appends = (flags & 0o2000) !== 0;
    this.position = 0;
  }
}

function add(file) {
  const { open } = state();
  if (open.size >= MAX_OPEN) throw failed('EMFILE', 'open', file.path);
  let fd = 3;
  while (open.has(fd)) fd++;
  open.set(fd, file);
  return fd;
}

/** The open file of this number. */
function opened(fd, syscall) {
  const file = state().open.get(fd);
  if (file === undefined) throw failed('EBADF', syscall);
  return file;
}

function close(fd) {
  opened(fd, 'close');
  state().open.delete(fd);
}

module.exports = {
  add, checkWritable, close, Device, Directory, failed, File, find, Link, now, opened, OpenFile, put, remove, S_IFCHR, S_IFDIR, S_IFLNK,
  S_IFREG, walk,
};
