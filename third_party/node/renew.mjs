// Takes the files that files.txt names out of a program of Node.js into lib/, and
// its constants:
//   node third_party/node/renew.mjs
// Run it with the version that is wanted.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const here = import.meta.dirname;
process.noDeprecation = true;
const sources = process.binding("natives");
rmSync(join(here, "lib"), { recursive: true, force: true });

function write(name, source) {
  // Scripts of the platform are 7-bit ASCII.
  const ascii = source.replace(
    /[^\x00-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const file = join(here, "lib", `${name}.js`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, ascii);
}

for (const name of readFileSync(join(here, "files.txt"), "utf8").split("\n").filter(Boolean)) {
  const source = sources[name];
  if (typeof source !== "string") throw new Error(`this Node.js has no ${name}`);
  write(name, source);
}
const { os, fs, crypto, zlib, trace } = process.binding("constants");
const uv = process.binding("uv");
const errors = [...uv.getErrorMap()].map(([number, [name, text]]) => [number, name, text]);
const plain = (value) => JSON.stringify(value, null, 1);
write("internal/selvedge/constants", `module.exports = ${plain({ os, fs, crypto, zlib, trace })};\n`);
write("internal/selvedge/uv_errors", `module.exports = ${plain(errors)};\n`);
writeFileSync(join(here, "VERSION"), `${process.version}\n`);
