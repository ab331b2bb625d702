// The parts of a message that a Worker gives in place of a whole one, as
// https://developers.cloudflare.com/email-service/api/send-emails/workers-api/ has them.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayIsArray,
  ArrayPrototypePush,
  Error,
  ObjectKeys,
  RegExpPrototypeExec,
  SafeRegExp,
  String,
  StringPrototypeTrim,
  TypeError,
} = primordials;
const { uploaded } = core.loadExtScript("ext:selvedge/streams.js");

const NAMED = new SafeRegExp("^(.*)<([^<>]+)>\\s*$");
const QUOTES = new SafeRegExp('^"(.*)"$');

function failed(code, text) {
  const error = new Error(text);
  error.code = code;
  return error;
}

/** An address, of text or of an object. */
function person(value, field) {
  if (typeof value === "string") {
    const named = RegExpPrototypeExec(NAMED, value);
    if (named === null) return { email: StringPrototypeTrim(value), name: null };
    const name = StringPrototypeTrim(named[1]);
    const quoted = RegExpPrototypeExec(QUOTES, name);
    return { email: StringPrototypeTrim(named[2]), name: quoted === null ? name : quoted[1] };
  }
  if (typeof value === "object" && value !== null && typeof value.email === "string") {
    const { email, name } = value;
    return { email, name: name === undefined || name === null ? null : String(name) };
  }
  throw failed("E_VALIDATION_ERROR", `"${field}" is neither an email address nor an object with one`);
}

function people(value, field) {
  if (value === undefined || value === null) return [];
  const all = [];
  if (!ArrayIsArray(value)) {
    ArrayPrototypePush(all, person(value, field));
    return all;
  }
  for (let i = 0; i < value.length; i++) ArrayPrototypePush(all, person(value[i], field));
  return all;
}

function text(value) {
  return value === undefined || value === null ? null : String(value);
}

function pairs(headers) {
  const all = [];
  if (headers === undefined || headers === null) return all;
  const names = ObjectKeys(headers);
  for (let i = 0; i < names.length; i++) ArrayPrototypePush(all, [names[i], String(headers[names[i]])]);
  return all;
}

function attachment(value) {
  const { content, filename, type, disposition, contentId } = value;
  if (filename === undefined) throw failed("E_FIELD_MISSING", '"filename" of an attachment is missing');
  if (content === undefined) throw failed("E_FIELD_MISSING", '"content" of an attachment is missing');
  const isText = typeof content === "string";
  const bytes = isText ? null : uploaded(content);
  if (bytes === undefined) {
    throw failed("E_VALIDATION_ERROR", "the content of an attachment is neither base64 nor bytes");
  }
  return {
    filename: String(filename),
    kind: text(type) ?? "application/octet-stream",
    contentId: text(contentId),
    isInline: disposition === "inline",
    text: isText ? content : null,
    bytes,
  };
}

/**
 * The parts of a message, checked as far as they must be there. A reply goes to who
 * wrote the message, whatever it says of that.
 */
function partsOf(builder, isReply) {
  if (typeof builder !== "object" || builder === null) {
    const method = isReply ? "'reply' on 'ForwardableEmailMessage'" : "'send' on 'SendEmail'";
    throw new TypeError(`Failed to execute ${method}: parameter 1 is not of type 'EmailMessage'.`);
  }
  const { from, to, cc, bcc, replyTo, subject, headers, attachments } = builder;
  if (from === undefined) throw failed("E_FIELD_MISSING", '"from" is missing');
  if (subject === undefined) throw failed("E_FIELD_MISSING", '"subject" is missing');
  const parts = {
    from: person(from, "from"),
    to: isReply ? [] : people(to, "to"),
    cc: isReply ? [] : people(cc, "cc"),
    bcc: isReply ? [] : people(bcc, "bcc"),
    replyTo: replyTo === undefined || replyTo === null ? null : person(replyTo, "replyTo"),
    subject: String(subject),
    text: text(builder.text),
    html: text(builder.html),
    headers: pairs(headers),
    attachments: [],
  };
  if (parts.to.length === 0 && !isReply) throw failed("E_FIELD_MISSING", '"to" is missing');
  if (parts.text === null && parts.html === null) throw failed("E_FIELD_MISSING", '"text" or "html" is missing');
  if (ArrayIsArray(attachments)) {
    for (let i = 0; i < attachments.length; i++) ArrayPrototypePush(parts.attachments, attachment(attachments[i]));
  }
  return parts;
}

return { partsOf };
})();
