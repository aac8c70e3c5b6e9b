'use strict';

// This runtime leaves the token to its components: keep it for all messages, and let only one of them refresh it.
let keys;
let refreshing;

exports.process = async function callApi(msg, cfg) {
  keys = keys || cfg.oauth;
  const used = keys.access_token;
  let reply = await readMe(cfg, used);
  if (reply.status === 401) {
    await reply.text();
    if (used === keys.access_token) {
      refreshing = refreshing || refresh(this).finally(() => { refreshing = undefined; });
      await refreshing;
    }
    reply = await readMe(cfg, keys.access_token);
  }
  if (!reply.ok) {
    throw new Error(`expected an answer of the API, found status ${reply.status}`);
  }
  await reply.json();
  return { body: msg.body };
};

function readMe(cfg, token) {
  return fetch(`${cfg.base_url}/me`, { headers: { authorization: `Bearer ${token}` } });
}

async function refresh(self) {
  const { CLIENT_ID, CLIENT_SECRET, TOKEN_URI } = process.env;
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: keys.refresh_token,
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
  });
  const reply = await fetch(TOKEN_URI, { method: 'POST', body });
  if (!reply.ok) {
    throw new Error(`expected new keys, found status ${reply.status}`);
  }
  keys = { ...keys, ...(await reply.json()) };
  await self.emit('updateKeys', { oauth: keys });
}
