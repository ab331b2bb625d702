'use strict';
// What `node:fs` stands on: calls over the tree of files, at once or later.
const {
  add, checkWritable, close, Device, Directory, failed, File, find, Link, now, opened, OpenFile, put, remove, S_IFCHR, S_IFDIR, S_IFLNK,
  S_IFREG, walk,
} = require('internal/selvedge/fs/tree');
const {
  ArrayPrototypePush, BigInt, BigInt64Array, Float64Array, MathFloor, ObjectKeys, Promise, SafeArrayIterator, Symbol, TypedArrayPrototypeSubarray,
  Uint8Array,
} = primordials;
const { Buffer } = require('buffer');

const kUsePromises = Symbol('fs_use_promises_symbol');
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_TRUNC = 0o1000;
const O_DIRECTORY = 0o200000;
const O_NOFOLLOW = 0o400000;
const W_OK = 2;

class FSReqCallback {
  constructor(isBigint = false) {
    this.isBigint = isBigint;
  }
}

// ----- What files are. -----

const kFsStatsFieldsNumber = 18;
const statValues = new Float64Array(2 * kFsStatsFieldsNumber);
const bigintStatValues = new BigInt64Array(2 * kFsStatsFieldsNumber);

const DEVICE = 1;
const BLOCK = 4096;

function statsOf(node, isBigint) {
  const { size } = node;
  const fields = [DEVICE, node.type | node.mode, node.nlink, 0, 0, node instanceof Device ? 1 : 0, BLOCK, node.ino, size, MathFloor((size + 511) / 512)];
  for (const time of new SafeArrayIterator([node.atime, node.mtime, node.ctime, node.birthtime])) {
    const seconds = MathFloor(time / 1000);
    ArrayPrototypePush(fields, seconds, MathFloor((time - seconds * 1000) * 1e6));
  }
  const values = isBigint ? new BigInt64Array(kFsStatsFieldsNumber) : new Float64Array(kFsStatsFieldsNumber);
  for (let i = 0; i < fields.length; i++) values[i] = isBigint ? BigInt(fields[i]) : fields[i];
  return values;
}

const UV_DIRENT = { __proto__: null, [S_IFREG]: 1, [S_IFDIR]: 2, [S_IFLNK]: 3, [S_IFCHR]: 6 };

const named = (text, encoding) => encoding === 'buffer' ? Buffer.from(text) : encoding && encoding !== 'utf8' ? Buffer.from(text).toString(encoding) : text;

// ----- The calls. -----

function open(path, flags, mode) {
  const { parent, name, node } = walk(path, 'open', (flags & O_NOFOLLOW) === 0);
  const wantsWrite = (flags & 3) !== 0;
  let file = node;
  if (file === undefined) {
    if ((flags & O_CREAT) === 0) throw failed('ENOENT', 'open', `${path}`);
    checkWritable(parent, 'open', path);
    file = new File(false, mode & 0o777 & ~process.umask());
    put(parent, name, file);
  } else {
    if ((flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0) throw failed('EEXIST', 'open', `${path}`);
    if (file instanceof Link) throw failed('ELOOP', 'open', `${path}`);
    if (file instanceof Directory) {
      if (wantsWrite) throw failed('EISDIR', 'open', `${path}`);
    } else if ((flags & O_DIRECTORY) !== 0) {
      throw failed('ENOTDIR', 'open', `${path}`);
    }
    if (wantsWrite && file.readOnly && !(file instanceof Device)) throw failed('EPERM', 'open', `${path}`);
    if ((flags & O_TRUNC) !== 0 && wantsWrite) file.truncate(0);
  }
  return add(new OpenFile(file, flags, `${path}`));
}

const viewOf = (buffer, offset, length) =>
  TypedArrayPrototypeSubarray(new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength), offset, offset + length);

const isPlace = (position) => typeof position === 'bigint' ? position >= 0n : typeof position === 'number' && position >= 0;

