// Sending mail: class SendEmail, as
// https://developers.cloudflare.com/email-service/api/send-emails/workers-api/ has it.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_console_emit, op_email_send_built, op_email_send_raw } = core.ops;
const { ObjectDefineProperty, ObjectPrototypeIsPrototypeOf, Symbol, SymbolToStringTag, TypeError } = primordials;
const { bodies, io: contexts } = internals.selvedge;
const { EmailMessage } = core.loadExtScript("ext:selvedge/cloudflare_email.js");
const { partsOf } = core.loadExtScript("ext:selvedge_email/parts.js");

const internal = Symbol("internal");
/** `log` of the console. */
const LOG = 1;

/** Sends mail. */
class SendEmail {
  #rid;

  constructor(token, rid) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#rid = rid;
  }

  async send(message) {
    const rid = this.#rid;
    const io = contexts.requiredOpen();
    let sent;
    if (isMessage(message)) {
      const { from, to, raw } = message;
      sent = await op_email_send_raw(rid, io.slot, from, to, await bodies.consumeBytes(bodies.extract(raw)));
    } else {
      sent = await op_email_send_built(rid, io.slot, partsOf(message, false));
    }
    const { 0: messageId, 1: file } = sent;
    if (file !== "") op_console_emit(LOG, `send_email binding called with the following message:\nEmail: ${file}`, "");
    return { messageId };
  }
}
ObjectDefineProperty(SendEmail.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "SendEmail",
  configurable: true,
});

function isMessage(value) {
  return typeof value === "object" && value !== null && ObjectPrototypeIsPrototypeOf(EmailMessage.prototype, value);
}

return { bind: (rid) => new SendEmail(internal, rid) };
})();
