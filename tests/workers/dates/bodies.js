// compatibility-date: 2021-01-01
// Bodies and their headers as they were in 2021.
import { equal, ok, same } from "../assert.js";

const FORM = '--X\r\nContent-Disposition: form-data; name="a"; filename="f.txt"\r\n' +
  'Content-Type: text/plain\r\n\r\nhello\r\n--X\r\nContent-Disposition: form-data; name="b"\r\n\r\nplain\r\n--X--\r\n';

export const files_of_forms_are_text = {
  async test() {
    const headers = { "content-type": "multipart/form-data; boundary=X" };
    const form = await new Response(FORM, { headers }).formData();
    same([...form], [["a", "hello"], ["b", "plain"]]);
    const made = new FormData();
    made.append("x", new File(["y"], "z"));
    ok(made.get("x") instanceof File, "what is put in stays");
    equal((await new Response(made).formData()).get("x"), "y");
  },
};

const MARKED = [0xef, 0xbb, 0xbf, 0x31];

export const byte_order_marks_are_text = {
  async test() {
    const bytes = () => new Uint8Array(MARKED);
    equal(await new Response(bytes()).text(), "\ufeff1");
    equal(await new Response("\ufeff1").text(), "\ufeff1");
    equal(await new Request("http://h/", { method: "POST", body: bytes() }).text(), "\ufeff1");
    equal(await new Blob([bytes()]).text(), "\ufeff1");
    const two = new Uint8Array([...MARKED.slice(0, 3), ...MARKED]);
    equal(await new Response(two).text(), "\ufeff\ufeff1");
    let error;
    await new Response(bytes()).json().catch((it) => error = it);
    ok(error instanceof SyntaxError);
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    same([...await new Response(bytes(), { headers }).formData()], [["\ufeff1", ""]]);
  },
};

export const types_of_blobs_are_as_they_are_said = {
  async test() {
    for (const type of ["TEXT/Plain", "foo", "a/b; c = d", "Text/PLAIN; Charset=UTF-8"]) {
      const response = new Response("x", { headers: { "content-type": type } });
      equal((await response.blob()).type, type);
    }
  },
};

export const cookies_are_one_header = {
  test() {
    const headers = new Headers();
    headers.append("set-cookie", "a=1");
    headers.append("x", "1");
    headers.append("set-cookie", "b=2");
    equal("getSetCookie" in headers, false);
    same([...headers], [["set-cookie", "a=1, b=2"], ["x", "1"]]);
    same([...headers.keys()], ["set-cookie", "x"]);
    const seen = [];
    headers.forEach((value, name) => seen.push(`${name}: ${value}`));
    same(seen, ["set-cookie: a=1, b=2", "x: 1"]);
    same(headers.getAll("set-cookie"), ["a=1", "b=2"]);
  },
};

export const reasons_may_be_long = {
  async test() {
    const [one, two] = Object.values(new WebSocketPair());
    one.accept();
    two.accept();
    let reason;
    two.addEventListener("close", (event) => {
      reason = event.reason;
      two.close();
    });
    one.close(1000, "x".repeat(300));
    for (let i = 0; reason === undefined && i < 1000; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    equal(reason.length, 300);
  },
};
