// Weir's runtime for Node functions. The frames are those of bootstrap.py, and
// Z: the handler failed and the process ends; Y: the code's callback told of a failure. In the log, \x1e stands for a
// newline within one message.
'use strict';
const fs = require('fs');
const path = require('path');
const net = require('net');
const util = require('util');
const Module = require('module');
const { pathToFileURL } = require('url');

const WRAPPED = '_WEIR_WRAPPED'; // only ever seen by the wrapper script
const wrapped = process.env[WRAPPED];
delete process.env[WRAPPED];
const command = [process.execPath, ...process.execArgv, __filename];

// The platform's; processes of the code's own have what they need in the environment.
process.execArgv = process.execArgv.filter((option) => option !== '--use-openssl-ca');

let ROOT = '/var/task';
// Loaded while waiting, as long as no work has come.
const PRELOAD = ['http', 'https', 'tls', 'crypto', 'zlib', 'stream', 'stream/promises', 'fs/promises', 'dns', 'events',
  'querystring', 'string_decoder', 'async_hooks', 'child_process', 'http2', 'os', 'timers/promises'];

const socket = new net.Socket({ fd: 3, readable: true, writable: true });
let fc; // Function Compute's contract, if the function has that one
let requestId; // undefined while loading, as in Lambda's log
let finish; // ends the current invocation: finish(frame type, body, then)
let atEmptyLoop; // runs when nothing is left to do

class Fault extends Error {
  constructor(kind, message) {
    super(message);
    this.name = kind;
  }
}

function send(kind, body, then) {
  const data = Buffer.isBuffer(body) ? body : Buffer.from(body);
  const frame = Buffer.allocUnsafe(5 + data.length);
  frame.writeUInt32LE(data.length + 1, 0);
  frame.write(kind, 4, 'latin1');
  data.copy(frame, 5);
  socket.write(frame, then);
}

function say(level, message) {
  const line = `${new Date().toISOString()}\t${requestId}\t${level}\t${message}`;
  process.stdout.write(line.replace(/\r?\n/g, '\x1e') + '\n');
}

function patchConsole() {
  const levels = { trace: 'TRACE', debug: 'DEBUG', info: 'INFO', log: 'INFO', warn: 'WARN', error: 'ERROR', fatal: 'FATAL' };
  for (const [name, level] of Object.entries(levels)) {
    console[name] = (...args) => say(level, util.format(...args));
  }
}

// document is the error document; the trace of a failure that the runtime names
// starts with that name.
function document(err) {
  if (err instanceof Error || util.types.isNativeError(err) || (err && typeof err === 'object' && 'stack' in err && 'message' in err)) {
    return { errorType: String(err.name), errorMessage: String(err.message), trace: String(err.stack || '').split('\n') };
  }
  return { errorType: err === null ? 'null' : typeof err, errorMessage: String(err), trace: [] };
}

function report(title, err) {
  const { errorType, errorMessage, trace } = document(err);
  const extra = err && typeof err === 'object' ? err : {};
  say('ERROR', `${title} \t${JSON.stringify({ errorType, errorMessage, ...extra, stack: trace })}`);
}

function die(title, err, status) {
  report(title, err);
  const body = JSON.stringify(document(err));
  const leave = () => process.exit(status);
  if (finish) finish('Z', body, leave);
  else if (requestId === undefined) send('F', body, leave);
  else leave();
}

process.on('uncaughtException', (err) => die('Uncaught Exception', err, 129));
process.on('unhandledRejection', (reason) => {
  const err = new Fault('Runtime.UnhandledPromiseRejection', reason === undefined ? 'undefined' : String(reason));
  err.reason = reason instanceof Error ? document(reason) : reason;
  err.promise = {};
  die('Unhandled Promise Rejection', err, 128);
});
process.on('beforeExit', () => {
  const run = atEmptyLoop;
  atEmptyLoop = undefined;
  if (run) setImmediate(run);
});

