import { WorkflowEntrypoint } from "cloudflare:workers";
import { equal, ok, rejects, same, until } from "../assert.js";

const runs = {};

export class Tests extends WorkflowEntrypoint {
  run(event, step) {
    return runs[event.payload.name](event, step);
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export const an_instance_has_an_id = {
  async test(_, { W }) {
    runs.done = async () => "done";
    const unnamed = await W.create({ params: { name: "done" } });
    ok(UUID.test(unnamed.id), unnamed.id);
    const named = await W.create({ id: "my-instance_1", params: { name: "done" } });
    equal(named.id, "my-instance_1");
    const found = await W.get("my-instance_1");
    equal(found.id, "my-instance_1");
    equal((await until(found, "complete")).output, "done");
    await until(unnamed, "complete");
  },
};

export const ids_are_checked = {
  async test(_, { W }) {
    for (const id of ["", "-a", "a b", "a/b", "x".repeat(101), "\u00e9"]) {
      const error = await rejects(W.create({ id, params: { name: "done" } }));
      ok(error.message.includes("Workflow instance has invalid id"), error.message);
    }
    runs.done = async () => "done";
    await until(await W.create({ id: "x".repeat(100), params: { name: "done" } }), "complete");
  },
};

export const one_that_is_not_there_is_not_found = {
  async test(_, { W }) {
    const error = await rejects(W.get("nobody"));
    ok(error.message.includes("instance.not_found"), error.message);
  },
};

export const an_id_is_taken_once = {
  async test(_, { W }) {
    runs.done = async () => "done";
    await until(await W.create({ id: "taken", params: { name: "done" } }), "complete");
    const error = await rejects(W.create({ id: "taken", params: { name: "done" } }));
    equal(error.name, "WorkflowError");
    equal(error.message, "(instance.already_exists) Provided id already exists");
  },
};

export const many_are_made_at_once = {
  async test(_, { W }) {
    runs.echo = async (event) => event.payload.i;
    const batch = Array.from({ length: 20 }, (_, i) => ({ id: `batch-${i}`, params: { name: "echo", i } }));
    const instances = await W.createBatch(batch);
    same(instances.map((it) => it.id), batch.map((it) => it.id));
    for (let i = 0; i < 20; i++) equal((await until(instances[i], "complete")).output, i);
    const none = await rejects(W.createBatch([]));
    ok(none.message.includes("WorkflowError: batchCreate should have at least 1 instance"), none.message);
  },
};

export const a_batch_leaves_out_what_is_there = {
  async test(_, { W }) {
    runs.echo = async (event) => event.payload.i;
    await until(await W.create({ id: "there", params: { name: "echo", i: 1 } }), "complete");
    const made = await W.createBatch([
      { id: "there", params: { name: "echo", i: 2 } },
      { id: "not-there", params: { name: "echo", i: 3 } },
    ]);
    same(made.map((it) => it.id), ["not-there"]);
    equal((await (await W.get("there")).status()).output, 1);
    const error = await rejects(W.createBatch(Array(101).fill({})));
    ok(error.message.includes("at most 100"), error.message);
  },
};

export const without_params_there_are_some = {
  async test(_, { W }) {
    runs[undefined] = async (event) => event.payload;
    same((await until(await W.create(), "complete")).output, {});
  },
};

export const an_instance_is_paused_and_goes_on = {
  async test(_, { W }) {
    const calls = [];
    let go;
    runs.pause = async (_event, step) => {
      await step.do("first", async () => {
        calls.push("first");
        await new Promise((resolve) => {
          go = setInterval(() => calls.includes("go") && resolve(), 10);
        });
        clearInterval(go);
      });
      await step.do("second", async () => {
        calls.push("second");
      });
      return "whole";
    };
    const instance = await W.create({ params: { name: "pause" } });
    await until(instance, "running");
    for (let i = 0; i < 300 && !calls.includes("first"); i++) await scheduler.wait(20);
    await instance.pause();
    equal((await instance.status()).status, "waitingForPause");
    calls.push("go");
    await until(instance, "paused");
    same(calls, ["first", "go"]);
    await instance.pause();
    equal((await instance.status()).status, "paused");
    await instance.resume();
    equal((await until(instance, "complete")).output, "whole");
    same(calls, ["first", "go", "second"]);
  },
};

export const an_instance_is_terminated = {
  async test(_, { W }) {
    runs.endless = async (_event, step) => {
      await step.sleep("for long", "1 hour");
    };
    const instance = await W.create({ params: { name: "endless" } });
    await until(instance, "running", "waiting");
    await instance.terminate();
    equal((await instance.status()).status, "terminated");
    const error = await rejects(instance.terminate());
    ok(error.message.includes("(instance.cannot_terminate) Cannot terminate instance since its on a finite state"), error.message);
  },
};

export const an_instance_is_restarted = {
  async test(_, { W }) {
    let calls = 0;
    runs.again = async (_event, step) => step.do("count", async () => ++calls);
    const instance = await W.create({ params: { name: "again" } });
    equal((await until(instance, "complete")).output, 1);
    await instance.restart();
    for (let i = 0; i < 300 && (await instance.status()).output !== 2; i++) await scheduler.wait(20);
    equal((await until(instance, "complete")).output, 2);
  },
};

export const an_instance_is_restarted_from_a_step = {
  async test(_, { W }) {
    const ran = [];
    runs.from = async (_event, step) => {
      const give = (name) => step.do(name, async () => (ran.push(name), ran.length));
      const one = await give("one");
      const again = [await give("again"), await give("again")];
      await step.sleep("again", 1);
      return [one, again, await give("last")];
    };
    const instance = await W.create({ params: { name: "from" } });
    same((await until(instance, "complete")).output, [1, [2, 3], 4]);
    const restarted = async (from, expected) => {
      await instance.restart({ from });
      const wanted = JSON.stringify(expected);
      for (let i = 0; i < 300 && JSON.stringify((await instance.status()).output) !== wanted; i++) await scheduler.wait(20);
      same((await until(instance, "complete")).output, expected);
    };
    await restarted({ name: "again", count: 2 }, [1, [2, 5], 6]);
    await restarted({ name: "again", type: "sleep" }, [1, [2, 5], 7]);
    await restarted({ name: "one" }, [8, [9, 10], 11]);
    for (const from of [{ name: "none" }, { name: "one", count: 2 }, { name: "one", type: "waitForEvent" }]) {
      const error = await rejects(instance.restart({ from }));
      ok(error.message.includes(`(instance.cannot_restart) Step "${from.name}" not found in execution history`), error.message);
    }
    same((await instance.status()).output, [8, [9, 10], 11]);
  },
};
