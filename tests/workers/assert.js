// What the cases need to say what they expect. Runs on every runtime.

export class AssertionError extends Error {
  name = "AssertionError";
}

export function ok(value, message = "the value is falsy") {
  if (!value) throw new AssertionError(message);
}

function shown(value) {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "object" && value !== null) {
    try {
      return JSON.stringify(value, (_, inner) => typeof inner === "bigint" ? `${inner}n` : inner);
    } catch {
      return Object.prototype.toString.call(value);
    }
  }
  return Object.is(value, -0) ? "-0" : String(value);
}

export function equal(actual, expected, message = "") {
  if (!Object.is(actual, expected)) {
    throw new AssertionError(`${message} expected ${shown(expected)}, got ${shown(actual)}`);
  }
}

/** Compares what is left of the values as JSON. */
export function same(actual, expected, message = "") {
  equal(JSON.stringify(actual), JSON.stringify(expected), message);
}

export function throws(act, kind = Error, message = "") {
  let result;
  try {
    result = act();
  } catch (error) {
    check(error, kind, message);
    return error;
  }
  throw new AssertionError(`${message} it did not throw but gave ${shown(result)}`);
}

export async function rejects(promise, kind = Error, message = "") {
  let result;
  try {
    // The promise of a remote call can be called, too.
    result = await (typeof promise === "function" && typeof promise.then !== "function" ? promise() : promise);
  } catch (error) {
    check(error, kind, message);
    return error;
  }
  throw new AssertionError(`${message} it did not reject but gave ${shown(result)}`);
}

/** `kind` is a class, or the name of an error. */
function check(error, kind, message) {
  const fits = typeof kind === "string" ? error?.name === kind : error instanceof kind;
  if (!fits) {
    const wanted = typeof kind === "string" ? kind : kind.name;
    throw new AssertionError(`${message} expected ${wanted}, got ${error?.name}: ${error?.message}`);
  }
}

export function bytes(...values) {
  return new Uint8Array(values);
}

export const encode = (text) => new TextEncoder().encode(text);
export const decode = (data) => new TextDecoder().decode(data);

export function hex(data) {
  return Array.from(new Uint8Array(data), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** All chunks of a stream. */
export async function collect(stream) {
  const chunks = [];
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    chunks.push(value);
  }
}

/** A stream of these chunks. */
export function streamOf(...chunks) {
  return new ReadableStream({
    pull(controller) {
      if (chunks.length === 0) controller.close();
      else controller.enqueue(chunks.shift());
    },
  });
}

/** What each of these throws or is rejected with, as "name: message". */
export async function throwsTexts(cases) {
  const wrong = [];
  for (const [name, [run, expected]] of Object.entries(cases)) {
    let text = "nothing";
    try {
      await run();
    } catch (error) {
      text = `${error?.name}: ${error?.message}`;
    }
    if (text !== expected) wrong.push(`${name}: expected ${shown(expected)}, got ${shown(text)}`);
  }
  if (wrong.length > 0) throw new AssertionError(wrong.join("\n"));
}

/** The status of an instance of a Workflow, once it is one of these. */
export async function until(instance, ...wanted) {
  for (let i = 0; i < 600; i++) {
    const status = await instance.status();
    if (wanted.includes(status.status)) return status;
    await scheduler.wait(50);
  }
  throw new Error(`it is not ${wanted}: ${JSON.stringify(await instance.status())}`);
}
