import { WorkflowEntrypoint } from "cloudflare:workers";
import { NonRetryableError } from "cloudflare:workflows";
import { equal, ok, rejects, same } from "../assert.js";

/** What the Workflow does, by the name in its params. */
const runs = {};
const seen = {};

export class Tests extends WorkflowEntrypoint {
  run(event, step) {
    return runs[event.payload.name](event, step, this);
  }
}

/** The status of an instance, once it has ended. */
async function end(instance) {
  for (let i = 0; i < 600; i++) {
    const status = await instance.status();
    if (["complete", "errored", "terminated"].includes(status.status)) return status;
    await scheduler.wait(50);
  }
  throw new Error(`it does not end: ${JSON.stringify(await instance.status())}`);
}

/** What an error says, without its name: where it comes from another Worker, that may stand there. */
const bare = (error) => error.message.replace(/^[A-Za-z]+Error: /, "");

const quick = { retries: { limit: 2, delay: 10, backoff: "constant" } };

/** Makes an instance that runs `run`, and gives how it ended. */
async function ran(env, name, run) {
  runs[name] = run;
  return end(await env.W.create({ params: { name } }));
}

export const run_gets_an_event = {
  async test(_, env) {
    runs.event = (event, _step, self) => {
      seen.event = event;
      seen.self = self;
      return { keys: Object.keys(event).sort(), payload: event.payload };
    };
    const params = { name: "event", list: [1, null, "\u00e9"] };
    const { status, output } = await end(await env.W.create({ id: "with-event", params }));
    equal(status, "complete");
    same(output, { keys: ["instanceId", "payload", "timestamp", "workflowName"], payload: params });
    equal(seen.event.instanceId, "with-event");
    equal(seen.event.workflowName, "tests");
    ok(seen.event.timestamp instanceof Date && Math.abs(Date.now() - seen.event.timestamp) < 60_000);
    ok(seen.self instanceof WorkflowEntrypoint && typeof seen.self.env.W.create === "function");
    equal(typeof seen.self.ctx.waitUntil, "function");
  },
};

export const a_step_gives_what_its_callback_gave = {
  async test(_, env) {
    const { status, output } = await ran(env, "values", async (_event, step) => {
      const values = [];
      values.push(await step.do("text", async () => "a"));
      values.push(await step.do("number", () => 5));
      values.push(await step.do("null", async () => null));
      values.push(await step.do("undefined", async () => {}) === undefined);
      values.push(await step.do("false", async () => false));
      const map = await step.do("map", async () => new Map([["a", new Date(5)]]));
      values.push(map.get("a").getTime());
      const bytes = await step.do("bytes", async () => new Uint8Array([1, 2]));
      values.push([...bytes]);
      return values;
    });
    equal(status, "complete");
    same(output, ["a", 5, null, true, false, 5, [1, 2]]);
  },
};

export const a_step_sees_its_context = {
  async test(_, env) {
    const { output } = await ran(env, "context", async (_event, step) => {
      const first = await step.do("same", async (ctx) => ctx);
      const second = await step.do("same", { retries: { limit: 1, delay: "1 second" }, timeout: 5000 }, async (ctx) => ctx);
      return [first, second];
    });
    same(output[0].step, { name: "same", count: 1 });
    equal(output[0].attempt, 1);
    same(Object.entries(output[0].config.retries).sort(), [["backoff", "exponential"], ["delay", 1000], ["limit", 5]]);
    equal(output[0].config.timeout, "10 minutes");
    same(output[1].step, { name: "same", count: 2 });
    same(Object.entries(output[1].config.retries).sort(), [["backoff", "exponential"], ["delay", "1 second"], ["limit", 1]]);
    equal(output[1].config.timeout, 5000);
  },
};

export const a_step_that_fails_is_tried_again = {
  async test(_, env) {
    const { status, output } = await ran(env, "retried", async (_event, step) => {
      let calls = 0;
      const attempt = await step.do("flaky", quick, async (ctx) => {
        calls++;
        if (calls < 3) throw new Error("not yet");
        return ctx.attempt;
      });
      return [attempt, calls];
    });
    equal(status, "complete");
    same(output, [3, 3]);
  },
};

export const a_step_that_fails_too_often_throws = {
  async test(_, env) {
    const { status, output } = await ran(env, "caught", async (_event, step) => {
      let calls = 0;
      try {
        await step.do("bad", quick, async () => {
          calls++;
          throw new TypeError("always");
        });
      } catch (error) {
        return [calls, error.name, error.message];
      }
    });
    equal(status, "complete");
    same(output, [3, "TypeError", "always"]);
  },
};

export const what_is_not_caught_ends_the_instance = {
  async test(_, env) {
    const { status, error, output } = await ran(env, "uncaught", async (_event, step) => {
      await step.do("bad", { retries: { limit: 0, delay: 0 } }, async () => {
        throw new RangeError("too far");
      });
    });
    equal(status, "errored");
    same([error.name, error.message], ["RangeError", "too far"]);
    equal(output ?? null, null);
  },
};

