// What the `email` handler gets: class ForwardableEmailMessage, as
// https://developers.cloudflare.com/email-service/api/route-emails/email-handler/ has it.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_console_emit,
  op_email_forward,
  op_email_max_bytes,
  op_email_reply_built,
  op_email_reply_raw,
} = core.ops;
const {
  ArrayPrototypePush,
  Date,
  DatePrototypeToISOString,
  Error,
  ObjectDefineProperty,
  ObjectPrototypeIsPrototypeOf,
  RegExpPrototypeExec,
  SafeRegExp,
  String,
  StringFromCharCode,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeSplit,
  StringPrototypeTrim,
  SymbolToStringTag,
  TypedArrayPrototypeSlice,
  TypeError,
} = primordials;
const { bodies, headers: headerLists, io: contexts } = internals.selvedge;
const { Headers, toBlob } = headerLists;
const { EmailMessage } = core.loadExtScript("ext:selvedge/cloudflare_email.js");
const { partsOf } = core.loadExtScript("ext:selvedge_email/parts.js");

/** Nobody else can make these. */
const internal = { __proto__: null };
/** `log` of the console. */
const LOG = 1;
const FOLDED = new SafeRegExp("^[ \\t]");
const FIELD = new SafeRegExp("^[!-9;-~]+$");

/** The bytes before the first empty line, each a character. */
function headOf(raw) {
  let text = "";
  let isEmpty = true;
  for (let i = 0; i < raw.length; i++) {
    if (raw[i] === 10) {
      if (isEmpty) break;
      isEmpty = true;
    } else if (raw[i] !== 13) {
      isEmpty = false;
    }
    text += StringFromCharCode(raw[i]);
  }
  return text;
}

/** The headers of a message (RFC 5322, 2.2), folded lines joined. */
function headersOf(text) {
  const headers = new Headers();
  const lines = StringPrototypeSplit(text, "\n");
  let name = null;
  let value = "";
  const add = () => {
    if (name !== null) headers.append(name, StringPrototypeTrim(value));
  };
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    if (StringPrototypeTrim(line) === "") break;
    if (RegExpPrototypeExec(FOLDED, line) !== null) {
      value += ` ${StringPrototypeTrim(line)}`;
      continue;
    }
    add();
    const colon = StringPrototypeIndexOf(line, ":");
    name = colon > 0 && RegExpPrototypeExec(FIELD, StringPrototypeSlice(line, 0, colon)) !== null
      ? StringPrototypeSlice(line, 0, colon)
      : null;
    value = StringPrototypeTrim(StringPrototypeSlice(line, colon + 1));
  }
  add();
  if (internals.isOff("set_forwardable_email_full_headers")) keepFirst(headers);
  return headers;
}

/** At old dates a message is to one address, as far as its headers tell. */
function keepFirst(headers) {
  const names = ["To", "Cc"];
  for (let i = 0; i < names.length; i++) {
    const all = headers.get(names[i]);
    if (all !== null) headers.set(names[i], firstOf(all));
  }
}