// isModule reports whether the nearest package.json makes a .js file a module.
function isModule(file) {
  for (let dir = path.dirname(file); ; dir = path.dirname(dir)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8')).type === 'module';
    } catch (e) {
      if (e.code !== 'ENOENT') return false;
    }
    if (dir === ROOT || dir === '/') return false;
  }
}

async function loadFile(base) {
  for (const ext of ['', '.js', '.mjs', '.cjs']) {
    const file = base + ext;
    if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) continue;
    if (ext === '.mjs' || (ext === '.js' && isModule(file))) return import(pathToFileURL(file).href);
    return require(file);
  }
  return require(require.resolve(path.relative(ROOT, base), { paths: [ROOT] }));
}

async function load(handler) {
  if (handler.includes('..')) {
    throw new Fault('Runtime.MalformedHandlerName', `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  const base = path.basename(handler);
  const parts = /^([^.]*)\.(.*)$/.exec(base);
  if (!parts) throw new Fault('Runtime.MalformedHandlerName', 'Bad handler');
  let loaded;
  try {
    loaded = await loadFile(path.resolve(ROOT, handler.slice(0, handler.length - base.length), parts[1]));
  } catch (e) {
    if (e instanceof SyntaxError) throw new Fault('Runtime.UserCodeSyntaxError', String(e));
    if (e && (e.code === 'MODULE_NOT_FOUND' || e.code === 'ERR_MODULE_NOT_FOUND')) throw new Fault('Runtime.ImportModuleError', String(e));
    throw e;
  }
  let found = loaded;
  for (const name of parts[2].split('.')) found = found?.[name];
  if (found === undefined && loaded?.default) {
    found = loaded.default;
    for (const name of parts[2].split('.')) found = found?.[name];
  }
  if (!found) throw new Fault('Runtime.HandlerNotFound', `${handler} is undefined or not exported`);
  if (typeof found !== 'function') throw new Fault('Runtime.HandlerNotFound', `${handler} is not a function`);
  return found;
}

// wrap runs the function's wrapper script in this process's place: it is given the
// command that starts the runtime, which has the descriptor then. Nothing is read here meanwhile.
function wrap({ wrapper, env }) {
  const done = require('child_process').spawnSync(wrapper, command,
    { cwd: ROOT, env: { ...env, [WRAPPED]: '1' }, stdio: ['inherit', 'inherit', 'inherit', 3] });
  if (done.error) fs.writeSync(2, `${wrapper}: ${done.error.code}\n`);
  if (done.signal) process.kill(process.pid, done.signal);
  process.exit(done.status ?? 127);
}

async function init(order) {
  if (!wrapped) { // else it is as the wrapper left it
    for (const name of Object.keys(process.env)) if (!(name in order.env)) delete process.env[name];
    Object.assign(process.env, order.env);
  }
  if (order.contract === 'fc') ROOT = '/code';
  process.chdir(ROOT);
  const major = process.versions.node.split('.')[0];
  process.env.NODE_PATH = [`/opt/nodejs/node${major}/node_modules`, '/opt/nodejs/node_modules', '/var/runtime/node_modules',
    '/var/runtime', ROOT, process.env.NODE_PATH].filter(Boolean).join(':');
  Module._initPaths();
  if (order.contract === 'fc') return initFC(order);
  patchConsole();
  try {
    const handler = await load(order.handler);
    send('S', '');
    return handler;
  } catch (e) {
    say('ERROR', `Uncaught Exception \t${JSON.stringify({ ...document(e), trace: undefined, stack: document(e).trace })}`);
    send('F', JSON.stringify(document(e)), () => process.exit(1));
    return undefined;
  }
}

async function initFC(order) {
  const start = require('/var/runtime/weir_fc.cjs');
  try {
    fc = await start(order, load, send);
    send('S', '');
  } catch (e) {
    const { errorType, errorMessage, trace } = document(e);
    process.stdout.write(`[error] ${errorType}: ${errorMessage}\x1e${trace.join('\x1e')}\n`);
    send('F', JSON.stringify({ errorMessage, errorType, stackTrace: trace.slice(1) }), () => process.exit(1));
  }
  return undefined;
}

// invokeFC runs an event by the other contract. Nothing to do ends no event there:
// its time does.
function invokeFC(kind, body) {
  const cut = body.indexOf(0);
  const head = body.subarray(0, cut).toString().split('\n');
  requestId = head[0];
  finish = (kind, document, then) => {
    finish = undefined;
    send(kind, document, then);
  };
  const end = finish;
  const reply = (answer, document) => {
    if (finish === end) end(answer, document);
  };
  if (kind === 'P') fc.stop(head, reply);
  else fc.invoke(head, Buffer.from(body.subarray(cut + 1)), reply);
}

function makeContext(head, reply) {
  const [id, deadline, arn, , client, identity] = head;
  const env = process.env;
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: client ? JSON.parse(client) : undefined,
    identity: identity ? JSON.parse(identity) : undefined,
    invokedFunctionArn: arn,
    awsRequestId: id,
  };
  const hidden = {
    getRemainingTimeInMillis: () => Number(deadline) - Date.now(),
    succeed: (result) => setImmediate(reply, null, result),
    fail: (err) => setImmediate(reply, err ?? 'handled'),
    done: (err, result) => setImmediate(reply, err, result),
  };
  return Object.assign(context, hidden);
}

function invoke(handler, body) {
  const cut = body.indexOf(0);
  const head = body.subarray(0, cut).toString().split('\n');
  requestId = head[0];
  if (head[3]) process.env._X_AMZN_TRACE_ID = head[3];
  finish = (kind, document, then) => {
    finish = atEmptyLoop = undefined;
    socket.ref();
    send(kind, document, then);
  };
  const end = finish; // a late reply of this invocation must not end the next one
  const reply = (err, result) => {
    if (finish !== end) return;
    if (err !== null && err !== undefined) {
      report('Invoke Error', err);
      end('X', JSON.stringify(document(err)));
      return;
    }
    let text;
    try {
      text = JSON.stringify(result === undefined ? null : result) ?? 'null';
    } catch {
      reply(new Error('Unable to stringify response body'));
      return;
    }
    end('R', text);
  };
  socket.unref(); // so that an empty event loop shows
  atEmptyLoop = () => reply(null, null);
  try {
    const context = makeContext(head, reply);
    const callback = (err, result) => {
      if (finish !== end) return;
      atEmptyLoop = () => reply(err, result);
      if (!context.callbackWaitsForEmptyEventLoop) setImmediate(reply, err, result);
    };
    const returned = handler(JSON.parse(body.subarray(cut + 1).toString()), context, callback);
    if (typeof returned?.then === 'function') returned.then((r) => reply(null, r), (e) => reply(e ?? new Error(String(e))));
  } catch (e) {
    reply(e ?? new Error(String(e)));
  }
}

let handler;
let parts = [];
let have = 0;
let started = false;
socket.on('data', (data) => {
  parts.push(data);
  have += data.length;
  if (have < 5) return;
  if (parts[0].length < 5) parts = [Buffer.concat(parts)];
  if (have < 4 + parts[0].readUInt32LE(0)) return;
  const frame = parts.length === 1 ? parts[0] : Buffer.concat(parts); // one at a time: nothing follows
  parts = [];
  have = 0;
  if (started) {
    if (fc) invokeFC(String.fromCharCode(frame[4]), frame.subarray(5));
    else invoke(handler, frame.subarray(5));
    return;
  }
  started = true;
  if (frame[4] === 0x57) wrap(JSON.parse(frame.subarray(5).toString())); // W: does not return
  init(JSON.parse(frame.subarray(5).toString())).then((h) => { handler = h; });
});
socket.on('end', () => process.exit(0)); // the daemon has gone
socket.on('error', () => process.exit(0));

if (wrapped) send('H', '');

setImmediate(function preload(i) { // after a first look at the socket
  if (started) return;
  if (i === PRELOAD.length) {
    require('tls').createSecureContext(); // reads the certificates
    return;
  }
  require(PRELOAD[i]);
  setImmediate(preload, i + 1);
}, 0);
