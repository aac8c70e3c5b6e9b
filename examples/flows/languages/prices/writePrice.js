'use strict';

// Action: write an amount of money as people do in a country.
exports.process = async function writePrice(msg, cfg) {
  const { order, amount, currency } = msg.body;
  const price = new Intl.NumberFormat(cfg.locale, { style: 'currency', currency }).format(amount);
  this.logger.info('order %s costs %s', order, price);
  return { body: { order, price } };
};