export const a_non_retryable_error_is_not_tried_again = {
  async test(_, env) {
    let calls = 0;
    const { status, error } = await ran(env, "nonRetryable", async (_event, step) => {
      await step.do("fatal", quick, async () => {
        calls++;
        throw new NonRetryableError("that is it");
      });
    });
    equal(calls, 1);
    equal(status, "errored");
    equal(error.name, "NonRetryableError");
    equal(error.message, "that is it");
  },
};

export const a_non_retryable_error_can_be_caught = {
  async test(_, env) {
    const { status, output } = await ran(env, "nonRetryableCaught", async (_event, step) => {
      try {
        await step.do("fatal", quick, async () => {
          throw new NonRetryableError("no");
        });
      } catch (error) {
        return bare(error);
      }
    });
    equal(status, "complete");
    equal(output, "no");
  },
};

export const a_step_has_a_timeout = {
  async test(_, env) {
    const { output } = await ran(env, "timeout", async (_event, step) => {
      let signal = 0;
      try {
        await step.do("slow", { retries: { limit: 1, delay: 1, backoff: "linear" }, timeout: 50 }, async () => {
          signal++;
          await new Promise(() => {});
        });
      } catch (error) {
        return [signal, bare(error)];
      }
    });
    same(output, [2, "Execution timed out after 50ms"]);
  },
};

export const what_cannot_be_kept_ends_the_instance = {
  async test(_, env) {
    const { status, error } = await ran(env, "function", async (_event, step) => {
      await step.do("bad", async () => ({ call: () => 1 }));
    });
    equal(status, "errored");
    equal(error.name, "WorkflowFatalError");
    equal(
      error.message,
      'The execution of the Workflow instance was terminated, as the step "bad" returned a value which is not serialisable',
    );
  },
};

export const a_result_is_a_mebibyte_at_most = {
  async test(_, env) {
    const { output } = await ran(env, "large", async (_event, step) => {
      const small = await step.do("small", async () => "x".repeat(1000 * 1000));
      try {
        await step.do("large", { retries: { limit: 0, delay: 0 } }, async () => "x".repeat(3 * 1024 * 1024));
      } catch (error) {
        return [small.length, bare(error)];
      }
    });
    same(output, [1e6, "Step large-1 output is too large. Maximum allowed size is 1MiB."]);
  },
};

export const configurations_are_checked = {
  async test(_, env) {
    const bad = [
      { retries: { limit: -1, delay: 1 } },
      { retries: { limit: 1 } },
      { retries: { limit: 1, delay: 1, backoff: "none" } },
      { retries: { limit: 1, delay: 1, more: true } },
      { timeout: 0 },
      { timeout: "soon" },
      { unknown: 1 },
      { sensitive: "yes" },
    ];
    const { output } = await ran(env, "configs", async (_event, step) => {
      const errors = [];
      for (const config of bad) {
        try {
          await step.do("step", config, async () => 1);
          errors.push("none");
        } catch (error) {
          errors.push(bare(error));
        }
      }
      return errors;
    });
    const text = 'Step config for "step" is in a invalid format. See https://developers.cloudflare.com/workflows/build/sleeping-and-retrying/';
    same(output, bad.map(() => text));
  },
};

export const names_are_checked = {
  async test(_, env) {
    const { output } = await ran(env, "names", async (_event, step) => {
      const errors = [];
      for (const name of ["x".repeat(257), "a\u0001b"]) {
        try {
          await step.do(name, async () => 1);
        } catch (error) {
          errors.push(bare(error).replace(name, "NAME"));
        }
      }
      try {
        await step.do("none");
      } catch (error) {
        errors.push(bare(error));
      }
      await step.do("x".repeat(256), async () => 1);
      return errors;
    });
    same(output, [
      'Step name "NAME" exceeds max length (256 chars) or invalid characters found',
      'Step name "NAME" exceeds max length (256 chars) or invalid characters found',
      'Step "none" requires a callback function',
    ]);
  },
};

export const steps_run_side_by_side = {
  async test(_, env) {
    const { output } = await ran(env, "parallel", async (_event, step) => {
      let most = 0;
      let now = 0;
      const one = (name) =>
        step.do(name, async () => {
          most = Math.max(most, ++now);
          await scheduler.wait(200);
          now--;
          return name;
        });
      return [await Promise.all([one("a"), one("b"), one("c")]), most];
    });
    same(output, [["a", "b", "c"], 3]);
  },
};

