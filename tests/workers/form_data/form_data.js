import { equal, ok, rejects, same } from "../assert.js";

export const entries_are_read_and_written = {
  test() {
    const form = new FormData();
    form.append("a", "1");
    form.append("a", "2");
    form.set("b", 3);
    same(form.getAll("a"), ["1", "2"]);
    equal(form.get("b"), "3");
    equal(form.get("c"), null);
    form.set("a", "9");
    same([...form], [["a", "9"], ["b", "3"]]);
    form.delete("a");
    equal(form.has("a"), false);
  },
};

export const files_have_names_and_types = {
  async test() {
    const form = new FormData();
    form.append("file", new Blob(["text"], { type: "text/x" }), "name.txt");
    form.append("other", new File(["more"], "other.bin"));
    const file = form.get("file");
    ok(file instanceof File);
    same([file.name, file.type, await file.text()], ["name.txt", "text/x", "text"]);
    equal(form.get("other").name, "other.bin");
  },
};

export const a_form_survives_a_request = {
  async test() {
    const form = new FormData();
    form.append("text", "line one\r\nline two \u00e9");
    form.append("file", new File([new Uint8Array([0, 255, 13, 10])], "data.bin", { type: "application/x" }));
    const request = new Request("http://a/", { method: "POST", body: form });
    ok(request.headers.get("content-type").startsWith("multipart/form-data;"));
    const back = await request.formData();
    equal(back.get("text"), "line one\r\nline two \u00e9");
    const file = back.get("file");
    same([file.name, file.type, [...new Uint8Array(await file.arrayBuffer())]], ["data.bin", "application/x", [0, 255, 13, 10]]);
  },
};

export const quotes_in_names_survive = {
  async test() {
    const form = new FormData();
    form.append("na\"me", "quoted");
    equal((await new Response(form).formData()).get('na"me'), "quoted");
  },
};

export const forms_of_urls_are_read = {
  async test() {
    const request = new Request("http://a/", { method: "POST", body: new URLSearchParams("a=1&b=x+y&a=%C3%A9") });
    const form = await request.formData();
    same([form.getAll("a"), form.get("b")], [["1", "\u00e9"], "x y"]);
  },
};

export const what_is_no_form_is_refused = {
  async test() {
    await rejects(new Response("a=1").formData(), TypeError);
    const headers = { "content-type": "multipart/form-data" };
    await rejects(new Response("x", { headers }).formData(), TypeError);
    const broken = { "content-type": "multipart/form-data; boundary=b" };
    await rejects(new Response("--b\r\nno end", { headers: broken }).formData(), TypeError);
  },
};
