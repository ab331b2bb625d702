import { equal, same } from "../assert.js";

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return `${error.constructor.name}: ${error.message}`;
  }
  return "none";
}

/** Results of so many calls, within one window: again where a window ended meanwhile. */
async function results(limiter, count, options) {
  for (;;) {
    const window = Math.floor(Date.now() / 60_000);
    const key = crypto.randomUUID();
    const calls = Array.from({ length: count }, () => limiter.limit({ key, ...options }));
    const all = await Promise.all(calls);
    if (window === Math.floor(Date.now() / 60_000)) return all;
  }
}

export const a_key_is_let_through_as_often_as_the_limit_says = {
  async test(_, { LIMITER }) {
    const all = await results(LIMITER, 8);
    same(all[0], { success: true });
    equal(all.filter((it) => it.success).length, 5);
    same(all.at(-1), { success: false });
  },
};

export const a_call_may_have_a_limit_of_its_own = {
  async test(_, { LIMITER }) {
    equal((await results(LIMITER, 4, { limit: 2 })).filter((it) => it.success).length, 2);
    equal((await results(LIMITER, 2, { limit: 0 })).filter((it) => it.success).length, 0);
  },
};

export const options_are_checked = {
  async test(_, { LIMITER }) {
    equal(await refusal(() => LIMITER.limit()), "Error: invalid rate limit options");
    equal(await refusal(() => LIMITER.limit("key")), "Error: invalid rate limit options");
    equal(await refusal(() => LIMITER.limit({ key: "a", b: 1, c: 2 })), "Error: bad rate limit options: [b,c]");
    equal(await refusal(() => LIMITER.limit({ key: 5 })), "Error: invalid key: 5");
    equal(await refusal(() => LIMITER.limit({ limit: "5" })), "Error: limit must be a number: 5");
    equal(await refusal(() => LIMITER.limit({ period: 11 })), "Error: unsupported period: 11");
    equal(await refusal(() => LIMITER.limit({ period: "10" })), "Error: period must be a number: 10");
    equal(typeof (await LIMITER.limit({})).success, "boolean");
  },
};
