'use strict';

// Do as little as a function can.
exports.process = async function echo(msg) {
  return { body: msg.body };
};
