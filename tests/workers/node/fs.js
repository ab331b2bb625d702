import fs from "node:fs";
import * as promises from "node:fs/promises";
import { text } from "node:stream/consumers";
import { equal, ok, rejects, same, throws } from "../assert.js";

export const files_are_written_and_read = {
  async test() {
    fs.writeFileSync("/tmp/a.txt", "hello");
    equal(fs.readFileSync("/tmp/a.txt", "utf8"), "hello");
    fs.appendFileSync("/tmp/a.txt", " world");
    equal(fs.readFileSync("/tmp/a.txt").toString(), "hello world");
    await promises.writeFile("/tmp/b.bin", new Uint8Array([1, 2, 3]));
    equal((await promises.readFile("/tmp/b.bin")).length, 3);
    const seen = await new Promise((resolve, reject) => fs.readFile("/tmp/a.txt", "utf8", (error, data) => error ? reject(error) : resolve(data)));
    equal(seen, "hello world");
    fs.truncateSync("/tmp/a.txt", 5);
    equal(fs.statSync("/tmp/a.txt").size, 5);
  },
};

export const folders = {
  async test() {
    fs.mkdirSync("/tmp/one/two/three", { recursive: true });
    fs.writeFileSync("/tmp/one/two/x", "");
    same(fs.readdirSync("/tmp/one/two").sort(), ["three", "x"]);
    const kinds = fs.readdirSync("/tmp/one/two", { withFileTypes: true }).map((entry) => `${entry.name}:${entry.isDirectory()}`);
    same(kinds.sort(), ["three:true", "x:false"]);
    equal(throws(() => fs.rmdirSync("/tmp/one/two"), Error).code, "ENOTEMPTY");
    fs.rmSync("/tmp/one", { recursive: true });
    equal(fs.existsSync("/tmp/one"), false);
    ok((await promises.mkdtemp("/tmp/made-")).startsWith("/tmp/made-"));
  },
};

export const open_files = {
  async test() {
    const fd = fs.openSync("/tmp/open", "w+");
    equal(fs.writeSync(fd, "abcdef"), 6);
    const buffer = Buffer.alloc(3);
    equal(fs.readSync(fd, buffer, 0, 3, 2), 3);
    equal(buffer.toString(), "cde");
    equal(fs.fstatSync(fd).isFile(), true);
    fs.closeSync(fd);
    equal(throws(() => fs.readSync(fd, buffer), Error).code, "EBADF");
    const handle = await promises.open("/tmp/open", "r");
    equal((await handle.read(Buffer.alloc(2), 0, 2, 0)).bytesRead, 2);
    await handle.close();
  },
};

export const streams_of_files = {
  async test() {
    await new Promise((resolve, reject) => fs.createWriteStream("/tmp/s").on("finish", resolve).on("error", reject).end("streamed"));
    equal(await text(fs.createReadStream("/tmp/s")), "streamed");
    equal(await text(fs.createReadStream("/tmp/s", { start: 2, end: 4 })), "rea");
  },
};

export const names_change = {
  test() {
    fs.writeFileSync("/tmp/from", "x");
    fs.renameSync("/tmp/from", "/tmp/to");
    equal(fs.existsSync("/tmp/from"), false);
    fs.copyFileSync("/tmp/to", "/tmp/copy");
    equal(fs.readFileSync("/tmp/copy", "utf8"), "x");
    fs.symlinkSync("/tmp/copy", "/tmp/link");
    equal(fs.readFileSync("/tmp/link", "utf8"), "x");
    equal(fs.readlinkSync("/tmp/link"), "/tmp/copy");
    ok(fs.lstatSync("/tmp/link").isSymbolicLink() && !fs.statSync("/tmp/link").isSymbolicLink());
    equal(fs.realpathSync("/tmp/link"), "/tmp/copy");
    fs.unlinkSync("/tmp/copy");
    equal(throws(() => fs.readFileSync("/tmp/link"), Error).code, "ENOENT");
  },
};

export const what_is_not_there = {
  async test() {
    const error = throws(() => fs.readFileSync("/tmp/none"), Error);
    equal(error.code, "ENOENT");
    equal((await rejects(promises.readFile("/etc/passwd"), Error)).code, "ENOENT");
    equal(fs.statSync("/tmp/none", { throwIfNoEntry: false }), undefined);
    equal(throws(() => fs.readdirSync("/tmp/none"), Error).code, "ENOENT");
    equal((await rejects(promises.access("/tmp/none"), Error)).code, "ENOENT");
  },
};

export const the_bundle_is_there_to_read = {
  test() {
    ok(fs.existsSync("/bundle"));
    ok(fs.readdirSync("/bundle").length > 0);
    throws(() => fs.writeFileSync("/bundle/x", "x"), Error);
    throws(() => fs.mkdirSync("/dev/x"), Error);
  },
};

export const devices = {
  test() {
    fs.writeFileSync("/dev/null", "gone");
    equal(fs.readFileSync("/dev/null").length, 0);
    const fd = fs.openSync("/dev/zero", "r");
    const zeros = Buffer.alloc(4, 1);
    fs.readSync(fd, zeros, 0, 4, null);
    equal(zeros.toString("hex"), "00000000");
    fs.closeSync(fd);
  },
};
