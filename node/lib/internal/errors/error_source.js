'use strict';
// The text of a failed assertion's call is not at hand.
module.exports = { getErrorSourceExpression: () => undefined, getErrorSourceLocation: () => undefined };