function read(fd, buffer, offset, length, position) {
  const file = opened(fd, 'read');
  if (!file.canRead) throw failed('EBADF', 'read');
  if (file.node instanceof Directory) throw failed('EISDIR', 'read');
  const hasPlace = isPlace(position);
  const at = hasPlace ? Number(position) : file.position;
  const count = file.node.read(at, viewOf(buffer, offset, length));
  if (!hasPlace) file.position += count;
  file.node.atime = now();
  return count;
}

function write(fd, bytes, position) {
  const file = opened(fd, 'write');
  if (!file.canWrite) throw failed('EBADF', 'write');
  const hasPlace = isPlace(position) && !file.appends;
  const at = hasPlace ? Number(position) : file.appends ? file.node.size : file.position;
  const count = file.node.write(at, bytes);
  if (!hasPlace) file.position = at + count;
  return count;
}

function each(buffers, position, one) {
  let total = 0;
  for (let i = 0; i < buffers.length; i++) {
    const view = viewOf(buffers[i], 0, buffers[i].byteLength);
    const count = one(view, isPlace(position) ? Number(position) + total : null);
    total += count;
    if (count < view.length) break;
  }
  return total;
}

function mkdir(path, mode, recursive) {
  if (!recursive) {
    const { parent, name, node } = walk(path, 'mkdir');
    if (node !== undefined) throw failed('EEXIST', 'mkdir', `${path}`);
    checkWritable(parent, 'mkdir', path);
    put(parent, name, new Directory(false, mode & 0o777 & ~process.umask()));
    return undefined;
  }
  const { posix } = require('path');
  const whole = posix.resolve(`${path}`);
  const parts = whole.split('/');
  let first;
  for (let i = 2; i <= parts.length; i++) {
    const part = parts.slice(0, i).join('/') || '/';
    const { parent, name, node } = walk(part, 'mkdir');
    if (node === undefined) {
      checkWritable(parent, 'mkdir', path);
      put(parent, name, new Directory(false, mode & 0o777 & ~process.umask()));
      first ??= part;
    } else if (!(node instanceof Directory)) {
      throw failed(i === parts.length ? 'EEXIST' : 'ENOTDIR', 'mkdir', `${path}`);
    }
  }
  return first;
}

function readdir(path, encoding, withTypes) {
  const node = find(path, 'scandir');
  if (!(node instanceof Directory)) throw failed('ENOTDIR', 'scandir', `${path}`);
  const names = [];
  const types = [];
  for (const { 0: name, 1: entry } of node.list()) {
    ArrayPrototypePush(names, named(name, encoding));
    ArrayPrototypePush(types, UV_DIRENT[entry.type]);
  }
  return withTypes ? [names, types] : names;
}

function rmdir(path) {
  const { parent, name, node } = walk(path, 'rmdir', false);
  if (node === undefined) throw failed('ENOENT', 'rmdir', `${path}`);
  if (!(node instanceof Directory)) throw failed('ENOTDIR', 'rmdir', `${path}`);
  checkWritable(parent, 'rmdir', path);
  if (node.entries.size > 0) throw failed('ENOTEMPTY', 'rmdir', `${path}`);
  remove(parent, name, node);
}

function unlink(path) {
  const { parent, name, node } = walk(path, 'unlink', false);
  if (node === undefined) throw failed('ENOENT', 'unlink', `${path}`);
  checkWritable(parent, 'unlink', path);
  if (node instanceof Directory) throw failed('EISDIR', 'unlink', `${path}`);
  remove(parent, name, node);
}

