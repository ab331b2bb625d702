// The module `cloudflare:workflows`.
import { NonRetryableError } from "cloudflare:workflows";
import { equal, ok, same } from "../assert.js";

export const errors_that_end_a_workflow = {
  test() {
    const error = new NonRetryableError("text");
    ok(error instanceof Error);
    same([error.name, error.message, Object.keys(error)], ["NonRetryableError", "text", ["name"]]);
    equal(`${new NonRetryableError("text", "Other")}`, "Other: text");
  },
};
