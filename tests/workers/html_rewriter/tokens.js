// Text, comments, doctypes and the end; how long a token may be used.
import { equal, rejects, same, throws } from "../assert.js";

const rewrite = (html, selector, handlers) => new HTMLRewriter().on(selector, handlers).transform(new Response(html)).text();
const rewriteAll = (html, handlers) => new HTMLRewriter().onDocument(handlers).transform(new Response(html)).text();
const OVER = "This content token is no longer valid. Content tokens are only valid during the execution of the " +
  "relevant content handler.";

export const text_chunks = {
  async test() {
    const seen = [];
    const html = await rewrite("<p>a<b>b</b>c &amp;</p>d", "p", {
      text(chunk) {
        equal(chunk.constructor.name, "Text");
        seen.push([chunk.text, chunk.lastInTextNode, chunk.removed]);
        if (chunk.text === "a") chunk.replace("<A>").before("1").after("2");
        if (chunk.text === "b") {
          equal(chunk.remove(), chunk);
          equal(chunk.removed, true);
        }
      },
    });
    same(seen, [
      ["a", false, false],
      ["", true, false],
      ["b", false, false],
      ["", true, false],
      ["c &amp;", false, false],
      ["", true, false],
    ]);
    equal(html, "<p>1&lt;A&gt;2<b></b>c &amp;</p>d");
  },
};

export const text_of_all_kinds = {
  async test() {
    const seen = [];
    await rewrite("<title>a&b</title><script>x<y</script><textarea>q</textarea><style>s</style>", "*", {
      text: (chunk) => void (chunk.text && seen.push(chunk.text)),
    });
    equal(seen.join(""), "a&bx<yqs");
  },
};

export const text_cannot_be_assigned = {
  async test() {
    await rejects(rewrite("<p>a</p>", "p", { text: (chunk) => void (chunk.text = "b") }), TypeError);
  },
};

export const comments = {
  async test() {
    const seen = [];
    const html = await rewrite("<p><!-- a --><!--b--></p><!--c-->", "p", {
      comments(comment) {
        equal(comment.constructor.name, "Comment");
        seen.push(comment.text, comment.removed);
        if (comment.text === "b") comment.text = "new";
        else comment.before("1").after("2", { html: true }).replace("<3>");
      },
    });
    same(seen, [" a ", false, "b", false]);
    equal(html, "<p>1&lt;3&gt;2<!--new--></p><!--c-->");
    const error = await rejects(rewrite("<p><!--a--></p>", "p", { comments: (it) => void (it.text = "-->") }), TypeError);
    equal(error.message, "Parser error: Comment text shouldn't contain a comment-closing sequence.");
  },
};

export const doctypes = {
  async test() {
    const seen = [];
    const html = await rewriteAll("<!DOCTYPE html PUBLIC \"-//W3C\" \"x.dtd\"><!doctype><p>", {
      doctype(it) {
        equal(it.constructor.name, "Doctype");
        seen.push([it.name, it.publicId, it.systemId]);
      },
    });
    same(seen, [["html", "-//W3C", "x.dtd"], [null, null, null]]);
    equal(html, "<!DOCTYPE html PUBLIC \"-//W3C\" \"x.dtd\"><!doctype><p>");
  },
};

export const the_whole_document = {
  async test() {
    const seen = [];
    const html = await rewriteAll("<!--a--><p>x</p>", {
      comments: (it) => void seen.push(`comment ${it.text}`),
      text: (it) => void seen.push(`text ${it.text}`),
      end(it) {
        equal(it.constructor.name, "DocumentEnd");
        seen.push("end");
        equal(it.append("<i>"), it);
        it.append("<j>", { html: true });
      },
    });
    same(seen, ["comment a", "text x", "text ", "end"]);
    equal(html, "<!--a--><p>x</p>&lt;i&gt;<j>");
  },
};

export const handlers_are_called_in_their_order = {
  async test() {
    const seen = [];
    await new HTMLRewriter()
      .on("p", { element: () => void seen.push("p") })
      .onDocument({ text: () => void seen.push("document text") })
      .on("*", { element: () => void seen.push("*"), text: () => void seen.push("* text") })
      .on("p", { text: () => void seen.push("p text") })
      .transform(new Response("<p>x</p>"))
      .text();
    same(seen, ["p", "*", "* text", "p text", "document text", "* text", "p text", "document text"]);
  },
};

export const tokens_are_over_with_their_handler = {
  async test() {
    let element, attributes, text, comment, tag, doctype, end;
    await rewrite("<p a=1>x<!--c--></p>", "p", {
      element(it) {
        element = it;
        attributes = it.attributes;
        it.onEndTag((endTag) => void (tag = endTag));
      },
      text: (it) => void (text = it),
      comments: (it) => void (comment = it),
    });
    await rewriteAll("<!doctype html>", { doctype: (it) => void (doctype = it), end: (it) => void (end = it) });
    const uses = [
      () => element.tagName,
      () => void (element.tagName = "q"),
      () => element.namespaceURI,
      () => element.removed,
      () => element.attributes,
      () => element.getAttribute("a"),
      () => element.hasAttribute("a"),
      () => element.setAttribute("a", "b"),
      () => element.removeAttribute("a"),
      () => element.before("x"),
      () => element.setInnerContent("x"),
      () => element.remove(),
      () => element.removeAndKeepContent(),
      () => element.onEndTag(() => {}),
      () => attributes.next(),
      () => text.text,
      () => text.lastInTextNode,
      () => text.replace("x"),
      () => comment.text,
      () => comment.remove(),
      () => tag.name,
      () => tag.before("x"),
      () => doctype.name,
      () => end.append("x"),
    ];
    for (const use of uses) equal(throws(use, TypeError).message, OVER, `${use}`);
  },
};

export const an_element_is_over_at_its_end_tag = {
  async test() {
    let message;
    await rewrite("<p></p>", "p", {
      element: (it) => it.onEndTag(() => void (message = throws(() => it.tagName, TypeError).message)),
    });
    equal(message, OVER);
  },
};

export const a_token_is_over_when_its_handler_throws = {
  async test() {
    let element;
    await rejects(rewrite("<p>", "p", {
      element(it) {
        element = it;
        throw new RangeError("no");
      },
    }), RangeError);
    equal(throws(() => element.tagName, TypeError).message, OVER);
  },
};
