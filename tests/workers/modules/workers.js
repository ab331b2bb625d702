// The module `cloudflare:workers`: `withEnv()` and its like, tracing, Workflows.
import * as workers from "cloudflare:workers";
import { equal, ok, same, throws } from "../assert.js";

const { env, exports, tracing, withEnv, withEnvAndExports, withExports } = workers;

export const env_is_replaced_for_a_while = {
  async test() {
    equal(env.A, undefined);
    same(withEnv({ A: 1 }, () => [env.A, Object.keys(env), "A" in env]), [1, ["A"], true]);
    equal(withEnv({ A: 1 }, () => withEnv({ A: 2 }, () => env.A) + env.A), 3);
    equal(await withEnv({ A: 1 }, async () => {
      await scheduler.wait(1);
      return env.A;
    }), 1);
    await withEnv({ A: 1 }, async () => {});
    equal(env.A, undefined);
    throws(() => withEnv({ A: 1 }, () => {
      throw new RangeError();
    }), RangeError);
    equal(env.A, undefined);
  },
};

export const timers_and_promises_see_the_env_that_they_were_made_in = {
  async test() {
    const seen = [];
    await withEnv({ A: 1 }, () => new Promise((resolve) => {
      setTimeout(() => {
        seen.push(env.A);
        resolve();
      }, 1);
    }));
    let release;
    const gate = new Promise((resolve) => (release = resolve));
    const later = withEnv({ A: 2 }, () => gate.then(() => env.A));
    withEnv({ A: 3 }, () => release());
    seen.push(await later);
    same(seen, [1, 2]);
  },
};

export const exports_are_replaced_too = {
  test() {
    equal(withExports({ B: 1 }, () => exports.B), 1);
    same(withEnvAndExports({ A: 3 }, { B: 1 }, () => [env.A, exports.B]), [3, 1]);
    equal(exports.B, undefined);
  },
};

export const env_can_be_changed = {
  test(_, handlerEnv) {
    env.Q = 1;
    same([env.Q, handlerEnv.Q], [1, 1]);
    delete env.Q;
    equal(handlerEnv.Q, undefined);
  },
};

export const callbacks_must_be_functions = {
  test() {
    const text = (method, index) => `Failed to execute '${method}' on 'EnvModule': parameter ${index} is not of type 'function'.`;
    equal(throws(() => withEnv({}), TypeError).message, text("withEnv", 2));
    equal(throws(() => withExports({}), TypeError).message, text("withExports", 2));
    equal(throws(() => withEnvAndExports({}, {}), TypeError).message, text("withEnvAndExports", 3));
  },
};

export const spans = {
  async test() {
    const result = tracing.enterSpan("name", (span, ...rest) => {
      ok(span instanceof tracing.Span);
      equal(span.isTraced, false);
      equal(tracing.getActiveSpan(), span);
      equal(span.setAttribute("a", 1), span);
      equal(span.setStatus({ code: "ok" }), span);
      span.end();
      return rest;
    }, 1, 2);
    same(result, [1, 2]);
    ok(await tracing.enterSpan("name", async (span) => {
      await scheduler.wait(1);
      return tracing.getActiveSpan() === span;
    }));
    const span = tracing.startSpan("other");
    equal(tracing.withActiveSpan(span, () => tracing.getActiveSpan() === span), true);
    equal(tracing.startActiveSpan("third", () => 5), 5);
    throws(() => tracing.enterSpan("name", () => {
      throw new RangeError();
    }), RangeError);
    equal(
      throws(() => tracing.enterSpan("name", 5), TypeError).message,
      "Failed to execute 'enterSpan' on 'Tracing': parameter 2 is not of type 'Function'.",
    );
    throws(() => new tracing.Span(), TypeError);
  },
};

export const workflows_have_a_class = {
  test(_, env, ctx) {
    class Flow extends workers.WorkflowEntrypoint {}
    throws(() => new Flow(), TypeError);
    equal(typeof workers.WorkflowEntrypoint, "function");
  },
};

export const the_cache_is_told_to_forget_from_anywhere = {
  test() {
    equal(typeof workers.cache, "object");
  },
};

export const bindings_are_instances_of_a_class = {
  test(_, _env, ctx) {
    equal(throws(() => new workers.ServiceStub(), TypeError).message, "Illegal constructor");
    ok(!({} instanceof workers.ServiceStub));
    if (ctx.exports.default !== undefined) ok(ctx.exports.default instanceof workers.ServiceStub);
  },
};

export const the_context_has_what_the_module_has = {
  test(_, _env, ctx) {
    equal(typeof ctx.tracing.enterSpan, "function");
    equal(ctx.tracing.enterSpan("name", () => 5), 5);
    ok("access" in ctx);
    equal(ctx.access, undefined);
  },
};
