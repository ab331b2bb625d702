// `ctx`: what a handler gets beside its event and `env`
// (https://developers.cloudflare.com/workers/runtime-apis/context/).
import { internals, primordials } from "ext:selvedge/core.js";
import { op_report_exception } from "ext:core/ops";
import { required, waitUntil } from "ext:selvedge/io_context.js";
import { lazy } from "ext:selvedge/lazy.js";
import { isOff } from "ext:selvedge/shared.js";

const { JSONParse, ObjectDefineProperty, SymbolToStringTag, TypeError } = primordials;

const tracing = lazy("ext:selvedge/tracing.js");
const internal = { __proto__: null };

class ExecutionContext {
  #io;
  #props;

  constructor(marker, io, props) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
    this.#io = io;
    this.#props = props;
  }

  waitUntil(promise) {
    waitUntil(this.#io ?? required(), promise, reportRejection);
  }

  /** There is no origin behind a Worker here, so that nothing can pass through. */
  passThroughOnException() {
    void this.#io;
  }

  abort(reason = undefined) {
    throw reason ?? new primordials.Error("The Worker called ctx.abort().");
  }

  get props() {
    return this.#props ??= {};
  }

  /** The cache, as far as it can be told to forget. */
  get cache() {
    void this.#io;
    return internals.cachePurger?.();
  }

  get tracing() {
    void this.#io;
    return tracing().tracing;
  }

  /** Who Cloudflare Access let in: nobody, for it does not stand before this server. */
  get access() {
    void this.#io;
    return undefined;
  }

  get exports() {
    void this.#io;
    return isOff("enable_ctx_exports") ? undefined : internals.exportsObject();
  }
}

ObjectDefineProperty(ExecutionContext.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "ExecutionContext",
  configurable: true,
});

function reportRejection(error) {
  op_report_exception("Uncaught (in promise) ", error);
}

/** `props` is JSON, or what it stands for. */
function contextOf(io, props = undefined) {
  return new ExecutionContext(internal, io, typeof props === "string" ? JSONParse(props) : props);
}

export { contextOf, ExecutionContext, reportRejection };