export const a_delay_may_be_a_function = {
  async test(_, env) {
    const asked = [];
    const { output } = await ran(env, "delays", async (_event, step) => {
      const delay = ({ ctx, error }) => {
        asked.push([ctx.attempt, error.message]);
        return "10";
      };
      return step.do("again", { retries: { limit: 3, delay, backoff: "constant" } }, async (ctx) => {
        if (ctx.attempt < 3) throw new Error(`number ${ctx.attempt}`);
        return [ctx.attempt, "delay" in ctx.config.retries];
      });
    });
    same(output, [3, false]);
    same(asked, [[1, "number 1"], [2, "number 2"]]);
  },
};

export const a_delay_that_is_none_ends_the_step = {
  async test(_, env) {
    const { error } = await ran(env, "badDelay", async (_event, step) => {
      await step.do("again", { retries: { limit: 3, delay: () => "soon" } }, async () => {
        throw new Error("no");
      });
    });
    equal(
      bare(error),
      'The delay function for step "again-1" returned an invalid delay value (expected a number of ms or a duration string like "30 seconds")',
    );
  },
};

export const steps_are_limited = {
  async test(_, env) {
    runs.many = async (_event, step) => {
      for (let i = 0; i < 4; i++) await step.do(`step ${i}`, async () => i);
    };
    const { status, error } = await end(await env.SHORT.create({ params: { name: "many" } }));
    equal(status, "errored");
    equal(bare(error), "The limit of 3 steps has been reached. This limit can be changed in your worker configuration.");
  },
};

export const an_output_may_be_anything_that_can_be_kept = {
  async test(_, env) {
    const { output } = await ran(env, "output", async () => ({ a: [1, { b: null }] }));
    same(output, { a: [1, { b: null }] });
    const nothing = await ran(env, "nothing", async () => {});
    equal(nothing.status, "complete");
    equal(nothing.output ?? null, null);
    await rejects(Promise.reject(new Error("for the import")));
  },
};

/** A stream of these chunks. */
function streamOf(...chunks) {
  return new ReadableStream({
    pull(controller) {
      if (chunks.length === 0) controller.close();
      else controller.enqueue(chunks.shift());
    },
  });
}

export const a_step_may_give_a_stream = {
  async test(_, env) {
    const { output } = await ran(env, "stream", async (_event, step) => {
      const large = new Uint8Array(300_000).map((_, at) => at % 251);
      const first = await step.do("bytes", async () => streamOf(large, large.buffer.slice(0, 5), new Uint16Array([258])));
      const bytes = new Uint8Array(await new Response(first).arrayBuffer());
      const text = await step.do("text", async () => new Response("a text of a body").body);
      const empty = await step.do("empty", async () => streamOf());
      return [
        bytes.length, bytes.slice(0, 300_000).every((byte, at) => byte === at % 251), [...bytes.slice(300_000)],
        await new Response(text).text(), await new Response(empty).text(),
      ];
    });
    same(output, [300_007, true, [0, 1, 2, 3, 4, 2, 1], "a text of a body", ""]);
  },
};

export const a_stream_that_is_none_of_bytes_ends_the_instance = {
  async test(_, env) {
    const wrong = {
      locked: () => {
        const stream = streamOf();
        stream.getReader();
        return stream;
      },
      text: () => streamOf("text"),
      large: () => streamOf(new Uint8Array(16 * 1024 * 1024 + 1)),
      fails: () => new ReadableStream({ pull: () => { throw new TypeError("no more"); } }),
    };
    const texts = {
      locked: "Step returned a ReadableStream that is already locked or otherwise unreadable. Return a fresh, unlocked ReadableStream from step.do().",
      text: "Step returned a ReadableStream with unsupported chunk type. Only ArrayBuffer and TypedArray chunks are supported.",
      large: "Step returned a ReadableStream chunk larger than the maximum allowed size of 16777216 bytes. Return smaller chunks from step.do().",
      fails: "Failed to read from step ReadableStream output. no more",
    };
    for (const [name, make] of Object.entries(wrong)) {
      const { status, error } = await ran(env, `stream ${name}`, async (_event, step) => {
        await step.do("bad", async () => make());
      });
      equal(status, "errored");
      equal(error.name, "WorkflowFatalError");
      equal(
        error.message,
        `The execution of the Workflow instance was terminated, as the step "bad" returned an invalid ReadableStream output. ${texts[name]}`,
      );
    }
  },
};

export const a_stream_must_end_in_time = {
  async test(_, env) {
    let canceled = 0;
    const { output } = await ran(env, "stream in time", async (_event, step) => {
      const result = await step.do("slow", { retries: { limit: 1, delay: 1 }, timeout: 100 }, async ({ attempt }) => {
        if (attempt === 2) return streamOf(new Uint8Array([attempt]));
        return new ReadableStream({
          start(controller) {
            controller.enqueue(new Uint8Array(400_000));
          },
          cancel() {
            canceled++;
          },
        });
      });
      return [...new Uint8Array(await new Response(result).arrayBuffer())];
    });
    same([output, canceled], [[2], 1]);
  },
};
