// An instance as Cloudflare's API tells it
// (https://developers.cloudflare.com/api/resources/workflows/subresources/instances/).
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  Date,
  DatePrototypeToISOString,
  JSONParse,
  JSONStringify,
  String,
  StringPrototypeSlice,
} = primordials;
const { shown } = core.loadExtScript("ext:selvedge_workflows/durations.js");
const { OUTPUT, PARAMS, plainError, RESULTS, STEPS, UNDOS, unpack } = core.loadExtScript(
  "ext:selvedge_workflows/records.js",
);

/** All of an instance, in what JSON can say. */
function described(facts, state, records) {
  const { created, version } = facts;
  const { status, error, started, ended } = state;
  const found = records.steps();
  const steps = [];
  for (let i = 0; i < found.length; i++) {
    const { 0: key, 1: step } = found[i];
    const result = step.done ? shownResult(records, StringPrototypeSlice(key, STEPS.length), step) : undefined;
    ArrayPrototypePush(steps, told(step, result));
  }
  if (status === "terminated") ArrayPrototypePush(steps, { type: "termination", trigger: { source: "api" } });
  return {
    params: plain(records.read(PARAMS)),
    trigger: { source: "api" },
    versionId: version ?? null,
    queued: iso(created),
    start: iso(started),
    end: iso(ended),
    success: ended === null ? null : status === "complete",
    status,
    step_count: steps.length,
    steps,
    error,
    output: status === "complete" ? plain(records.read(OUTPUT)) : null,
    ...rollback(state, records),
  };
}

/** What is told of a result: of a stream, its begin. */
function shownResult(records, key, step) {
  if (step.stream === undefined) return records.read(RESULTS + key);
  return core.loadExtScript("ext:selvedge_workflows/streams.js").told(records, key, step.stream);
}

/** How the steps were undone, if they were. */
function rollback({ undo, undone }, records) {
  if (undo === undefined || undo === null) return {};
  const found = records.steps(UNDOS);
  const steps = [];
  for (let i = 0; i < found.length; i++) {
    const step = found[i][1];
    ArrayPrototypePush(steps, told(step, step.failed ? step.attempts[step.attempts.length - 1].error : undefined));
  }
  return { rollback: { outcome: undone ?? "running", steps } };
}

/** A step as Cloudflare's API tells it. */
function told(step, result) {
  const { kind: type, name, count, start, end, done, failed } = step;
  const common = { type, name: `${name}-${count}`, start: iso(start), end: iso(end) };
  const error = failed ? plainError(result) : null;
  if (type === "sleep") return { ...common, finished: done, error };
  if (type === "waitForEvent") {
    const output = done && !failed ? plain({ ...result, payload: unpack(result.payload) }) : undefined;
    return { ...common, finished: done, error, output };
  }
  const attempts = [];
  for (let i = 0; i < step.attempts.length; i++) {
    const { start, end, ok, error } = step.attempts[i];
    ArrayPrototypePush(attempts, { start: iso(start), end: iso(end), success: end === null ? null : ok, error: error ?? null });
  }
  const isSecret = step.config.sensitive === "output";
  return {
    ...common,
    success: done ? !failed : null,
    output: done && !failed ? isSecret ? "[REDACTED]" : plain(result) : undefined,
    error,
    config: shown(step.config),
    attempts,
  };
}

/** A time as JSON has it. */
function iso(time) {
  return time === null || time === undefined ? null : DatePrototypeToISOString(new Date(time));
}

/** A value as JSON has it: what that cannot say is told as text. */
function plain(value) {
  if (value === undefined) return null;
  try {
    return JSONParse(JSONStringify(value) ?? "null");
  } catch {
    return String(value);
  }
}

return { described, plain };
})();