function rename(from, to) {
  const source = walk(from, 'rename', false);
  if (source.node === undefined) throw failed('ENOENT', 'rename', `${from}`, `${to}`);
  const target = walk(to, 'rename', false);
  checkWritable(source.parent, 'rename', from, `${to}`);
  checkWritable(target.parent, 'rename', from, `${to}`);
  if (source.node === target.node) return;
  // A folder does not go into itself.
  const { place } = source;
  if (source.node instanceof Directory && place.length <= target.place.length && place.every((part, i) => part === target.place[i])) {
    throw failed('EINVAL', 'rename', `${from}`, `${to}`);
  }
  if (target.node !== undefined) {
    const isFolder = source.node instanceof Directory;
    if (target.node instanceof Directory !== isFolder) throw failed(isFolder ? 'ENOTDIR' : 'EISDIR', 'rename', `${from}`, `${to}`);
    if (isFolder && target.node.entries.size > 0) throw failed('ENOTEMPTY', 'rename', `${from}`, `${to}`);
  }
  source.parent.entries.delete(source.name);
  source.parent.touch();
  put(target.parent, target.name, source.node);
}

/** What is to be copied; errors name both paths. */
function sourceOf(from, to) {
  try {
    return find(from, 'copyfile');
  } catch (error) {
    throw error.syscall === undefined ? error : failed(error.code, 'copyfile', `${from}`, `${to}`);
  }
}

function copyFile(from, to, mode) {
  const source = sourceOf(from, to);
  if (source instanceof Directory) throw failed('EISDIR', 'copyfile', `${from}`, `${to}`);
  const target = walk(to, 'copyfile');
  if (target.node !== undefined && (mode & 1) !== 0) throw failed('EEXIST', 'copyfile', `${from}`, `${to}`);
  if (target.node instanceof Directory) throw failed('EISDIR', 'copyfile', `${from}`, `${to}`);
  if (target.node === source) return;
  let file = target.node;
  if (file === undefined) {
    checkWritable(target.parent, 'copyfile', from, `${to}`);
    file = new File(false, source.mode | 0o200);
    put(target.parent, target.name, file);
  } else {
    checkWritable(file, 'copyfile', from, `${to}`);
    file.truncate(0);
  }
  file.write(0, contents(source));
}

function contents(node) {
  const bytes = new Uint8Array(node.size);
  node.read(0, bytes);
  return bytes;
}

function link(from, to) {
  const node = find(from, 'link', false);
  if (node instanceof Directory || node.readOnly) throw failed('EPERM', 'link', `${from}`, `${to}`);
  const target = walk(to, 'link', false);
  if (target.node !== undefined) throw failed('EEXIST', 'link', `${from}`, `${to}`);
  checkWritable(target.parent, 'link', from, `${to}`);
  node.nlink++;
  put(target.parent, target.name, node);
}

function symlink(target, path) {
  const { parent, name, node } = walk(path, 'symlink', false);
  if (node !== undefined) throw failed('EEXIST', 'symlink', `${target}`, `${path}`);
  checkWritable(parent, 'symlink', target, `${path}`);
  put(parent, name, new Link(`${target}`));
}

function access(path, mode) {
  const node = find(path, 'access');
  if ((mode & W_OK) !== 0 && node.readOnly && !(node instanceof Device)) throw failed('EACCES', 'access', `${path}`);
}

function chmod(node, mode, path) {
  checkWritable(node, 'chmod', path);
  node.mode = mode & 0o7777;
  node.ctime = now();
}

