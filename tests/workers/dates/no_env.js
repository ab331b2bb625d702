// compatibility-date: 2026-11-01
// compatibility-flags: env_module_nullable_support
import { env, withEnv } from "cloudflare:workers";
import { equal } from "../assert.js";

export const thereMayBeNoEnv = {
  test() {
    withEnv({ A: 1 }, () => {
      equal(withEnv(null, () => env.A), undefined);
      equal(withEnv(undefined, () => env.A), undefined);
      equal(withEnv(5, () => env.A), undefined, "that of the Worker stands there");
    });
  },
};
