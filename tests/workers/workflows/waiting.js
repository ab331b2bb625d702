import { WorkflowEntrypoint } from "cloudflare:workers";
import { equal, ok, rejects, same, until } from "../assert.js";

const runs = {};

export class Tests extends WorkflowEntrypoint {
  run(event, step) {
    return runs[event.payload.name](event, step);
  }
}

async function ran(env, name, run) {
  runs[name] = run;
  return until(await env.W.create({ params: { name } }), "complete", "errored");
}

export const a_sleep_lasts = {
  async test(_, env) {
    const { output } = await ran(env, "sleep", async (_event, step) => {
      const times = [Date.now()];
      await step.sleep("a number", 300);
      times.push(Date.now());
      await step.sleep("a text", "1 second");
      times.push(Date.now());
      return times;
    });
    ok(output[1] - output[0] >= 290, `${output}`);
    ok(output[2] - output[1] >= 990, `${output}`);
  },
};

export const a_sleep_may_end_at_a_time = {
  async test(_, env) {
    const at = Date.now() + 400;
    const { output } = await ran(env, "sleepUntil", async (_event, step) => {
      await step.sleepUntil("a date", new Date(at));
      const first = Date.now();
      await step.sleepUntil("a number", first + 200);
      return [first, Date.now() - first];
    });
    ok(output[0] >= at - 10 && output[1] >= 190, `${output}`);
  },
};

export const the_past_is_refused = {
  async test(_, env) {
    const { status, error } = await ran(env, "past", async (_event, step) => {
      await step.sleepUntil("the past", new Date(5));
    });
    equal(status, "errored");
    equal(error.message, "You can't sleep until a time in the past, time-traveler");
  },
};

export const durations_are_checked = {
  async test(_, env) {
    const { output } = await ran(env, "durations", async (_event, step) => {
      const errors = [];
      for (const duration of ["soon", -1, NaN, "5 moons", null, "400 days"]) {
        try {
          await step.sleep("bad", duration);
          errors.push("none");
        } catch (error) {
          errors.push(error.name);
        }
      }
      return errors;
    });
    same(output, Array(6).fill("WorkflowFatalError"));
  },
};

export const an_event_is_waited_for = {
  async test(_, { W }) {
    runs.event = async (_event, step) => {
      const event = await step.waitForEvent("an approval", { type: "approval", timeout: "1 minute" });
      return [event.payload, event.type, event.timestamp instanceof Date, Object.keys(event).sort()];
    };
    const instance = await W.create({ params: { name: "event" } });
    await until(instance, "running", "waiting");
    await scheduler.wait(300);
    await instance.sendEvent({ type: "approval", payload: { by: "me", at: new Date(5) } });
    const { output } = await until(instance, "complete");
    same(output, [{ by: "me", at: new Date(5) }, "approval", true, ["payload", "timestamp", "type"]]);
  },
};

export const events_wait_for_who_takes_them = {
  async test(_, { W }) {
    runs.early = async (_event, step) => {
      const other = await step.waitForEvent("begin", { type: "begin", timeout: "1 minute" });
      await step.sleep("a while", 200);
      const first = await step.waitForEvent("item", { type: "item", timeout: "1 minute" });
      const second = await step.waitForEvent("item", { type: "item", timeout: "1 minute" });
      return [other.payload, first.payload, second.payload];
    };
    const instance = await W.create({ params: { name: "early" } });
    await until(instance, "running", "waiting");
    await instance.sendEvent({ type: "item", payload: 1 });
    await instance.sendEvent({ type: "item", payload: 2 });
    await instance.sendEvent({ type: "begin", payload: 0 });
    same((await until(instance, "complete")).output, [0, 1, 2]);
  },
};

export const an_event_that_does_not_come_is_an_error = {
  async test(_, env) {
    const { output } = await ran(env, "late", async (_event, step) => {
      try {
        await step.waitForEvent("never", { type: "never", timeout: 200 });
      } catch (error) {
        return error.message.replace(/^[A-Za-z]+Error: /, "");
      }
    });
    equal(output, "Execution timed out after 200ms");
  },
};

export const what_waits_does_not_run_again = {
  async test(_, { W }) {
    const calls = [];
    runs.once = async (_event, step) => {
      await step.do("first", async () => {
        calls.push("first");
      });
      await step.sleep("between", 300);
      await step.do("second", async () => {
        calls.push("second");
      });
    };
    await until(await W.create({ params: { name: "once" } }), "complete");
    same(calls, ["first", "second"]);
  },
};

export const a_sleep_and_a_step_go_on_together = {
  async test(_, env) {
    const { output } = await ran(env, "together", async (_event, step) => {
      const order = [];
      await Promise.all([
        step.sleep("short", 200).then(() => order.push("slept")),
        step.do("long", async () => {
          await scheduler.wait(800);
        }).then(() => order.push("done")),
      ]);
      return order;
    });
    same(output, ["slept", "done"]);
  },
};

export const an_instance_that_sleeps_is_paused_at_once = {
  async test(_, { W }) {
    runs.asleep = async (_event, step) => {
      await step.sleep("a while", 1500);
      return "awake";
    };
    const instance = await W.create({ params: { name: "asleep" } });
    await until(instance, "running", "waiting");
    await scheduler.wait(300);
    await instance.pause();
    await until(instance, "paused");
    await instance.resume();
    equal((await until(instance, "complete")).output, "awake");
  },
};

export const who_has_ended_takes_no_event = {
  async test(_, { W }) {
    runs.ended = async () => 1;
    const instance = await W.create({ params: { name: "ended" } });
    await until(instance, "complete");
    const error = await rejects(instance.sendEvent({ type: "any", payload: 1 }));
    equal(error.message, "(instance.cannot_send_event) Cannot send event to instance since its on a finite state");
    const bad = await rejects(instance.sendEvent({ type: "a b", payload: 1 }));
    ok(bad.message.includes("event.invalid_type"), bad.message);
  },
};
