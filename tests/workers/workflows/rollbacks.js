import { WorkflowEntrypoint } from "cloudflare:workers";
import { NonRetryableError } from "cloudflare:workflows";
import { equal, ok, same, until } from "../assert.js";

const runs = {};

export class Tests extends WorkflowEntrypoint {
  run(event, step) {
    return runs[event.payload.name](event, step);
  }
}

/** Runs a Workflow to its end. */
async function ended(W, name, run) {
  runs[name] = run;
  return await until(await W.create({ params: { name } }), "errored", "complete", "terminated");
}

const once = { retries: { limit: 0, delay: 1 } };

async function fails() {
  throw new Error("broken");
}

export const steps_are_undone_in_reverse_order_when_their_instance_fails = {
  async test(_, { W }) {
    const undone = [];
    const undo = (name) => ({
      rollback: async ({ ctx, error, output, stepName }) => {
        undone.push([name, ctx.step, ctx.attempt, output, stepName, `${error}`]);
      },
    });
    const { status, error } = await ended(W, "reverse", async (_event, step) => {
      await step.do("one", async () => ({ charge: 1 }), undo("one"));
      await step.do("not undone", async () => 2);
      await step.do("two", { retries: { limit: 3, delay: 1 } }, async ({ attempt }) => {
        if (attempt < 3) throw new Error("not yet");
        return "second";
      }, undo("two"));
      await step.do("two", async () => "again", undo("two again"));
      await step.do("three", once, fails, undo("three"));
    });
    same([status, error.name, error.message], ["errored", "Error", "broken"]);
    same(undone, [
      ["three", { name: "three", count: 1 }, 1, undefined, "three-1", "Error: broken"],
      ["two again", { name: "two", count: 2 }, 1, "again", "two-2", "Error: broken"],
      ["two", { name: "two", count: 1 }, 3, "second", "two-1", "Error: broken"],
      ["one", { name: "one", count: 1 }, 1, { charge: 1 }, "one-1", "Error: broken"],
    ]);
  },
};

export const nothing_is_undone_when_an_error_is_caught = {
  async test(_, { W }) {
    let undone = 0;
    const rollback = async () => undone++;
    const { status, output } = await ended(W, "caught", async (_event, step) => {
      await step.do("one", async () => 1, { rollback });
      try {
        await step.do("two", once, fails, { rollback });
      } catch {
        return "went on";
      }
    });
    same([status, output, undone], ["complete", "went on", 0]);
  },
};

export const what_is_thrown_outside_of_steps_undoes_them_too = {
  async test(_, { W }) {
    const causes = [];
    const rollback = async ({ error }) => causes.push(error.message.includes("no use"));
    const { status } = await ended(W, "thrown", async (_event, step) => {
      await step.do("one", async () => 1, { rollback });
      throw new NonRetryableError("no use");
    });
    same([status, causes], ["errored", [true]]);
  },
};

export const a_rollback_is_tried_again_and_the_first_that_fails_is_the_last = {
  async test(_, { W }) {
    const tried = [];
    const rollbackConfig = { retries: { limit: 2, delay: 1, backoff: "constant" }, timeout: 10000 };
    const undo = (name, works) => ({
      rollback: async () => {
        tried.push(name);
        if (!works()) throw new Error("not undone");
      },
      rollbackConfig,
    });
    const { status, error } = await ended(W, "retried", async (_event, step) => {
      await step.do("first", async () => 1, undo("first", () => true));
      await step.do("stuck", async () => 2, undo("stuck", () => false));
      await step.do("late", async () => 3, undo("late", () => tried.length === 2));
      await step.do("broken", once, fails);
    });
    same(tried, ["late", "late", "stuck", "stuck", "stuck"]);
    same([status, error.message], ["errored", "broken"]);
  },
};

export const steps_that_ran_side_by_side_are_undone_by_their_begin = {
  async test(_, { W }) {
    const undone = [];
    const undo = (name) => ({ rollback: async () => void undone.push(name) });
    await ended(W, "parallel", async (_event, step) => {
      await Promise.all([
        step.do("slow", () => scheduler.wait(60), undo("slow")),
        step.do("quick", async () => 1, undo("quick")),
      ]);
      throw new Error("after both");
    });
    same(undone, ["quick", "slow"]);
  },
};

export const a_terminated_instance_is_undone_when_it_says_so = {
  async test(_, { W }) {
    let undone = [];
    let came = false;
    runs.terminated = async (_event, step) => {
      await step.do("one", async () => "first", {
        // (Miniflare's engine names it, and its RPC loses the name.)
        rollback: async ({ error, output }) => undone.push([output, error.message]),
      });
      came = true;
      await step.waitForEvent("never", { type: "never" });
    };
    const make = async () => {
      const instance = await W.create({ params: { name: "terminated" } });
      while (!came) await scheduler.wait(20);
      came = false;
      return instance;
    };
    const instance = await make();
    await instance.terminate({ rollback: true });
    await until(instance, "terminated");
    same(undone, [["first", "Instance terminated during rollback"]]);
    undone = [];
    const other = await make();
    await other.terminate();
    equal((await other.status()).status, "terminated");
    await scheduler.wait(50);
    same(undone, []);
  },
};

export const no_step_runs_in_a_rollback = {
  async test(_, { W }) {
    let message;
    await ended(W, "nested", async (_event, step) => {
      await step.do("one", async () => 1, {
        rollback: async () => {
          try {
            await step.do("two", async () => 2);
          } catch (error) {
            message = error.message;
          }
        },
      });
      throw new Error("fails");
    });
    equal(message, "Cannot execute steps during rollback phase");
  },
};

export const options_of_rollbacks_are_checked = {
  async test(_, { W }) {
    const help = "See https://developers.cloudflare.com/workflows/build/sleeping-and-retrying/";
    const rollback = async () => {};
    for (const [options, text] of [
      [null, 'Rollback options for "s" must be an object'],
      [[], 'Rollback options for "s" must be an object'],
      [{}, 'Rollback for "s" must be a function'],
      [{ rollback: 1 }, 'Rollback for "s" must be a function'],
      [{ rollback, rollbackConfig: { retries: 1 } }, `Rollback config for "s" is in a invalid format. ${help}`],
    ]) {
      const { error } = await ended(W, "options", (_event, step) => step.do("s", async () => 1, options));
      ok(error?.message.includes(text), `${JSON.stringify(options)}: ${error?.message}`);
    }
  },
};

export const an_instance_that_was_undone_can_run_again = {
  async test(_, { W }) {
    const done = [];
    let works = false;
    runs.again = async (_event, step) => {
      await step.do("one", async () => done.push("do"), { rollback: async () => void done.push("undo") });
      if (!works) throw new Error("not yet");
      return "worked";
    };
    const instance = await W.create({ params: { name: "again" } });
    await until(instance, "errored");
    works = true;
    await instance.restart();
    equal((await until(instance, "complete")).output, "worked");
    same(done, ["do", "undo", "do"]);
  },
};
