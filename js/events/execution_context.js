// `ctx`: what a handler gets beside its event and `env`
// (https://developers.cloudflare.com/workers/runtime-apis/context/).
import { primordials } from "ext:core/mod.js";
import { op_report_exception } from "ext:core/ops";
import { waitUntil } from "ext:selvedge/io_context.js";

const { JSONParse, ObjectDefineProperty, SymbolToStringTag, TypeError } = primordials;

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
    waitUntil(this.#io, promise, reportRejection);
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
}

ObjectDefineProperty(ExecutionContext.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "ExecutionContext",
  configurable: true,
});

function reportRejection(error) {
  op_report_exception("Uncaught (in promise) ", error);
}

/** `props` is JSON. */
function contextOf(io, props = undefined) {
  return new ExecutionContext(internal, io, props === undefined ? undefined : JSONParse(props));
}

export { contextOf, ExecutionContext, reportRejection };
