// Function Compute's contract for Node functions, on bootstrap.cjs's frames. The
// handler takes the payload as a Buffer, a context and a callback; what it gives
// back is sent as it is if it is text or a Buffer, else as JSON.
'use strict';
const util = require('util');

let requestId = '';

function say(level, message) {
  const at = new Date().toISOString();
  process.stdout.write(`${at} ${requestId} [${level}] ${message}`.replace(/\r?\n/g, '\x1e') + '\n');
}

function patchConsole() {
  const levels = { debug: 'verbose', info: 'info', log: 'verbose', warn: 'warn', error: 'error' };
  for (const [name, level] of Object.entries(levels)) console[name] = (...args) => say(level, util.format(...args));
}

function makeContext(order, head) {
  const given = head[4] ? JSON.parse(head[4]) : {};
  const keys = given.credentials || {};
  const fn = order.function;
  const logger = { info: (...a) => say('info', util.format(...a)), warn: (...a) => say('warn', util.format(...a)),
    error: (...a) => say('error', util.format(...a)), debug: (...a) => say('debug', util.format(...a)), log: (...a) => say('verbose', util.format(...a)) };
  return {
    requestId: head[0],
    credentials: { accessKeyId: keys.id || '', accessKeySecret: keys.secret || '', securityToken: keys.token || '' },
    function: { name: fn.name, handler: fn.handler, memory: fn.memory, timeout: fn.timeout, initializer: order.initializer || '' },
    service: { name: '', logProject: fn.logProject || '', logStore: fn.logStore || '', qualifier: given.qualifier || '', versionId: fn.version },
    region: fn.region, accountId: fn.account, retryCount: given.retries || 0, logger,
  };
}

// document is the error document: the code's failures name themselves.
function document(err) {
  if (util.types.isNativeError(err) || err instanceof Error) {
    return JSON.stringify({ errorMessage: String(err.message), errorType: String(err.name), stackTrace: String(err.stack || '').split('\n').slice(1).map((l) => l.trim()) });
  }
  return JSON.stringify({ errorMessage: typeof err === 'string' ? err : JSON.stringify(err) ?? String(err), errorType: 'Error', stackTrace: [] });
}

function bytes(result) {
  if (Buffer.isBuffer(result)) return result;
  if (result instanceof Uint8Array) return Buffer.from(result);
  if (typeof result === 'string') return Buffer.from(result);
  return Buffer.from(result === undefined ? '' : JSON.stringify(result));
}

// call runs a handler of the form (…args, context, callback) or async, and tells
// done(err, result, whether the callback was used) once.
function call(handler, args, done) {
  let over = false;
  const once = (err, result, reported) => {
    if (over) return;
    over = true;
    done(err, result, reported);
  };
  try {
    const returned = handler(...args, (err, result) => once(err ?? null, result, true));
    if (typeof returned?.then === 'function') returned.then((r) => once(null, r), (e) => once(e ?? new Error(String(e))));
  } catch (e) {
    once(e ?? new Error(String(e)));
  }
}

module.exports = async function start(order, load, send) {
  patchConsole();
  const handler = await load(order.handler);
  if (order.initializer) {
    const initialize = await load(order.initializer);
    send('B', '');
    await new Promise((resolve, reject) => {
      call(initialize, [makeContext(order, ['', '0', '', '', order.context, ''])], (err) => (err ? reject(err) : resolve()));
    });
  }
  const stop = order.preStop ? await load(order.preStop) : undefined;
  return {
    document,
    id: () => requestId,
    stop(head, reply) {
      if (!stop) reply('R', '');
      else call(stop, [makeContext(order, head)], (err) => (err ? reply('X', document(err)) : reply('R', '')));
    },
    invoke(head, payload, reply) {
      requestId = head[0];
      call(handler, [payload, makeContext(order, head)], (err, result, reported) => {
        if (err !== null && err !== undefined) {
          say('error', util.format(err));
          reply(reported ? 'Y' : 'X', document(err));
          return;
        }
        let body;
        try {
          body = bytes(result);
        } catch (e) {
          reply('X', document(e));
          return;
        }
        reply('R', body);
      });
    },
  };
};
