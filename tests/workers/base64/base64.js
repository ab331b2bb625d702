import { equal, throws } from "../assert.js";

export const text_goes_there_and_back = {
  test() {
    equal(btoa("hello"), "aGVsbG8=");
    equal(btoa(""), "");
    equal(btoa("\u00ff\0"), "/wA=");
    equal(atob("aGVsbG8="), "hello");
    equal(atob(" aGVs\nbG8 "), "hello");
    equal(atob("aGVsbG8"), "hello");
    equal(btoa(12), "MTI=");
  },
};

export const what_does_not_fit_is_refused = {
  test() {
    throws(() => btoa("\u20ac"), "InvalidCharacterError");
    throws(() => atob("a"), "InvalidCharacterError");
    throws(() => atob("*aaa"), "InvalidCharacterError");
  },
};
