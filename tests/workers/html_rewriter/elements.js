// What handlers do to elements and end tags.
import { equal, rejects, same, throws } from "../assert.js";

const rewrite = (html, selector, handlers) => new HTMLRewriter().on(selector, handlers).transform(new Response(html)).text();
const change = (html, act) => rewrite(html, "p", { element: act });

export const attributes = {
  async test() {
    const seen = [];
    const html = await change("<p a=1 B=2 c='&amp;'>", (p) => {
      seen.push(p.getAttribute("A"), p.getAttribute("b"), p.getAttribute("c"), p.getAttribute("z"));
      seen.push(p.hasAttribute("C"), p.hasAttribute("z"));
      equal(p.setAttribute("Q", 5), p);
      equal(p.removeAttribute("a"), p);
      equal(p.removeAttribute("none"), p);
      p.setAttribute("b", "\"&<");
    });
    same(seen, ["1", "2", "&amp;", null, true, false]);
    equal(html, "<p B=\"&quot;&<\" c='&amp;' q=\"5\">");
  },
};

export const attributes_are_iterated = {
  async test() {
    let seen;
    await change("<p a=1 B=2 c>", (p) => {
      seen = [...p.attributes];
      const iterator = p.attributes;
      same(iterator.next(), { done: false, value: ["a", "1"] });
      equal(typeof iterator.map, "function");
      equal(Object.prototype.toString.call(iterator), "[object AttributesIterator]");
      iterator.next();
      iterator.next();
      equal(iterator.next().done, true);
      equal(iterator.next().done, true);
    });
    same(seen, [["a", "1"], ["b", "2"], ["c", ""]]);
  },
};

export const an_iterator_ends_when_attributes_change = {
  async test() {
    await change("<p a=1 b=2>", (p) => {
      const iterator = p.attributes;
      iterator.next();
      p.setAttribute("c", "3");
      const error = throws(() => iterator.next());
      equal(
        error.message,
        "The attributes of this element have been modified during iteration. You must create a new iterator " +
          "after modifying attributes.",
      );
    });
  },
};

export const tag_names = {
  async test() {
    const names = [];
    const html = await change("<P>x</P>", (p) => {
      names.push(p.tagName);
      p.tagName = "DIV";
      names.push(p.tagName);
    });
    same(names, ["p", "div"]);
    equal(html, "<DIV>x</DIV>");
    const problem = async (name) => (await rejects(change("<p>", (p) => void (p.tagName = name)), TypeError)).message;
    equal(await problem(""), "Parser error: Tag name can't be empty.");
    equal(await problem("a b"), "Parser error: ` ` character is forbidden in the tag name");
    equal(await problem("1"), "Parser error: The first character of the tag name should be an ASCII alphabetical character.");
  },
};

export const namespaces = {
  async test() {
    const seen = [];
    await rewrite("<p><svg><a></a></svg><math><mrow></mrow></math></p>", "*", {
      element: (it) => void seen.push(`${it.tagName} ${it.namespaceURI}`),
    });
    same(seen, [
      "p http://www.w3.org/1999/xhtml",
      "svg http://www.w3.org/2000/svg",
      "a http://www.w3.org/2000/svg",
      "math http://www.w3.org/1998/Math/MathML",
      "mrow http://www.w3.org/1998/Math/MathML",
    ]);
  },
};

export const content_is_text_unless_it_is_html = {
  async test() {
    const around = (options) => (p) => {
      p.before("<b>", options).after("<a>", options).prepend("<pre>", options).append("<app>", options);
    };
    equal(await change("<p>x</p>", around()), "&lt;b&gt;<p>&lt;pre&gt;x&lt;app&gt;</p>&lt;a&gt;");
    equal(await change("<p>x</p>", around({})), "&lt;b&gt;<p>&lt;pre&gt;x&lt;app&gt;</p>&lt;a&gt;");
    equal(await change("<p>x</p>", around(null)), "&lt;b&gt;<p>&lt;pre&gt;x&lt;app&gt;</p>&lt;a&gt;");
    equal(await change("<p>x</p>", around({ html: true })), "<b><p><pre>x<app></p><a>");
    equal(await change("<p>x</p>", around({ html: 1 })), "<b><p><pre>x<app></p><a>");
  },
};

