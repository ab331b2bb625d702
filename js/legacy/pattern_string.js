// The components of a pattern in a text, as URLPattern had them before its
// standard: https://urlpattern.spec.whatwg.org/#constructor-string-parsing, but
// what comes after a component that is given is empty, unless it is given as well.
(function () {
const { primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  RegExpPrototypeExec,
  SafeRegExp,
  StringFromCodePoint,
  StringPrototypeCodePointAt,
  StringPrototypeSlice,
} = primordials;

const NAME_START = new SafeRegExp("^[$_\\p{ID_Start}]$", "u");
const NAME_PART = new SafeRegExp("^[$_\\u200c\\u200d\\p{ID_Continue}]$", "u");

/** Kinds of tokens. */
const CHAR = 0, NAME = 1, REGEXP = 2, OPEN = 3, CLOSE = 4, MODIFIER = 5, ASTERISK = 6, END = 7;

/** Tokens of a pattern: kind, place and text of each. What is wrong is a character. */
function tokensOf(text) {
  const tokens = [];
  for (let at = 0; at < text.length;) {
    const token = tokenAt(text, at);
    ArrayPrototypePush(tokens, token);
    at = token.end;
  }
  ArrayPrototypePush(tokens, { __proto__: null, kind: END, at: text.length, end: text.length, text: "" });
  return tokens;
}

function tokenAt(text, at) {
  const char = charAt(text, at);
  const made = (kind, end, value) => ({ __proto__: null, kind, at, end, text: value });
  switch (char) {
    case "*":
      return made(ASTERISK, at + 1, char);
    case "+":
    case "?":
      return made(MODIFIER, at + 1, char);
    case "\\": {
      if (at + 1 >= text.length) return made(CHAR, at + 1, char);
      const next = charAt(text, at + 1);
      return made(CHAR, at + 1 + next.length, next);
    }
    case "{":
      return made(OPEN, at + 1, char);
    case "}":
      return made(CLOSE, at + 1, char);
    case ":": {
      const end = endOfName(text, at + 1);
      return end === at + 1 ? made(CHAR, end, char) : made(NAME, end, StringPrototypeSlice(text, at + 1, end));
    }
    case "(": {
      const end = endOfRegExp(text, at + 1);
      return end < 0 ? made(CHAR, at + 1, char) : made(REGEXP, end, StringPrototypeSlice(text, at + 1, end - 1));
    }
    default:
      return made(CHAR, at + char.length, char);
  }
}

function charAt(text, at) {
  return StringFromCodePoint(StringPrototypeCodePointAt(text, at));
}

function endOfName(text, at) {
  const start = at;
  while (at < text.length) {
    const char = charAt(text, at);
    if (RegExpPrototypeExec(at === start ? NAME_START : NAME_PART, char) === null) break;
    at += char.length;
  }
  return at;
}

/** Behind the parenthesis that ends it; -1 if it is none. */
function endOfRegExp(text, start) {
  let depth = 1;
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (text[at] > "\x7f" || (at === start && char === "?")) return -1;
    if (char === "\\") at++;
    else if (char === ")") {
      depth--;
      if (depth === 0) return at === start ? -1 : at + 1;
    } else if (char === "(") {
      depth++;
      if (text[at + 1] !== "?") return -1;
    }
  }
  return -1;
}

class Parser {
  given = { __proto__: null };
  state = "init";
  index = 0;
  start = 0;
  step = 1;
  groups = 0;
  brackets = 0;

  constructor(text) {
    this.text = text;
    this.tokens = tokensOf(text);
  }

  is(index, char) {
    const token = this.tokens[index];
    return token !== undefined && token.kind === CHAR && token.text === char;
  }

  isSearch() {
    if (this.is(this.index, "?")) return true;
    const token = this.tokens[this.index];
    if (token.kind !== MODIFIER || token.text !== "?") return false;
    if (this.index === 0) return true;
    const { kind } = this.tokens[this.index - 1];
    return kind !== NAME && kind !== REGEXP && kind !== CLOSE && kind !== ASTERISK;
  }

  /** What was read since the component began. */
  read() {
    return StringPrototypeSlice(this.text, this.tokens[this.start].at, this.tokens[this.index].at);
  }

  /** Ends a component and begins the next one, behind so many tokens. */
  enter(state, skip) {
    if (this.state !== "init" && this.state !== "authority") this.given[this.state] = this.read();
    this.state = state;
    this.index += skip;
    this.start = this.index;
    this.step = 0;
  }

  /** Reads what was read again, as something else. */
  again(state) {
    this.index = this.start;
    this.step = 0;
    this.state = state;
  }

  /** Where a path, a query or a fragment begins. */
  enterRest(from) {
    if (from <= 0 && this.is(this.index, "/")) this.enter("pathname", 0);
    else if (from <= 1 && this.isSearch()) this.enter("search", 1);
    else if (this.is(this.index, "#")) this.enter("hash", 1);
  }

  /** At the end of the text; whether that is all. */
  end() {
    if (this.state === "init") {
      this.index = this.start;
      this.step = 0;
      if (this.is(this.index, "#")) this.enter("hash", 1);
      else if (this.isSearch()) {
        this.given.hash = "";
        this.enter("search", 1);
      } else {
        this.given.search = this.given.hash = "";
        this.enter("pathname", 0);
      }
      return false;
    }
    if (this.state === "authority") {
      this.again("hostname");
      return false;
    }
    this.enter("done", 0);
    return true;
  }

  protocol() {
    const hasSlashes = this.is(this.index + 1, "/") && this.is(this.index + 2, "/");
    if (hasSlashes) this.enter("authority", 3);
    else this.enter("pathname", 1);
  }

  hostname() {
    if (this.is(this.index, "[")) this.brackets++;
    else if (this.is(this.index, "]")) this.brackets--;
    else if (this.is(this.index, ":") && this.brackets === 0) this.enter("port", 1);
    else this.enterRest(0);
  }

  advance() {
    const { index } = this;
    switch (this.state) {
      case "init":
        if (!this.is(index, ":")) return;
        this.given = {
          __proto__: null,
          username: "",
          password: "",
          hostname: "",
          port: "",
          pathname: "",
          search: "",
          hash: "",
        };
        return this.again("protocol");
      case "protocol":
        return this.is(index, ":") ? this.protocol() : undefined;
      case "authority":
        if (this.is(index, "@")) this.again("username");
        else if (this.is(index, "/") || this.is(index, "#") || this.isSearch()) this.again("hostname");
        return;
      case "username":
        if (this.is(index, ":")) this.enter("password", 1);
        else if (this.is(index, "@")) this.enter("hostname", 1);
        return;
      case "password":
        return this.is(index, "@") ? this.enter("hostname", 1) : undefined;
      case "hostname":
        return this.hostname();
      case "port":
        return this.enterRest(0);
      case "pathname":
        return this.enterRest(1);
      case "search":
        return this.enterRest(2);
    }
  }

  parse() {
    for (; this.index < this.tokens.length; this.index += this.step) {
      this.step = 1;
      const { kind } = this.tokens[this.index];
      if (kind === END) {
        if (this.end()) break;
        continue;
      }
      if (kind === OPEN) this.groups++;
      else if (this.groups > 0) this.groups -= kind === CLOSE ? 1 : 0;
      else this.advance();
    }
    return this.given;
  }
}

/** What a text says of each component. */
function componentsIn(text) {
  return new Parser(text).parse();
}

return { componentsIn };
})();