/** What stands before the first comma that is not in quotes, a comment or a group of brackets. */
function firstOf(addresses) {
  let quoted = false;
  let depth = 0;
  for (let i = 0; i < addresses.length; i++) {
    const at = addresses[i];
    if (at === "\\") i++;
    else if (at === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (at === "(" || at === "<") depth++;
    else if (at === ")" || at === ">") depth--;
    else if (at === "," && depth <= 0) return StringPrototypeTrim(StringPrototypeSlice(addresses, 0, i));
  }
  return addresses;
}

/** Names and values, in pairs. */
function pairsOf(headers) {
  const pairs = [];
  if (headers === undefined || headers === null) return pairs;
  const parts = StringPrototypeSplit(toBlob(new Headers(headers)), "\0");
  for (let i = 0; i + 1 < parts.length; i += 2) ArrayPrototypePush(pairs, [parts[i], parts[i + 1]]);
  return pairs;
}

/** What became of a message, as those are told who brought it. */
class Fate {
  rejectReason = undefined;
  forwards = [];
  replies = [];
  events = [];

  note(type, messageId) {
    const timestamp = DatePrototypeToISOString(new Date(internals.now()));
    ArrayPrototypePush(this.events, { type, timestamp, messageId });
  }
}

function told(what, file) {
  const kept = file === "" ? "" : `\nEmail: ${file}`;
  op_console_emit(LOG, `Email handler ${what}${kept}`, "");
}

class ForwardableEmailMessage {
  #rid;
  #from;
  #to;
  /** The message, which the stream that a Worker reads has no part in. */
  #own;
  #raw;
  #headers;
  #fate;
  #hasReplied = false;

  constructor(key, rid, from, to, raw, fate) {
    if (key !== internal) throw new TypeError("Illegal constructor");
    this.#rid = rid;
    this.#from = from;
    this.#to = to;
    this.#own = TypedArrayPrototypeSlice(raw);
    this.#headers = headersOf(headOf(raw));
    this.#raw = bodies.streamOf(new bodies.Body(bodies.BYTES, raw));
    this.#fate = fate;
  }

  get from() {
    return this.#from;
  }

  get to() {
    return this.#to;
  }

  get headers() {
    return this.#headers;
  }

  get raw() {
    return this.#raw;
  }

  get rawSize() {
    return this.#own.length;
  }

  get canBeForwarded() {
    return true;
  }

  setReject(reason) {
    this.#fate.rejectReason = String(reason);
    this.#fate.note("reject", undefined);
    told(`rejected message with the following reason: "${this.#fate.rejectReason}"`, "");
  }

  async forward(rcptTo, headers = undefined) {
    const io = contexts.requiredOpen();
    const recipient = String(rcptTo);
    const pairs = pairsOf(headers);
    const { 0: messageId, 1: file } = await op_email_forward(
      this.#rid, io.slot, this.#from, this.#to, this.#own, recipient, pairs,
    );
    ArrayPrototypePush(this.#fate.forwards, { recipient, headers: pairs, messageId });
    this.#fate.note("forward", messageId);
    told(`forwarded message with\n  rcptTo: ${recipient}`, file);
    return { messageId };
  }

  async reply(message) {
    const io = contexts.requiredOpen();
    if (this.#hasReplied) throw new Error("The email can only be replied to once");
    this.#hasReplied = true;
    const ends = [this.#from, this.#to];
    let sender, sent;
    try {
      if (typeof message === "object" && message !== null && ObjectPrototypeIsPrototypeOf(EmailMessage.prototype, message)) {
        const { from, to, raw } = message;
        sender = String(from);
        const bytes = await bodies.consumeBytes(bodies.extract(raw));
        sent = await op_email_reply_raw(this.#rid, io.slot, ends, this.#own, [sender, String(to)], bytes);
      } else {
        const parts = partsOf(message, true);
        sender = parts.from.email;
        sent = await op_email_reply_built(this.#rid, io.slot, ends, this.#own, parts);
      }
    } catch (error) {
      // Nothing went out: another one may.
      this.#hasReplied = false;
      throw error;
    }
    const { 0: messageId, 1: file } = sent;
    ArrayPrototypePush(this.#fate.replies, { messageId, sender });
    this.#fate.note("reply", messageId);
    told("replied to sender", file);
    return { messageId };
  }
}
ObjectDefineProperty(ForwardableEmailMessage.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "ForwardableEmailMessage",
  configurable: true,
});

/** A message for the handler, and what will become of it; `null`: it is too large. */
function bind(rid) {
  return (from, to, raw) => {
    if (raw.length > op_email_max_bytes()) return null;
    const fate = new Fate();
    return { message: new ForwardableEmailMessage(internal, rid, from, to, raw, fate), fate };
  };
}

return { bind };
})();