function setTimes(node, atime, mtime, path) {
  checkWritable(node, 'utime', path);
  node.atime = atime * 1000;
  node.mtime = mtime * 1000;
  node.ctime = now();
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

function mkdtemp(prefix, encoding) {
  const bytes = require('crypto').randomBytes(6);
  let name = `${prefix}`;
  for (let i = 0; i < bytes.length; i++) name += LETTERS[bytes[i] % LETTERS.length];
  mkdir(name, 0o700, false);
  return named(name, encoding);
}

function rmSync(path, _retries, recursive) {
  const { parent, name, node } = walk(path, 'rm', false);
  if (node === undefined) throw failed('ENOENT', 'rm', `${path}`);
  if (node instanceof Directory && !recursive) throw failed('EISDIR', 'rm', `${path}`);
  checkWritable(parent, 'rm', path);
  remove(parent, name, node);
}

function realpath(path, encoding) {
  const { node, place } = walk(path, 'realpath');
  if (node === undefined) throw failed('ENOENT', 'realpath', `${path}`);
  return named(`/${place.join('/')}`, encoding);
}

function readlink(path, encoding) {
  const node = find(path, 'readlink', false);
  if (!(node instanceof Link)) throw failed('EINVAL', 'readlink', `${path}`);
  return named(node.target, encoding);
}

function statfs(path, isBigint) {
  find(path, 'statfs');
  const values = isBigint ? new BigInt64Array(7) : new Float64Array(7);
  values[1] = isBigint ? BigInt(BLOCK) : BLOCK;
  return values;
}

function writeFileUtf8(target, data, flags, mode) {
  const isOpen = typeof target === 'number';
  const fd = isOpen ? target : open(target, flags, mode);
  try {
    write(fd, Buffer.from(data), null);
  } finally {
    if (!isOpen) close(fd);
  }
}

function readFileUtf8(target, flags) {
  const isOpen = typeof target === 'number';
  const fd = isOpen ? target : open(target, flags, 0o666);
  try {
    const file = opened(fd, 'read');
    if (file.node instanceof Directory) throw failed('EISDIR', 'read');
    const buffer = Buffer.alloc(Math.max(file.node.size - file.position, 0));
    const count = read(fd, buffer, 0, buffer.length, null);
    return buffer.toString('utf8', 0, count);
  } finally {
    if (!isOpen) close(fd);
  }
}

class FileHandle {
  constructor(fd) {
    this.fd = fd;
  }

  getAsyncId() {
    return 0;
  }

  close() {
    const { fd } = this;
    this.fd = -1;
    return new Promise((resolve) => {
      close(fd);
      resolve();
    });
  }

  releaseFD() {
    const { fd } = this;
    this.fd = -1;
    return fd;
  }
}

/** What of a module is left of the memory when nobody finds it: -1. */
function moduleStat(path) {
  try {
    return find(path, 'stat') instanceof Directory ? 1 : 0;
  } catch {
    return -2;
  }
}

const { notImplemented } = require('internal/selvedge/unsupported');

/** The calls that may be made later: how many arguments come before who waits. */
const calls = {
  access: [2, access],
  chmod: [2, (path, mode) => chmod(find(path, 'chmod'), mode, path)],
  chown: [3, (path) => checkWritable(find(path, 'chown'), 'chown', path)],
  close: [1, close],
  copyFile: [3, copyFile],
  fchmod: [2, (fd, mode) => chmod(opened(fd, 'fchmod').node, mode, '')],
  fchown: [3, (fd) => void opened(fd, 'fchown')],
  fdatasync: [1, (fd) => void opened(fd, 'fdatasync')],
  fstat: [2, (fd, isBigint) => statsOf(opened(fd, 'fstat').node, isBigint)],
  fsync: [1, (fd) => void opened(fd, 'fsync')],
  ftruncate: [2, (fd, length) => {
    const file = opened(fd, 'ftruncate');
    if (!file.canWrite) throw failed('EINVAL', 'ftruncate');
    file.node.truncate(length);
  }],
  futimes: [3, (fd, atime, mtime) => setTimes(opened(fd, 'futime').node, atime, mtime, '')],
  lchown: [3, (path) => checkWritable(find(path, 'lchown', false), 'lchown', path)],
  link: [2, link],
  lstat: [2, (path, isBigint) => statsOf(find(path, 'lstat', false), isBigint)],
  lutimes: [3, (path, atime, mtime) => setTimes(find(path, 'lutime', false), atime, mtime, path)],
  mkdir: [3, mkdir],
  mkdtemp: [2, mkdtemp],
  open: [3, open],
  openFileHandle: [3, (path, flags, mode) => new FileHandle(open(path, flags, mode))],
  read: [5, read],
  readBuffers: [3, (fd, buffers, position) => each(buffers, position, (view, at) => read(fd, view, 0, view.length, at))],
  readdir: [3, readdir],
  readlink: [2, readlink],
  realpath: [2, realpath],
  rename: [2, rename],
  rmdir: [1, rmdir],
  stat: [2, (path, isBigint) => statsOf(find(path, 'stat'), isBigint)],
  statfs: [2, statfs],
  symlink: [3, symlink],
  unlink: [1, unlink],
  utimes: [3, (path, atime, mtime) => setTimes(find(path, 'utime'), atime, mtime, path)],
  writeBuffer: [5, (fd, buffer, offset, length, position) => write(fd, viewOf(buffer, offset ?? 0, length ?? buffer.byteLength), position)],
  writeBuffers: [3, (fd, buffers, position) => each(buffers, position, (view, at) => write(fd, view, at))],
  writeString: [4, (fd, text, position, encoding) => write(fd, Buffer.from(text, encoding), position)],
};

function callable(arity, work) {
  return (...args) => {
    const waits = args[arity];
    if (waits === kUsePromises) {
      return new Promise((resolve) => resolve(work(...args)));
    }
    if (!(waits instanceof FSReqCallback)) return work(...args);
    let error = null;
    let result;
    try {
      // (Who asks for numbers that are big says so to the one who waits.)
      result = work(...args);
    } catch (thrown) {
      error = thrown;
    }
    process.nextTick(() => {
      if (error !== null) waits.oncomplete(error);
      else if (result === undefined) waits.oncomplete(null);
      else waits.oncomplete(null, result);
    });
    return undefined;
  };
}

const names = ObjectKeys(calls);
for (let i = 0; i < names.length; i++) exports[names[i]] = callable(calls[names[i]][0], calls[names[i]][1]);

/** Of these the sync form may give nothing instead of throwing. */
function quietly(name, quietAt, isQuiet) {
  const loud = exports[name];
  exports[name] = (...args) => {
    if (!isQuiet(args[quietAt])) return loud(...args);
    try {
      return loud(...args);
    } catch (error) {
      if (name !== 'fstat' && error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
      return undefined;
    }
  };
}
quietly('stat', 3, (throws) => throws === false);
quietly('lstat', 3, (throws) => throws === false);
quietly('fstat', 3, (quiet) => quiet === true);

const no = (name) => () => {
  throw notImplemented(`fs.${name}`);
};

Object.assign(exports, {
  bigintStatValues,
  cpSyncCheckPaths(from, to, _dereference, recursive) {
    const source = find(from, 'cp');
    if (source instanceof Directory && !recursive) {
      const { ERR_FS_EISDIR } = require('internal/errors').codes;
      throw new ERR_FS_EISDIR({ message: `Recursive option not enabled, cannot copy a directory: ${from}`, path: `${to}`, syscall: 'cp', errno: -21, code: 'EISDIR' });
    }
    mkdir(require('path').dirname(`${to}`), 0o777, true);
  },
  cpSyncCopyDir(from, to, force, _dereference, errorOnExist) {
    const copy = (source, target) => {
      mkdir(target, 0o777, true);
      for (const { 0: name, 1: node } of find(source, 'cp').list()) {
        if (node instanceof Directory) copy(`${source}/${name}`, `${target}/${name}`);
        else if (force || walk(`${target}/${name}`, 'cp').node === undefined) copyFile(`${source}/${name}`, `${target}/${name}`, 0);
        else if (errorOnExist) throw failed('EEXIST', 'cp', `${target}/${name}`);
      }
    };
    copy(`${from}`, `${to}`);
  },
  cpSyncOverrideFile: (from, to) => copyFile(from, to, 0),
  existsSync(path) {
    try {
      find(path, 'access');
      return true;
    } catch {
      return false;
    }
  },
  FileHandle,
  FSReqCallback,
  getFormatOfExtensionlessFile: () => 0,
  internalModuleStat: (...args) => moduleStat(typeof args[0] === 'string' ? args[0] : args[1]),
  kFsStatsFieldsNumber,
  kUsePromises,
  legacyMainResolve: no('legacyMainResolve'),
  readFileUtf8,
  rmSync,
  statValues,
  StatWatcher: class StatWatcher {
    constructor() {
      throw notImplemented('fs.watchFile');
    }
  },
  writeFileUtf8,
});
