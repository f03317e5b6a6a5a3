// Stateful JavaScript and TypeScript contexts: one Node process per context. Node 18 and later, nothing but Node
// itself and what execd hands over: acorn (finds declarations, the last expression, await) and sucrase (takes types
// away). README.md beside this file says what code can rely on, ../README.md has the protocol.
//
// Code runs as scripts in the process's own realm, so that values of packages and of cells are of the same kind.
// `const`, `let` and `class` at the top level become `var`: a cell can be run again.
//
// Traps this file lives with:
// * SIGINT breaks into running code only inside vm's breakOnSigint; while such a scope begins or ends, it would end
//   the process. So `execute_input`, which invites interrupts, is sent inside, and before the end `interrupts_off` waits
//   until execd sends no more of them. Elsewhere an interrupt is a message. A top-level `await` is a `yield` that leaves
//   the scope and comes back with the value.
// * A termination may hit this file's code as well: a message that was cut short is completed before the next one.
// * Code of users may change every global and every prototype. That may break its own context, no other one.
'use strict';
(function start(require, importer, language) {
const fs = require('fs');
const Module = require('module');
const net = require('net');
const path = require('path');
const stream = require('stream');
const url = require('url');
const util = require('util');
const vm = require('vm');

const FIRST = 1, LAST = 2;
const PART_BYTES = 64 * 1024;
const TEXT_LIMIT = 10 * 1000 * 1000;
const BUNDLE_LIMIT = 30 * 1000 * 1000;
const EVALUE_LIMIT = 64 * 1024;
const TRACEBACK_LIMIT = 512 * 1024;
const LATE_REPORTS = 20;
const ACORN_FD = 6, SUCRASE_FD = 7;  // 5 is this file
const IMPORT = '__osb_import__', META = '__osb_meta__', SCOPE = '__osb_scope__';

const {Buffer, process, SharedArrayBuffer, Int32Array, Atomics, Promise, Object, String, Error} = globalThis;
const real = {exit: process.exit, stringify: JSON.stringify, parse: JSON.parse, setImmediate, clearTimeout};

if (parseInt(process.versions.node, 10) < 18) {
  fs.writeSync(2, `Node 18 or later is needed, this is ${process.versions.node}\n`);
  process.exit(1);
}

function load(fd) {
  const text = fs.readFileSync(fd, 'utf8');
  fs.closeSync(fd);
  const module = {exports: {}};
  vm.runInThisContext(`(function (module, exports, require) {${text}\n})`, {filename: 'osb-worker'})(
    module, module.exports, require);
  return module.exports;
}

fs.closeSync(5);
const acorn = load(ACORN_FD);
const sucrase = language === 'typescript' ? load(SUCRASE_FD) : null;

// -- channel

// A blocking write of everything; `state` remembers how far it got in case the code is terminated on the way.
const unsent = {bytes: Buffer.alloc(0), at: 0};

function flushUnsent() {
  while (unsent.at < unsent.bytes.length)
    unsent.at += writeSome(4, unsent.bytes, unsent.at);
}

function writeSome(fd, bytes, at) {
  try {
    return fs.writeSync(fd, bytes, at, bytes.length - at);
  } catch (error) {
    if (error.code !== 'EAGAIN') throw error;
    pause(1);
    return 0;
  }
}

function pause(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

function frames(text) {
  const data = Buffer.from(text, 'utf8');
  const count = Math.max(1, Math.ceil(data.length / PART_BYTES));
  const all = Buffer.allocUnsafe(data.length + 5 * count);
  let to = 0;
  for (let i = 0; i < count; ++i) {
    const part = data.subarray(i * PART_BYTES, (i + 1) * PART_BYTES);
    all.writeUInt32BE(part.length + 1, to);
    all[to + 4] = (i === 0 ? FIRST : 0) | (i === count - 1 ? LAST : 0);
    part.copy(all, to + 5);
    to += 5 + part.length;
  }
  return all;
}

function send(message) {
  const bytes = frames(real.stringify(message));
  flushUnsent();
  unsent.bytes = bytes;
  unsent.at = 0;
  flushUnsent();
}

let arrived = Buffer.alloc(0);
let parts = [];

// The messages that are complete with these bytes.
function decode(bytes) {
  const messages = [];
  arrived = arrived.length ? Buffer.concat([arrived, bytes]) : bytes;
  while (arrived.length >= 5) {
    const length = arrived.readUInt32BE(0);
    if (arrived.length < 4 + length) break;
    const flags = arrived[4];
    if (flags & FIRST) parts = [];
    parts.push(arrived.subarray(5, 4 + length));
    arrived = arrived.subarray(4 + length);
    if (flags & LAST) {
      messages.push(real.parse(Buffer.concat(parts).toString('utf8')));
      parts = [];
    }
  }
  return messages;
}

// -- texts

const hasSurrogate = /[\ud800-\udfff]/;

// Lone surrogates have no UTF-8 form; they become U+FFFD.
function wellFormed(text) {
  return hasSurrogate.test(text) ? Buffer.from(text, 'utf8').toString('utf8') : text;
}

function clip(text, limit) {
  if (text.length <= limit) return text;
  return `${text.slice(0, limit)}\n[cut: ${limit} of ${text.length} characters are shown]`;
}

function inspect(value) {
  return util.inspect(value, {depth: 4, maxStringLength: TEXT_LIMIT, breakLength: 100});
}

function isError(value) {
  return util.types.isNativeError(value) || value instanceof Error;
}

// Frames of Node and of this file say nothing to whoever wrote the code.
function userLines(text) {
  return text.split('\n').filter((line) => line !== '' && !/^\s*at (?:.*[( ])?(?:node:|osb-worker|\[eval\]|<anonymous>\)?$)/.test(line));
}

function describe(error) {
  let name, value, lines;
  try {
    name = isError(error) ? String(error.name || 'Error') : 'Uncaught';
    value = isError(error) ? String(error.message) : inspect(error);
  } catch (_) {
    name = 'Error';
    value = '<no text: the value cannot be shown>';
  }
  try {
    lines = error && error.osbTraceback || userLines(isError(error) ? util.inspect(error) : `Uncaught ${value}`);
  } catch (_) {
    lines = [`${name}: ${value}`];
  }
  const traceback = [];
  let room = TRACEBACK_LIMIT;
  for (const line of lines) {
    if (line.length > room) {
      traceback.push('[traceback cut]');
      break;
    }
    traceback.push(wellFormed(line));
    room -= line.length;
  }
  return {ename: wellFormed(name), evalue: wellFormed(clip(value, EVALUE_LIMIT)), traceback};
}

// -- results

const HOOKS = [
  ['_repr_html_', 'text/html'], ['_toHtml', 'text/html'], ['_repr_markdown_', 'text/markdown'],
  ['_repr_svg_', 'image/svg+xml'], ['_toSvg', 'image/svg+xml'], ['_repr_png_', 'image/png'], ['_toPng', 'image/png'],
  ['_repr_jpeg_', 'image/jpeg'], ['_toJpeg', 'image/jpeg'], ['_repr_pdf_', 'application/pdf'],
  ['_repr_latex_', 'text/latex'], ['_repr_json_', 'application/json'], ['_repr_javascript_', 'application/javascript'],
];
const DISPLAY = Symbol.for('Jupyter.display');

function mimeText(mime, data) {
  if (data instanceof Uint8Array) return Buffer.from(data.buffer, data.byteOffset, data.length).toString('base64');
  if (typeof data === 'string' && mime !== 'application/json') return data;
  if (typeof data === 'string') {
    try {
      real.parse(data);
      return data;
    } catch (_) {
      return real.stringify(data);
    }
  }
  const text = real.stringify(data);
  return text === undefined ? String(data) : text;
}

function limited(bundle) {
  const kept = {};
  let room = BUNDLE_LIMIT;
  for (const [mime, given] of Object.entries(bundle)) {
    let text = given;
    if (mime === 'text/plain') {
      text = clip(text, TEXT_LIMIT);
    } else if (text.length > Math.min(TEXT_LIMIT, room)) {
      if (!mime.startsWith('text/')) {
        kept['text/plain'] = `${kept['text/plain'] || ''}\n[${mime} left out: ${text.length} characters are more than ${TEXT_LIMIT}]`;
        continue;
      }
      text = clip(text, Math.min(TEXT_LIMIT, room));
    }
    kept[wellFormed(mime)] = wellFormed(text);
    room = Math.max(0, room - text.length);
  }
  return kept;
}

function asBundle(given) {
  const bundle = {};
  for (const [mime, data] of Object.entries(given))
    if (data !== undefined && data !== null) bundle[mime] = mimeText(mime, data);
  return bundle;
}

// MIME type → text, text/plain always among them. A hook may give a promise: then this gives one too.
function mimeBundle(value) {
  const plain = {'text/plain': inspect(value)};
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return limited(plain);
  const hook = typeof value[DISPLAY] === 'function' ? value[DISPLAY]
    : typeof value._repr_mimebundle_ === 'function' ? value._repr_mimebundle_
    : typeof value._toMime === 'function' ? value._toMime : null;
  if (hook) {
    const given = hook.call(value);
    if (given && typeof given.then === 'function')
      return given.then((late) => limited({...plain, ...asBundle(late || {})}));
    if (given && typeof given === 'object') return limited({...plain, ...asBundle(given)});
  }
  for (const [method, mime] of HOOKS) {
    if (mime in plain || typeof value[method] !== 'function') continue;
    const data = value[method]();
    if (data !== undefined && data !== null) plain[mime] = mimeText(mime, data);
  }
  return limited(plain);
}

// -- code

class Edits {
  constructor(source) {
    this.source = source;
    this.list = [];
  }
  replace(start, end, text) { this.list.push({start, end, text, order: this.list.length}); }
  insert(at, text) { this.replace(at, at, text); }
  blank(start, end) { this.replace(start, end, this.source.slice(start, end).replace(/[^\n\r\u2028\u2029]/g, ' ')); }
  // Inner edits of something that is blanked out as a whole do not count.
  apply() {
    const list = this.list.sort((a, b) => a.start - b.start || a.end - b.end || a.order - b.order);
    let out = '', at = 0;
    for (const edit of list) {
      if (edit.start < at) continue;
      out += this.source.slice(at, edit.start) + edit.text;
      at = edit.end;
    }
    return out + this.source.slice(at);
  }
}

const isFunction = (node) => node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression' ||
  node.type === 'ArrowFunctionExpression';

// Every node, without recursion: code may be nested deeply. `inside`: within a function.
function walk(root, visit) {
  const stack = [[root, false, null]];
  while (stack.length) {
    const [node, inside, parent] = stack.pop();
    visit(node, inside, parent);
    const within = inside || isFunction(node) || node.type === 'PropertyDefinition' || node.type === 'StaticBlock';
    for (const key of Object.keys(node)) {
      const child = node[key];
      if (Array.isArray(child)) {
        for (const each of child)
          if (each && typeof each.type === 'string') stack.push([each, within, node]);
      } else if (child && typeof child.type === 'string') {
        stack.push([child, within, node]);
      }
    }
  }
}

function boundNames(pattern, names) {
  switch (pattern && pattern.type) {
    case 'Identifier': names.push(pattern.name); break;
    case 'ObjectPattern': for (const p of pattern.properties) boundNames(p.value || p.argument, names); break;
    case 'ArrayPattern': for (const p of pattern.elements) boundNames(p, names); break;
    case 'AssignmentPattern': boundNames(pattern.left, names); break;
    case 'RestElement': boundNames(pattern.argument, names); break;
  }
  return names;
}

const parserOptions = {
  ecmaVersion: 'latest', sourceType: 'script', allowAwaitOutsideFunction: true, allowImportExportEverywhere: true,
  allowHashBang: true,
};

function parse(source, name) {
  // `{a: 1}` is meant as an object, not as a block with a label.
  const trimmed = source.trim();
  if (trimmed.startsWith('{') && !trimmed.endsWith(';')) {
    try {
      const inParentheses = `(${source})`;
      return {source: inParentheses, tree: acorn.parse(inParentheses, parserOptions)};
    } catch (_) {
      // it is a block after all
    }
  }
  try {
    return {source, tree: acorn.parse(source, parserOptions)};
  } catch (error) {
    // Node may know syntax that acorn does not; and its own words are what people know.
    try {
      new vm.Script(source, {filename: name});
      return {source, tree: null};
    } catch (native) {
      const top = /\b(await|import|export)\b/.test(source);  // which Node refuses in scripts
      if (!top && native instanceof SyntaxError) throw native;
    }
    throw syntaxError(error, source, name);
  }
}

function syntaxError(error, source, name) {
  if (!error.loc) return error;
  const {line, column} = error.loc;
  const failure = new SyntaxError(`${error.message.replace(/ \(\d+:\d+\)$/, '').replace(/^Error transforming .*?: /, '')}`);
  const text = clip(source.split('\n')[line - 1] || '', 1000);
  failure.osbTraceback = [`${name}:${line}:${column + 1}`, text, `${' '.repeat(Math.min(column, 1000))}^`,
                          `SyntaxError: ${failure.message}`];
  return failure;
}

function withoutTypes(source, name) {
  try {
    return sucrase.transform(source, {
      transforms: ['typescript'], disableESTransforms: true, keepUnusedImports: true, production: true,
    }).code;
  } catch (error) {
    const at = /\((\d+):(\d+)\)/.exec(error.message);
    if (at) error.loc = {line: Number(at[1]), column: Number(at[2]) - 1};
    throw syntaxError(error, source, name);
  }
}

// What a cell is made of:
//   imports     to be done first, as [{source, bindings: [{local, imported}], options}]
//   functions   a script that declares its functions, or null
//   script      a script; it gives the value of the cell, or a generator if `steps`
//   shows       the value of the cell is to be shown
//   names       what it declares at the top level
function prepare(code, name) {
  const stripped = sucrase ? withoutTypes(code, name) : code;
  const {source, tree} = parse(stripped, name);
  if (!tree) return {imports: [], functions: null, script: source, shows: true, steps: false, names: []};
  const edits = new Edits(source);
  const names = [], imports = [];
  let steps = false, iterates = false;
  walk(tree, (node, inside) => {
    if (node.type === 'ImportExpression') edits.replace(node.start, node.start + 6, IMPORT);
    if (node.type === 'MetaProperty' && node.meta.name === 'import') edits.replace(node.start, node.end, META);
    if (inside) return;
    if (node.type === 'AwaitExpression') steps = true;
    if (node.type === 'ForOfStatement' && node.await) iterates = true;
  });
  steps = steps || iterates;
  const body = moduleSyntax(tree.body, source, edits, imports);
  const statements = body.filter((node) => node.type !== 'EmptyStatement');
  const last = statements[statements.length - 1];
  const shows = Boolean(last) && last.type === 'ExpressionStatement';
  // Inner edits come first: what is inserted at the same place stays in that order.
  if (steps && !iterates) {
    walk(tree, (node, inside) => {
      if (inside || node.type !== 'AwaitExpression') return;
      edits.replace(node.start, node.argument.start, '(yield (');
      edits.insert(node.end, '))');
    });
  }
  if (steps) {
    walk(tree, (node, inside, parent) => {
      if (!inside && node.type === 'VariableDeclaration' && node.kind === 'var' && !body.includes(node))
        assign(node, parent, source, edits, names);
    });
  }
  for (const node of body) declare(node, source, edits, names, steps);
  if (!steps) return {imports, functions: null, script: edits.apply(), shows, steps, names};
  // `(` at the beginning of a line would go on with the line before.
  walk(tree, (node, inside) => {
    if (!inside && node.type === 'ExpressionStatement' && node !== last && /^await\b/.test(source.slice(node.start, node.start + 6)))
      edits.insert(node.start, 'void 0, ');
  });
  const functions = body.filter((node) => node.type === 'FunctionDeclaration');
  if (shows) {
    edits.insert(last.expression.start, 'return (');
    edits.insert(last.expression.end, ')');
  }
  if (tree.body.length && source.startsWith('#!')) edits.blank(0, source.search(/[\n\r]|$/));
  let declared = null;
  if (functions.length) {
    const only = new Edits(source);
    let at = 0;
    for (const node of functions) {
      only.blank(at, node.start);
      at = node.end;
    }
    only.blank(at, source.length);
    for (const edit of edits.list)
      if (functions.some((node) => edit.start >= node.start && edit.end <= node.end)) only.list.push(edit);
    declared = only.apply();
    for (const node of functions) edits.list = edits.list.filter((e) => e.start < node.start || e.end > node.end);
    for (const node of functions) edits.blank(node.start, node.end);
  }
  const kind = iterates ? 'async function' : 'function*';
  const variables = names.length ? `var ${[...new Set(names)].join(', ')};` : '';
  return {imports, functions: declared, shows, steps, iterates, names,
          script: `${variables}(${kind} () {\n${edits.apply()}\n}).call(globalThis)`};
}

// Takes import and export away; what is left of the statements.
function moduleSyntax(body, source, edits, imports) {
  const left = [];
  for (const node of body) {
    if (node.type === 'ImportDeclaration') {
      imports.push({source: node.source.value, options: attributes(node), bindings: node.specifiers.map((each) => ({
        local: each.local.name,
        imported: each.type === 'ImportDefaultSpecifier' ? 'default'
          : each.type === 'ImportNamespaceSpecifier' ? null : each.imported.name || each.imported.value,
      }))});
      edits.blank(node.start, node.end);
    } else if (node.type === 'ExportNamedDeclaration' && node.declaration) {
      edits.blank(node.start, node.declaration.start);
      left.push(node.declaration);
    } else if (node.type === 'ExportDefaultDeclaration') {
      const given = node.declaration;
      const named = (given.type === 'FunctionDeclaration' || given.type === 'ClassDeclaration') && given.id;
      edits.replace(node.start, given.start, named ? '' : ';(');
      if (!named) edits.insert(given.end, ')');
      left.push(named ? given : {type: 'ExportedValue'});
    } else if (node.type === 'ExportNamedDeclaration' || node.type === 'ExportAllDeclaration') {
      if (node.source) imports.push({source: node.source.value, options: attributes(node), bindings: []});
      edits.blank(node.start, node.end);
    } else {
      left.push(node);
    }
  }
  return left;
}

function attributes(node) {
  if (!node.attributes || !node.attributes.length) return undefined;
  const given = {};
  for (const each of node.attributes) given[each.key.name || each.key.value] = each.value.value;
  return {with: given};
}

// A declaration of the top level: names that may be declared again.
function declare(node, source, edits, names, steps) {
  if (node.type === 'ClassDeclaration') {
    names.push(node.id.name);
    edits.insert(node.start, `${steps ? '' : 'var '}${node.id.name} = `);
    edits.insert(node.end, ';');
  } else if (node.type === 'FunctionDeclaration') {
    names.push(node.id.name);
  } else if (node.type === 'VariableDeclaration' && node.kind !== 'using' && node.kind !== 'await using') {
    if (steps) return assign(node, null, source, edits, names);
    const again = node.kind === 'let';
    if (node.kind !== 'var') edits.replace(node.start, node.start + node.kind.length, 'var'.padEnd(node.kind.length));
    for (const each of node.declarations) {
      boundNames(each.id, names);
      if (!each.init && again) edits.insert(each.end, ' = undefined');
    }
    if (source[node.end - 1] !== ';') edits.insert(node.end, ';');
  }
}

// A declaration that becomes an assignment to globals, because the code around it becomes a function.
function assign(node, parent, source, edits, names) {
  for (const each of node.declarations) boundNames(each.id, names);
  const first = node.declarations[0], last = node.declarations[node.declarations.length - 1];
  if (parent && (parent.type === 'ForOfStatement' || parent.type === 'ForInStatement') && parent.left === node)
    return edits.replace(node.start, first.start, '');
  edits.replace(node.start, first.start, 'void (');
  for (const each of node.declarations) if (!each.init && node.kind === 'let') edits.insert(each.end, ' = undefined');
  edits.insert(last.end, ')');
  const inFor = parent && parent.type === 'ForStatement' && parent.init === node;
  if (!inFor && source[node.end - 1] !== ';') edits.insert(node.end, ';');
}

// -- packages

const here = process.cwd();
const base = path.join(here, 'cell.js');

function addGlobalModules() {
  const before = process.env.NODE_PATH;
  const prefix = path.resolve(process.execPath, '..', '..');
  const found = [`${prefix}/lib/node_modules`, '/usr/local/lib/node_modules', '/usr/lib/node_modules', '/usr/share/nodejs'];
  process.env.NODE_PATH = (before ? [before] : []).concat(found).join(path.delimiter);
  Module._initPaths();
  if (before === undefined) delete process.env.NODE_PATH;
  else process.env.NODE_PATH = before;
}

const requireOfNode = Module.createRequire(base);

function requireHere(id) {
  try {
    return requireOfNode(id);
  } catch (error) {
    if (id === 'tslab' && error.code === 'MODULE_NOT_FOUND') return {display};
    throw error;
  }
}
Object.assign(requireHere, {resolve: requireOfNode.resolve, cache: requireOfNode.cache, main: undefined,
                            extensions: requireOfNode.extensions});

async function importHere(specifier, options) {
  const name = String(specifier);
  const load = (what) => (options ? importer(what, options) : importer(what));
  if (/^(node|data|https?):/.test(name) || Module.builtinModules.includes(name)) return load(name);
  const isPath = /^(\.{0,2}\/|\.{1,2}$|file:)/.test(name);
  if (isPath) {
    const target = name.startsWith('file:') ? url.fileURLToPath(name) : path.resolve(here, name);
    if (/\.[cm]?tsx?$/.test(target) && sucrase) return namespaceOf(requireOfNode(target));
    return load(name.startsWith('file:') ? name : url.pathToFileURL(target).href);
  }
  try {
    return await load(name);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    let found;
    try {
      found = requireOfNode.resolve(name);  // NODE_PATH and global packages, which import does not look at
    } catch (_) {
      if (name === 'tslab') return {default: {display}, display};
      const failure = new Error(`Cannot find package '${name}': neither in ${here} nor among the global packages`);
      failure.code = error.code;
      throw failure;
    }
    return load(url.pathToFileURL(found).href);
  }
}

function namespaceOf(exported) {
  return exported && exported.__esModule ? exported : {...exported, default: exported};
}

function addTypeScriptFiles() {
  for (const ending of ['.ts', '.tsx', '.cts', '.mts']) {
    Module._extensions[ending] = (module, filename) => {
      const transforms = ['typescript', 'imports'].concat(ending === '.tsx' ? ['jsx'] : []);
      module._compile(sucrase.transform(fs.readFileSync(filename, 'utf8'),
                                        {transforms, disableESTransforms: true, filePath: filename}).code, filename);
    };
  }
}

// A declaration hides what Node offers under that name, even where Node gives no way to assign to it.
function makeRoom(name) {
  const found = Object.getOwnPropertyDescriptor(globalThis, name);
  if (found && found.configurable && (found.get || found.set || !found.writable))
    Object.defineProperty(globalThis, name, {value: undefined, writable: true, enumerable: true, configurable: true});
}

function bind({source, bindings}, space) {
  for (const {local, imported} of bindings) {
    makeRoom(local);
    let value = space;
    if (imported !== null) {
      const inner = space.default;
      const from = imported in space ? space : inner !== null && inner !== undefined && imported in Object(inner) ? inner : null;
      if (!from && !sucrase) throw new SyntaxError(`The requested module '${source}' does not provide an export named '${imported}'`);
      value = from ? from[imported] : undefined;  // in TypeScript it may have been a type
    }
    globalThis[local] = value;
  }
}

// -- runs

class ProcessExit extends Error {
  constructor(code) {
    super(`process.exit(${code === undefined ? '' : code}) was called; the context lives on`);
    this.name = 'ProcessExit';
  }
}

function interrupted() {
  const error = new Error('the run was interrupted');
  error.name = 'KeyboardInterrupt';
  error.osbTraceback = ['KeyboardInterrupt: the run was interrupted'];
  return error;
}

let run = 0;              // number of the run under way
let count = 0;            // of executions, from 1
let interrupt = null;     // rejects what the run waits for
let wanted = false;       // the run is to be interrupted as soon as that is possible
let displays = 0, acknowledged = 0;
let signalled = false;    // with the last acknowledgement: SIGINT was sent before
let late = [];            // what failed while no run was under way
let inScope = null;       // what the scope is to do, and what came of it
const scope = new vm.Script(`${SCOPE}()`, {filename: 'osb-worker'});

// Calls `work` in such a way that SIGINT breaks it off.
function breakable(work) {
  const mine = inScope = {work, value: undefined, failure: null};
  try {
    scope.runInThisContext({breakOnSigint: true, displayErrors: false});
  } catch (error) {
    throw error && error.code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED' ? interrupted() : error;
  } finally {
    inScope = null;
  }
  if (mine.failure) throw mine.failure.error;
  return mine.value;
}

function enterScope() {
  const mine = inScope;
  send({type: 'execute_input', run, execution_count: count});
  try {
    mine.value = mine.work();
  } catch (error) {
    mine.failure = {error};
  }
  const number = ++displays;
  send({type: 'interrupts_off', run, display: number});
  waitForAcknowledgement(number);
  // The signal was sent and is about to break this off.
  for (let i = 0; signalled && i < 1000; ++i) pause(1);
}

// What it resolves to, unless SIGINT comes first.
function settle(promise) {
  return new Promise((resolve, reject) => {
    interrupt = (error) => reject(error || interrupted());
    if (wanted) interrupt();
    Promise.resolve(promise).then(resolve, reject);
  }).finally(() => { interrupt = null; });
}

async function evaluate(code) {
  const name = `<cell ${count}>`;
  const cell = breakable(() => {
    for (const report of late.splice(0)) writeAll(2, report);
    const prepared = prepare(code, name);
    if (prepared.imports.length === 0) runScripts(prepared, name);
    return prepared;
  });
  if (cell.imports.length) {
    for (const each of cell.imports) {
      const space = await settle(importHere(each.source, each.options));
      bind(each, space);
    }
    breakable(() => runScripts(cell, name));
  }
  let value = cell.value;
  if (cell.iterates) {
    value = await settle(value);
  } else if (cell.steps) {
    value = await steps(value);
  }
  if (!cell.shows) return undefined;
  return util.types.isPromise(value) ? settle(value) : value;
}

function runScripts(cell, name) {
  for (const declared of cell.names) makeRoom(declared);
  if (cell.functions) script(cell.functions, name, 0).runInThisContext({displayErrors: false});
  cell.value = script(cell.script, name, cell.steps ? -1 : 0).runInThisContext({displayErrors: false});
}

function script(text, name, lineOffset) {
  const options = {filename: name, lineOffset};
  if (vm.constants && vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER)
    options.importModuleDynamically = vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  return new vm.Script(text, options);
}

async function steps(generator) {
  let resume = () => generator.next();
  while (true) {
    const step = breakable(resume);
    if (step.done) return step.value;
    try {
      const value = await settle(step.value);
      resume = () => generator.next(value);
    } catch (error) {
      if (wanted) throw error;
      resume = () => generator.throw(error);
    }
  }
}

const nextTurn = () => new Promise((resolve) => real.setImmediate(resolve));

async function execute(request) {
  run = request.run;
  wanted = false;
  ++count;
  let bundle = null, failure = null;
  try {
    const value = await evaluate(request.code);
    await nextTurn();  // so that a rejection that nobody handles is told in this run
    if (value !== undefined) {
      globalThis._ = value;
      bundle = await settle(breakable(() => mimeBundle(value)));
    }
  } catch (error) {
    failure = describe(error);
  }
  if (failure) send({type: 'error', run, ...failure});
  else if (bundle) send({type: 'execute_result', run, execution_count: count, data: bundle});
  const ended = run;
  run = 0;
  send({type: 'execute_reply', run: ended, status: failure ? 'error' : 'ok', execution_count: count});
}

// What fails in callbacks and in promises that nobody waits for.
function report(kind, error) {
  if (error instanceof ProcessExit && interrupt) return interrupt(error);
  const {ename, evalue, traceback} = describe(error);
  const text = `${kind}: ${traceback.join('\n') || `${ename}: ${evalue}`}\n`;
  if (run) writeAll(2, text);
  else if (late.length < LATE_REPORTS) late.push(text);
}

// -- what is shown and printed

function writeAll(fd, data) {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
  for (let at = 0; at < bytes.length;) at += writeSome(fd, bytes, at);
}

// Writes at once and keeps no state: a termination in the middle of a write leaves nothing behind.
class Output extends stream.Writable {
  constructor(fd) {
    super({emitClose: false, autoDestroy: false});
    this.fd = fd;
    this._isStdio = true;
  }
  write(chunk, encoding, done) {
    const callback = typeof encoding === 'function' ? encoding : done;
    if (typeof chunk === 'string') writeAll(this.fd, Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8'));
    else if (chunk instanceof Uint8Array) writeAll(this.fd, chunk);
    else throw new TypeError('write() takes a string, a Buffer or a Uint8Array');
    if (typeof callback === 'function') process.nextTick(callback);
    return true;
  }
  end(chunk, encoding, done) {
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') this.write(chunk, encoding);
    const callback = [chunk, encoding, done].find((each) => typeof each === 'function');
    if (callback) process.nextTick(callback);
    return this;
  }
  destroy() { return this; }
}

function showBundle(bundle) {
  const number = ++displays;
  const waits = run !== 0 && inScope !== null;
  send({type: 'display_data', run, data: bundle, display: waits ? number : 0});
  // What is printed next goes another way; waiting for execd keeps it behind.
  if (waits) waitForAcknowledgement(number);
}

function waitForAcknowledgement(number) {
  for (let i = 0; acknowledged < number; ++i) {
    const bytes = Buffer.allocUnsafe(PART_BYTES);
    let size;
    try {
      size = fs.readSync(3, bytes, 0, bytes.length, null);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      if (i > 20) pause(0.1);
      continue;
    }
    if (size === 0) real.exit.call(process, 1);
    decode(bytes.subarray(0, size)).forEach(take);
  }
}

function display(...values) {
  const options = values.length > 1 ? values[values.length - 1] : null;
  if (options && typeof options === 'object' && options.raw === true) return showBundle(limited(asBundle(values[0])));
  let waits;
  for (const value of values) {
    const bundle = mimeBundle(value);
    if (typeof bundle.then === 'function') waits = Promise.all([waits, bundle.then(showBundle)]);
    else showBundle(bundle);
  }
  return waits && waits.then(() => undefined);
}

const FORMS = {text: 'text/plain', html: 'text/html', markdown: 'text/markdown', latex: 'text/latex',
               svg: 'image/svg+xml', png: 'image/png', jpeg: 'image/jpeg', gif: 'image/gif', pdf: 'application/pdf',
               json: 'application/json', javascript: 'application/javascript'};
for (const [form, mime] of Object.entries(FORMS)) display[form] = (data) => display.raw(mime, data);
display.raw = (mime, data) => showBundle(limited(asBundle({[mime]: data})));

// -- life

const requests = [];
let working = false;

function take(message) {
  if (message.type === 'display_ack') {
    acknowledged = Math.max(acknowledged, message.display);
    signalled = message.signalled === true;
  }
  if (message.type === 'interrupt_request' && message.run === run) {
    wanted = true;
    if (interrupt) interrupt();
  }
  if (message.type === 'execute_request') requests.push(message);
}

async function work() {
  if (working) return;
  working = true;
  while (requests.length) await execute(requests.shift());
  working = false;
}

function hidden(name, value) {
  Object.defineProperty(globalThis, name, {value, writable: true, enumerable: false, configurable: true});
}

function offerGlobals() {
  hidden(SCOPE, enterScope);
  hidden(IMPORT, importHere);
  hidden(META, Object.freeze({url: url.pathToFileURL(base).href, filename: base, dirname: here,
                              resolve: (name) => url.pathToFileURL(requireOfNode.resolve(name)).href}));
  const module = new Module(base);
  module.filename = base;
  module.paths = Module._nodeModulePaths(here);
  for (const [name, value] of Object.entries({require: requireHere, module, exports: module.exports, display,
                                              __filename: base, __dirname: here}))
    hidden(name, value);
}

function prepareProcess() {
  process.argv = [process.execPath];
  process.execArgv = [];
  delete process._eval;
  const out = new Output(1), err = new Output(2);
  Object.defineProperty(process, 'stdout', {get: () => out, configurable: true, enumerable: true});
  Object.defineProperty(process, 'stderr', {get: () => err, configurable: true, enumerable: true});
  process.exit = (code) => { throw new ProcessExit(code); };
  process.on('SIGINT', () => {
    wanted = run !== 0;
    if (interrupt) interrupt();
  });
  process.on('unhandledRejection', (error) => report('Unhandled rejection', error));
  process.on('uncaughtException', (error) => report('Uncaught exception', error));
}

addGlobalModules();
if (sucrase) addTypeScriptFiles();
prepareProcess();
offerGlobals();
// The engine compiles what a run needs now, not during the first run.
for (const code of ['const a = [1].map((x) => x); a', 'let {b} = await 1; class C {}']) prepare(code, '<cell 0>');
util.inspect({a: [1, 'b']});

const channel = new net.Socket({fd: 3, readable: true, writable: false});
channel.on('data', (bytes) => {
  decode(bytes).forEach(take);
  work();
});
channel.on('end', () => real.exit.call(process, 0));
channel.on('error', () => real.exit.call(process, 1));
send({type: 'ready', pid: process.pid, version: process.versions.node, holds: true});
})
