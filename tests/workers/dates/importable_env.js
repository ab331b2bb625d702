// compatibility-date: 2026-11-01
// compatibility-flags: disallow_importable_env
import { env, withEnv } from "cloudflare:workers";
import { same } from "../assert.js";

export const envIsEmpty = {
  test() {
    same([Object.keys(env), withEnv({ A: 1 }, () => env.A)], [[], 1]);
  },
};