export const content_is_put_closest_last_before_and_first_after = {
  async test() {
    const html = await change("<p>x</p>", (p) => {
      p.before("1").before("2").after("3").after("4").prepend("5").prepend("6").append("7").append("8");
    });
    equal(html, "12<p>65x78</p>43");
  },
};

export const content_of_other_types_is_a_string = {
  async test() {
    for (const [content, text] of [[5, "5"], [null, "null"], [undefined, "undefined"], [{}, "[object Object]"], [[1], "1"]]) {
      equal(await change("<p></p>", (p) => void p.before(content)), `${text}<p></p>`);
    }
  },
};

export const inner_content_and_replacements = {
  async test() {
    equal(await change("<p>x</p>", (p) => void p.setInnerContent("<i>").setInnerContent("&")), "<p>&amp;</p>");
    equal(await change("<p>x</p>y", (p) => void p.replace("<i>").replace("<j>", { html: true })), "<j>y");
    equal(await change("<p>x</p>y", (p) => void p.removeAndKeepContent()), "xy");
    const seen = [];
    const html = await change("<p>x</p>y", (p) => {
      seen.push(p.removed);
      equal(p.remove(), p);
      seen.push(p.removed);
      p.before("1");
    });
    equal(html, "1y");
    same(seen, [false, true]);
  },
};

export const end_tags = {
  async test() {
    const html = await change("<p>x</p>", (p) => {
      equal(p.onEndTag((tag) => {
        equal(tag.constructor.name, "EndTag");
        equal(tag.name, "p");
        equal(tag.before("<1>"), tag);
        tag.after("2");
        tag.name = "z";
      }), undefined);
    });
    equal(html, "<p>x&lt;1&gt;</z>2");
    equal(await change("<p>x</p>y", (p) => p.onEndTag((tag) => void tag.remove())), "<p>xy");
  },
};

export const the_last_end_tag_handler_is_called = {
  async test() {
    const html = await change("<p>x</p>", (p) => {
      p.onEndTag((tag) => void tag.before("1"));
      p.onEndTag((tag) => void tag.before("2"));
    });
    equal(html, "<p>x2</p>");
  },
};

export const an_end_tag_that_never_comes = {
  async test() {
    equal(await change("<p>x", (p) => p.onEndTag((tag) => void tag.before("z"))), "<p>x");
    const error = await rejects(rewrite("<br>", "br", { element: (br) => br.onEndTag(() => {}) }), TypeError);
    equal(error.message, "Parser error: No end tag.");
  },
};

export const bad_arguments = {
  async test() {
    const problem = async (act) => (await rejects(change("<p a=1></p>", act), TypeError)).message;
    const wrong = (method, index, type, on = "Element") =>
      `Failed to execute '${method}' on '${on}': parameter ${index} is not of type '${type}'.`;
    equal(await problem((p) => void p.getAttribute()), wrong("getAttribute", 1, "string"));
    equal(await problem((p) => void p.hasAttribute()), wrong("hasAttribute", 1, "string"));
    equal(await problem((p) => void p.setAttribute("a")), wrong("setAttribute", 2, "string"));
    equal(await problem((p) => void p.removeAttribute()), wrong("removeAttribute", 1, "string"));
    equal(await problem((p) => void p.before()), wrong("before", 1, "string or JsReadableStream or Response"));
    equal(await problem((p) => void p.append("x", 5)), wrong("append", 2, "ContentOptions"));
    equal(await problem((p) => void p.onEndTag({})), wrong("onEndTag", 1, "function"));
    equal(await problem((p) => void p.setAttribute("a b", "1")), "Parser error: ` ` character is forbidden in the attribute name");
    equal(await problem((p) => void p.setAttribute("", "1")), "Parser error: Attribute name can't be empty.");
    equal(
      await problem((p) => p.onEndTag((tag) => void tag.before())),
      wrong("before", 1, "string or JsReadableStream or Response", "EndTag"),
    );
  },
};

export const void_elements = {
  async test() {
    const html = await rewrite("<svg><path/></svg><br/>", "*", { element: (it) => void it.append("x") });
    equal(html, "<svg><path/>x</svg><br/>");
  },
};
