// The widget's front end: one ES module, no dependencies. Every text goes into the page as text; nothing from the kernel is ever markup.
// The kernel has made all names visible already (control characters and marks that turn text around are spelled out).

const ROW = 24; // px, as in widget.css
const PAGE = 200; // rows the kernel sends at a time
const OVERSCAN = 6;
const REFRESH_MS = 2000;
const FOLD_OVER = 24; // layers
const SMALL = 1e6; // bytes: layers below it fold
const MIB = 1 << 20;
const KINDS = [["A", "added"], ["C", "changed"], ["D", "deleted"], ["=", "unmodified"]];
const WORDS = { A: "added", C: "changed", D: "deleted", "": "unmodified" };
const GLYPHS = {
  cached: ["=", "cached", ""], running: ["●", "running", "dm-running"], done: ["✓", "done", ""], failed: ["✕", "failed", "dm-failed"],
  waiting: ["○", "waiting", "dm-waiting"], "not run": ["–", "not run", "dm-skipped"],
};
let serial = 0;

/** An element. `props`: class, text, on (listeners), style, everything else an attribute. Children: elements, texts, null. */
function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "text") node.textContent = value;
    else if (name === "on") for (const [type, heard] of Object.entries(value)) node.addEventListener(type, heard);
    else if (name === "style") for (const [key, set] of Object.entries(value)) node.style.setProperty(key, set);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const ICONS = {
  lock: ["M3 5.5V4a3 3 0 0 1 6 0v1.5", "M2 5.5h8V11H2z"],
  pencil: ["M2 10l.6-2.4L8.3 1.9l1.8 1.8-5.7 5.7z"],
  sheets: ["M1.5 4h6.5v6.5H1.5z", "M4 4V1.5h6.5V8H8"],
};
function icon(name, label) {
  const space = "http://www.w3.org/2000/svg";
  const node = document.createElementNS(space, "svg");
  node.setAttribute("viewBox", "0 0 12 12");
  node.setAttribute("class", "dm-icon");
  if (label) { node.setAttribute("role", "img"); node.setAttribute("aria-label", label); } else node.setAttribute("aria-hidden", "true");
  ICONS[name].forEach((path, index) => {
    const line = document.createElementNS(space, "path");
    line.setAttribute("d", path);
    line.setAttribute("fill", name === "lock" && index === 1 ? "currentColor" : "none");
    line.setAttribute("stroke", "currentColor");
    line.setAttribute("stroke-width", "1.3");
    node.append(line);
  });
  return node;
}

/** Bytes in decimal units, as docker prints them. */
export function decimal(size) {
  if (size < 1000) return `${size} B`;
  const units = ["kB", "MB", "GB", "TB", "PB", "EB"];
  let unit = 0, value = size / 1000;
  while (Math.round(value) >= 1000 && unit + 1 < units.length) { value /= 1000; unit += 1; }
  const tenths = Math.round(value * 10);
  return tenths < 1000 ? `${(tenths / 10).toFixed(1)} ${units[unit]}` : `${Math.round(value)} ${units[unit]}`;
}
const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
const seconds = (ms) => (ms === null || ms === undefined ? "" : ms < 60000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60000)} min ${Math.round((ms % 60000) / 1000)} s`);
/** Height of a front edge in px: k times the cube root of the size in MiB; 0 for nothing, a break above 1 GiB. */
export const thickness = (size, k) => (size <= 0 ? 0 : Math.min(Math.max(k * Math.cbrt(size / MIB), 1), 10.08 * k));
const chip = (kind) => h("span", { class: `dm-chip dm-${kind}`, title: WORDS[kind], text: kind });
const sized = (row) => (row.size === null || row.size === undefined ? "" : row.state === "D" ? `−${decimal(row.size)}` : decimal(row.size));
function instruction(text) {
  const [, word, rest] = /^(\S+)([\s\S]*)$/.exec(text || "") || [null, "", ""];
  return h("code", { title: text || null }, h("b", { text: word || "(no instruction is known)" }), rest);
}

/** Requests to the kernel over the widget's messages. */
class Client {
  constructor(model) {
    this.model = model;
    this.waiting = new Map();
    // Views of one model hear each other's replies, so each begins elsewhere. Numbers: ipykernel keeps ids that are texts for ever.
    this.next = Math.floor(Math.random() * 2 ** 32) * 2 ** 20;
    this.heard = (message) => this.take(message);
    model.on("msg:custom", this.heard);
  }
  ask(method, params = {}) {
    const id = (this.next += 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.model.send({ id, method, params });
    });
  }
  take(message) {
    const waits = message && this.waiting.get(message.id);
    if (!waits) return; // of another view
    this.waiting.delete(message.id);
    if (message.error) waits.reject(message.error); else waits.resolve(message.result);
  }
  close() {
    this.model.off("msg:custom", this.heard);
    this.waiting.clear();
  }
}

const told = (error) => (error && error.message ? `${error.message}${error.hint ? `. ${error.hint}` : ""}` : "the kernel did not answer");
const errorBox = (error) => h("p", { class: "dm-error", role: "alert", text: told(error) });

/** The tree: rows of a fixed height, of which only those in sight are in the page; folders are read a page at a time. */
class FileTree {
  constructor(client, tree, { label, open }) {
    this.client = client;
    this.tree = tree;
    this.open = open;
    this.id = `dm-tree-${(serial += 1)}`;
    this.kinds = [];
    this.text = "";
    this.generation = 0;
    this.active = 0;
    this.chosen = null;
    this.space = h("div", { role: "presentation" });
    this.node = h("div", {
      class: "dm-rows", role: "tree", tabindex: 0, "aria-label": label, id: this.id,
      on: { scroll: () => this.draw(), keydown: (event) => this.key(event) },
    }, this.space);
  }
  /** Begin again, with a filter and the kinds that are shown. */
  async show(text, kinds) {
    this.text = text;
    this.kinds = kinds;
    this.generation += 1;
    this.active = 0;
    this.node.scrollTop = 0;
    this.root = this.folder(null, 0);
    this.flat = [];
    await this.load(this.root, 0);
    return { total: this.root.total, of: this.root.of };
  }
  folder(row, depth) { return { row, depth, children: [], total: 0, asked: new Set(), open: true }; }
  async load(folder, index) {
    const offset = Math.floor(index / PAGE) * PAGE, generation = this.generation;
    if (folder.asked.has(offset)) return;
    folder.asked.add(offset);
    const searching = folder === this.root && this.text;
    const params = { tree: this.tree, kinds: this.kinds, offset };
    const page = searching
      ? await this.client.ask("find", { ...params, text: this.text })
      : await this.client.ask("list", { ...params, folder: folder.row ? folder.row.ref : 0 });
    if (generation !== this.generation) return;
    folder.total = page.total;
    folder.of = page.of;
    folder.children.length = page.total;
    page.rows.forEach((row, number) => { folder.children[offset + number] = { row, parent: folder, position: offset + number, inside: null }; });
    this.flatten();
  }
  flatten() {
    const flat = [];
    const walk = (folder) => {
      for (let index = 0; index < folder.total; index += 1) {
        const child = folder.children[index];
        flat.push(child || { parent: folder, position: index, row: null });
        if (child && child.inside && child.inside.open) walk(child.inside);
      }
    };
    walk(this.root);
    this.flat = flat;
    this.active = Math.min(this.active, Math.max(0, flat.length - 1));
    this.draw();
  }
  draw() {
    if (!this.flat) return;
    this.space.style.height = `${this.flat.length * ROW}px`;
    const height = this.node.clientHeight || 384;
    const begin = Math.max(0, Math.floor(this.node.scrollTop / ROW) - OVERSCAN);
    const end = Math.min(this.flat.length, Math.ceil((this.node.scrollTop + height) / ROW) + OVERSCAN);
    const rows = [];
    for (let index = begin; index < end; index += 1) rows.push(this.line(index));
    this.space.replaceChildren(...rows);
    this.node.setAttribute("aria-activedescendant", this.flat.length ? `${this.id}-${this.active}` : "");
  }
  line(index) {
    const item = this.flat[index], row = item.row;
    const common = { id: `${this.id}-${index}`, role: "treeitem", "aria-level": item.parent.depth + 1, "aria-setsize": item.parent.total, "aria-posinset": item.position + 1, style: { top: `${index * ROW}px` } };
    const active = index === this.active ? " dm-active" : "";
    if (!row) {
      this.load(item.parent, item.position).catch(() => undefined);
      return h("div", { ...common, class: `dm-row${active}`, "aria-selected": "false", "aria-label": "loading" }, h("span"), h("span", { class: "dm-quiet", text: "…" }));
    }
    const open = Boolean(item.inside && item.inside.open), folder = row.kind === "dir";
    const label = [WORDS[row.state], row.name, folder ? "directory" : row.kind, row.link ? `to ${row.link}` : "", row.mode ? `mode ${row.mode}` : "", row.owner ? `owner ${row.owner}` : "", sized(row), row.note || ""].filter(Boolean).join(", ");
    const name = h("span", { class: row.state === "D" ? "dm-gone" : "" }, h("bdi", { text: folder ? `${row.name}/` : row.name }));
    return h("div", {
      ...common, class: `dm-row${active}`, "aria-label": label, "aria-selected": String(this.chosen === row.ref), "aria-expanded": row.folder ? String(open) : null,
      title: `${row.path}${row.link ? ` → ${row.link}` : ""}`, on: { click: () => { this.active = index; this.choose(item); } },
    },
    h("span", {}, row.state ? chip(row.state) : null),
    h("span", { class: "dm-mono", style: { "padding-left": `${item.parent.depth * 14}px` } }, h("span", { class: "dm-twist", "aria-hidden": "true", text: row.folder ? (open ? "▾" : "▸") : "" }), name, row.link ? h("span", { class: "dm-quiet" }, " → ", h("bdi", { text: row.link })) : null, row.note ? h("span", { class: "dm-quiet", text: `  ${row.note}` }) : null),
    h("span", { class: "dm-mono dm-quiet", text: row.mode || "" }),
    h("span", { class: "dm-mono dm-quiet dm-owner", text: row.owner || "" }),
    h("span", { class: "dm-num", text: sized(row) }));
  }
  choose(item) {
    if (!item || !item.row) return;
    if (item.row.folder) return void this.toggle(item);
    this.chosen = item.row.ref;
    this.draw();
    this.open(item.row);
  }
  toggle(item, wanted) {
    const open = wanted ?? !(item.inside && item.inside.open);
    if (!item.inside) item.inside = this.folder(item.row, item.parent.depth + 1);
    item.inside.open = open;
    if (open && !item.inside.asked.size) this.load(item.inside, 0).catch(() => undefined);
    this.flatten();
  }
  move(index) {
    this.active = Math.max(0, Math.min(this.flat.length - 1, index));
    const top = this.active * ROW;
    if (top < this.node.scrollTop) this.node.scrollTop = top;
    else if (top + ROW > this.node.scrollTop + this.node.clientHeight) this.node.scrollTop = top + ROW - this.node.clientHeight;
    this.draw();
  }
  key(event) {
    if (!this.flat || !this.flat.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const item = this.flat[this.active], page = Math.max(1, Math.floor(this.node.clientHeight / ROW) - 1);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.flat.length, End: this.flat.length };
    if (event.key in moves) this.move(this.active + moves[event.key]);
    else if (event.key === "ArrowRight" && item.row && item.row.folder) { if (item.inside && item.inside.open) this.move(this.active + 1); else this.toggle(item, true); }
    else if (event.key === "ArrowLeft" && item.row) {
      if (item.inside && item.inside.open) this.toggle(item, false);
      else if (item.parent.row) this.move(this.flat.findIndex((other) => other.inside === item.parent));
    } else if (event.key === "Enter" || event.key === " ") this.choose(item);
    else return;
    event.preventDefault();
    event.stopPropagation(); // the notebook has shortcuts of its own for these keys
  }
}

/** A file's lines, or a difference, in a box that scrolls. */
function lineBox(path, result, extra) {
  const lines = h("div", { class: "dm-lines", tabindex: 0, role: "group", "aria-label": `${path}, ${result.words}` });
  if (result.type === "text" && result.lines.length && typeof result.lines[0] === "object") {
    for (const line of result.lines) {
      const sign = { "-": "−", "+": "+", " ": " ", "@": "⋯" }[line.op];
      const word = { "-": "removed", "+": "added" }[line.op];
      lines.append(h("div", { class: { "-": "dm-minus", "+": "dm-plus" }[line.op] || "" },
        h("span", { class: "dm-no", text: line.op === "@" ? "" : String(line.new ?? line.old) }),
        h("span", { class: "dm-op", "aria-hidden": "true", text: sign }), word ? h("span", { class: "dm-sr", text: `${word}: ` }) : null, h("bdi", { text: line.text })));
    }
  } else {
    (result.lines || []).forEach((line, number) => lines.append(h("div", {}, result.type === "text" ? h("span", { class: "dm-no", "aria-hidden": "true", text: String(number + 1) }) : null, h("bdi", { text: line }))));
  }
  if (result.cut) lines.append(h("div", { class: "dm-quiet", text: "… there is more" }));
  return h("div", { class: "dm-box" }, h("div", { class: "dm-boxhead" }, h("code", {}, h("bdi", { text: path })), h("span", { class: "dm-quiet dm-small", text: result.words }), extra), lines.childNodes.length ? lines : null);
}

/** Filter, tree, and what a chosen file holds. */
class FileBrowser {
  constructor(client, tree, label, unmodified) {
    this.client = client;
    this.tree = tree;
    this.pressed = new Set(unmodified ? ["A", "C", "D", "="] : ["A", "C", "D"]);
    this.files = new FileTree(client, tree, { label: `Files: ${label}`, open: (row) => this.open(row) });
    this.status = h("p", { class: "dm-quiet dm-small", role: "status", style: { margin: "0 0 4px" } });
    this.content = h("div");
    this.input = h("input", { type: "search", "aria-label": "Filter files", placeholder: "Filter, e.g. *.csv or /etc", on: { input: () => this.later(), keydown: (event) => event.stopPropagation() } });
    const toggles = KINDS.map(([kind, word]) => {
      const button = h("button", { type: "button", class: "dm-toggle", "aria-pressed": String(this.pressed.has(kind)), "aria-label": `Show ${word}`, title: `show ${word}` }, kind === "=" ? h("span", { class: "dm-chip dm-same", text: "=" }) : chip(kind));
      button.addEventListener("click", () => {
        if (!this.pressed.delete(kind)) this.pressed.add(kind);
        button.setAttribute("aria-pressed", String(this.pressed.has(kind)));
        this.show();
      });
      return button;
    });
    this.node = h("div", { class: "dm-browser" }, h("div", { class: "dm-filter" }, this.input, toggles), this.status,
      h("div", { class: "dm-row dm-title", "aria-hidden": "true" }, h("span"), h("span", { text: "File" }), h("span", { text: "Mode" }), h("span", { class: "dm-owner", text: "Owner" }), h("span", { text: "Size" })),
      this.files.node, this.content);
    this.show();
  }
  later() { clearTimeout(this.timer); this.timer = setTimeout(() => this.show(), 150); }
  async show() {
    const text = this.input.value.trim(), shown = ++serial;
    this.shown = shown;
    if (!this.pressed.size) { this.files.root = this.files.folder(null, 0); this.files.flatten(); this.status.textContent = "Nothing is chosen to be shown."; return; }
    this.status.textContent = "Reading…";
    try {
      const found = await this.files.show(text, [...this.pressed]);
      if (this.shown !== shown) return;
      this.status.textContent = text ? `${found.total.toLocaleString("en")} of ${count(found.of ?? 0, "path")} match` : found.total ? "" : "No files to show.";
    } catch (error) {
      if (this.shown === shown) this.status.textContent = told(error);
    }
  }
  /** What is listed is older than what stands there: the reader says when to look again, so that no row moves under the pointer. */
  grown() {
    this.status.replaceChildren("The container wrote meanwhile. ", h("button", { type: "button", class: "dm-link dm-small", text: "Look again", on: { click: () => this.show() } }));
  }
  async open(row) {
    const wanted = ++serial;
    this.opened = wanted;
    const changed = row.state === "C" || row.state === "D";
    try {
      if (changed && (row.kind === "file")) return await this.difference(row, wanted);
      await this.whole(row, wanted);
    } catch (error) {
      if (this.opened === wanted) this.content.replaceChildren(errorBox(error));
    }
  }
  async whole(row, wanted) {
    const result = await this.client.ask("content", { tree: this.tree, ref: row.ref });
    const other = row.state === "C" ? h("button", { type: "button", class: "dm-link dm-small", text: "Show what changed", on: { click: () => this.open(row) } }) : null;
    if (this.opened === wanted) this.content.replaceChildren(lineBox(result.path, result, other));
  }
  async difference(row, wanted) {
    const result = await this.client.ask("diff", { tree: this.tree, ref: row.ref });
    const other = row.state === "C" ? h("button", { type: "button", class: "dm-link dm-small", text: "Show the whole file", on: { click: () => { this.opened = ++serial; this.whole(row, this.opened).catch((error) => this.content.replaceChildren(errorBox(error))); } } }) : null;
    if (this.opened === wanted) this.content.replaceChildren(lineBox(result.path, result, other));
  }
}

const changeCounts = (counts) => ["A", "C", "D"].map((kind) => h("span", { class: "dm-small dm-num" }, chip(kind), ` ${counts[kind]}`, h("span", { class: "dm-sr", text: ` ${WORDS[kind]}, ` })));

const tallied = (tray) => {
  const total = tray.counts.A + tray.counts.C + tray.counts.D;
  return `${count(total, "path")} ${total === 1 ? "differs" : "differ"}${tray.writable ? " from the image" : ""}`;
};

function trayParts(tray, limit) {
  const total = tray.counts.A + tray.counts.C + tray.counts.D;
  const head = h("span", { class: "dm-head" }, tray.writable ? icon("pencil") : null, h("b", { text: tray.title }), tray.writable ? h("span", { class: "dm-quiet dm-small", text: tray.living ? "writable, in use" : "writable" }) : null, h("span", { class: "dm-counts" }, changeCounts(tray.counts)),
    tray.size === null ? null : h("span", { class: "dm-num dm-far", text: decimal(tray.size) }));
  const paths = tray.paths.slice(0, limit).map(([kind, path, size, note]) => h("span", { class: "dm-path" }, chip(kind), h("code", { class: kind === "D" ? "dm-gone" : "", title: path }, h("bdi", { text: path })), h("span", { class: "dm-quiet dm-small dm-num", text: note || (size === null ? "" : kind === "D" ? `−${decimal(size)}` : decimal(size)) })));
  const more = total - paths.length;
  return [head, total ? paths : h("span", { class: "dm-path dm-quiet", text: tray.nothing }), more > 0 ? h("span", { class: "dm-quiet dm-small", text: `+ ${more.toLocaleString("en")} more` }) : null];
}

function slabParts(slab, k) {
  const edge = thickness(slab.size, k), broken = slab.size > 1024 * MIB;
  return [
    h("span", { class: "dm-top", style: { display: "grid" } }, icon("lock", "read-only"), instruction(slab.instruction),
      h("span", { class: "dm-marks" }, slab.shared.length ? h("span", { class: "dm-tag", title: `also in ${slab.shared.join(", ")}` }, icon("sheets"), `×${slab.shared.length + 1}`, h("span", { class: "dm-sr", text: " images have it" })) : null, slab.origin === "host" ? h("span", { class: "dm-quiet dm-small dm-machine", text: "from this machine" }) : null),
      h("span", { class: "dm-num dm-quiet dm-files", text: count(slab.files, "file") }), h("span", { class: "dm-num", text: decimal(slab.size) })),
    ...(broken ? [h("span", { class: "dm-edge", style: { height: `${edge * 0.6}px` } }), h("span", { class: "dm-break", title: "more than 1 GiB: the edge is broken" }), h("span", { class: "dm-edge", style: { height: `${edge * 0.4}px` } })] : [h("span", { class: "dm-edge", style: { height: `${edge}px` } })]),
  ];
}
const SETTING = { setting: "setting, no layer", from: "base below", unchanged: "no change, no layer", failed: "failed", "not run": "not run" };
const settingLine = (slab) => h("li", { class: "dm-setting" }, instruction(slab.instruction), h("span", { text: SETTING[slab.kind] || slab.kind }));

/** Rows of the stack; over 24 layers, neighbours below 1 MB are one line that opens. */
function folded(stack) {
  if (stack.filter((slab) => slab.layer !== null).length <= FOLD_OVER) return stack.map((slab) => [slab]);
  const groups = [];
  for (const slab of stack) {
    const small = slab.layer !== null && slab.size < SMALL && slab.layer !== 0;
    const last = groups[groups.length - 1];
    if (small && last && last.small) last.push(slab); else groups.push(Object.assign([slab], { small }));
  }
  return groups;
}

class Explorer {
  constructor(model, el) {
    this.model = model;
    this.client = new Client(model);
    this.el = h("div", { class: "dockmagic-widget", role: "group", "aria-label": "dockmagic" });
    el.append(this.el);
    this.id = `dm-${(serial += 1)}`;
    this.changed = () => this.draw();
    model.on("change:summary", this.changed);
    this.draw();
    this.timer = setInterval(() => this.refresh(), REFRESH_MS);
  }
  close() {
    clearInterval(this.timer);
    this.model.off("change:summary", this.changed);
    this.client.close();
    this.el.remove();
  }
  get summary() { return this.model.get("summary"); }
  draw() {
    const now = this.summary;
    this.views = [["stack", "Stack", () => this.stack()], ["files", "Files", () => this.files()], ["build", "Build", () => this.build()], ["compare", "Compare", () => this.compare()]].filter(([name]) => (name === "build" ? now.build : name === "compare" ? now.stack.some((slab) => slab.layer !== null) : name === "files" ? now.trees.length : true));
    const names = this.views.map(([name]) => name);
    if (!names.includes(this.current)) this.current = now.verdict.mark === "bad" && now.build && now.build.error ? "build" : "stack";
    this.made = {};
    this.seen = null; // the tray as it was read last
    this.live = h("div", { class: "dm-sr", role: "status", "aria-live": "polite" });
    this.message = h("div", { class: "dm-message", role: "status" });
    this.tabs = h("div", { class: "dm-tabs", role: "tablist", "aria-label": "Views", on: { keydown: (event) => this.tabKey(event) } }, this.views.map(([name, label]) => h("button", { type: "button", class: "dm-tab", role: "tab", id: `${this.id}-t-${name}`, "aria-controls": `${this.id}-p-${name}`, "data-view": name, text: label, on: { click: () => this.choose(name) } })));
    this.panes = this.views.map(([name]) => h("div", { class: "dm-pane", role: "tabpanel", id: `${this.id}-p-${name}`, "aria-labelledby": `${this.id}-t-${name}`, hidden: true }));
    this.el.replaceChildren(this.head(now), this.tabs, ...this.panes, this.actions(now), this.message, this.live);
    this.choose(this.current);
  }
  head(now) {
    const mark = { good: "✓ ", bad: "✕ ", open: "● " }[now.verdict.mark] || "";
    const totals = now.totals ? `${count(now.totals.layers, "read-only layer")} · ${count(now.totals.files, "file")} · ${decimal(now.totals.size)}` : "";
    const wall = now.isolation ? `isolation: ${now.isolation.tier}, network ${now.isolation.network}` : "";
    return h("div", { class: "dm-bar" }, now.verdict.words ? h("span", { class: "dm-tag", text: `${mark}${now.verdict.words}` }) : null, h("h3", {}, h("bdi", { text: now.title })),
      now.container ? h("span", { class: "dm-small dm-quiet" }, "container ", h("bdi", { text: now.container.name }), now.container.there ? ` (${now.container.status})` : " (removed)") : null,
      h("span", { class: "dm-quiet dm-num dm-small", text: totals }), wall ? h("span", { class: "dm-quiet dm-small dm-far", title: now.isolation.notes.join("; ") || null, text: wall }) : null);
  }
  tabKey(event) {
    const names = this.views.map(([name]) => name), at = names.indexOf(this.current);
    const to = { ArrowRight: (at + 1) % names.length, ArrowLeft: (at + names.length - 1) % names.length, Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.choose(names[to]);
    this.tabs.children[to].focus();
  }
  choose(name) {
    this.current = name;
    this.views.forEach(([view, , make], index) => {
      const on = view === name, tab = this.tabs.children[index], pane = this.panes[index];
      tab.setAttribute("aria-selected", String(on));
      tab.setAttribute("tabindex", on ? "0" : "-1");
      pane.hidden = !on;
      if (on && !this.made[view]) { this.made[view] = true; pane.replaceChildren(); pane.classList.toggle("dm-cols", view === "stack"); pane.append(...[make()].flat().filter(Boolean)); }
    });
  }
  // -- stack
  stack() {
    const now = this.summary, list = h("ul", { class: "dm-slabs", "aria-label": "Layers, the newest first", on: { keydown: (event) => this.slabKey(event) } });
    this.details = h("div");
    this.picks = new Map();
    const pick = (id, node) => { this.picks.set(id, node); node.addEventListener("click", () => this.pick(id)); return node; };
    if (now.tray) {
      const has = now.trees.some((tree) => tree.id === "rw");
      const node = h(has ? "button" : "div", { type: has ? "button" : null, class: `dm-tray${now.tray.writable ? "" : " dm-plain"}`, "aria-pressed": has ? "false" : null }, trayParts(this.seen || now.tray, 5));
      this.tray = node;
      list.append(h("li", {}, has ? pick("rw", node) : node));
    }
    if (now.stack.length > FOLD_OVER) list.classList.add("dm-tall");
    for (const group of folded(now.stack)) {
      const slabs = () => group.map((slab) => (slab.layer === null ? settingLine(slab) : h("li", {}, pick(String(slab.layer), h("button", { type: "button", class: "dm-slab", "aria-pressed": "false" }, slabParts(slab, 8))))));
      if (group.length === 1) { list.append(...slabs()); continue; }
      const size = group.reduce((sum, slab) => sum + slab.size, 0), line = h("li", { class: "dm-setting" });
      line.append(h("button", { type: "button", class: "dm-link dm-small", text: `${group.length} layers below 1 MB, ${decimal(size)}: show`, on: { click: () => { const rows = slabs(); line.replaceWith(...rows); rows[0].firstChild.focus(); } } }));
      list.append(line);
    }
    if (!now.stack.some((slab) => slab.layer !== null) && now.totals) list.append(h("li", { class: "dm-quiet", text: "Image with 0 layers (FROM scratch)" }));
    list.append(h("li", { class: "dm-base", "aria-hidden": "true" }));
    const key = h("div", { class: "dm-key dm-small dm-quiet", role: "img", "aria-label": "Key: the height of a front edge is the cube root of the size; 8 times the bytes are 2 times as tall" }, h("div", {}, "Height of the front edge", h("br"), "= cube root of size:", h("br"), "8 × the bytes, 2 × as tall"), [[1e6, "1 MB"], [1e7, "10 MB"], [1e8, "100 MB"], [1e9, "1 GB"]].map(([size, text]) => h("div", {}, h("span", { class: "dm-mark", style: { height: `${thickness(size, 8)}px` } }), text)));
    const first = now.tray && this.picks.has("rw") ? "rw" : [...this.picks.keys()][0];
    queueMicrotask(() => { if (this.picks.has(this.picked)) this.pick(this.picked); else if (first !== undefined) this.pick(first); });
    return [h("div", {}, list, now.stack.some((slab) => slab.layer !== null) ? key : null), this.details];
  }
  slabKey(event) {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!way) return;
    const buttons = [...event.currentTarget.querySelectorAll("button")], at = buttons.indexOf(document.activeElement);
    const next = buttons[at + way];
    event.preventDefault();
    event.stopPropagation();
    if (next) next.focus();
  }
  pick(id) {
    this.picked = id;
    this.tally = null;
    for (const [name, node] of this.picks) node.setAttribute("aria-pressed", String(name === id));
    const now = this.summary, slab = now.stack.find((each) => String(each.layer) === id), parts = [];
    if (slab) {
      const number = now.stack.filter((each) => each.layer !== null).length, all = now.totals ? now.totals.size : 0, files = h("dd", { class: "dm-num", text: "…" });
      parts.push(h("div", { class: "dm-head" }, h("h4", { text: `Layer ${slab.layer + 1} of ${number}` }), instruction(slab.instruction)),
        h("dl", { class: "dm-facts" }, h("dt", { text: "DiffID" }), h("dd", { class: "dm-mono", title: slab.diff_id, text: shortDigest(slab.diff_id) }),
          slab.digest !== slab.diff_id ? [h("dt", { text: "Blob" }), h("dd", { class: "dm-mono", title: slab.digest, text: shortDigest(slab.digest) })] : null,
          h("dt", { text: "Size" }), h("dd", { class: "dm-num", text: `${decimal(slab.size)}${share(slab.size, all)}` }),
          h("dt", { text: "Changes" }), files, slab.origin === "host" ? [h("dt", { text: "Made" }), h("dd", { text: "from this machine" })] : null,
          slab.shared.length ? [h("dt", { text: "Also in" }), h("dd", {}, icon("sheets"), ` ${slab.shared.join(", ")} (stored once on disk)`)] : null));
      this.client.ask("layer", { tree: id }).then((found) => files.replaceChildren(...changeCounts(found.counts).flatMap((node) => [node, "  "])), (error) => { files.textContent = told(error); });
    } else if (now.tray) {
      this.tally = h("span", { class: "dm-quiet dm-small", text: tallied(this.seen || now.tray) });
      parts.push(h("div", { class: "dm-head" }, h("h4", { text: now.tray.title }), this.tally));
      if (now.container && !now.container.there || (now.tray.writable && !now.container)) parts.push(h("p", { class: "dm-quiet dm-small", style: { margin: "4px 0" }, text: "The container was removed after its run, and its files with it: a container stays with --name or --keep." }));
    }
    this.browser = new FileBrowser(this.client, id, slab ? `layer ${slab.layer + 1}` : "container layer", false);
    this.details.replaceChildren(...parts, this.browser.node);
  }
  async refresh() {
    const now = this.summary;
    if (!now.tray || !now.tray.living || document.visibilityState !== "visible" || !this.el.isConnected || this.asking) return;
    this.asking = true;
    try {
      const { tray } = await this.client.ask("refresh");
      const news = tray && tray.living && JSON.stringify(tray) !== JSON.stringify(this.seen || now.tray);
      this.seen = tray;
      if (news && this.tray && this.tray.isConnected) this.tray.replaceChildren(...trayParts(tray, 5).flat(Infinity).filter(Boolean));
      if (news && this.tally && tray) this.tally.textContent = tallied(tray);
      if (news && this.picked === "rw" && this.browser) this.browser.grown();
      if (!tray || !tray.living) this.model.set("summary", await this.client.ask("summary")); // it has ended: drawn anew
    } catch { /* the next round asks again */ } finally { this.asking = false; }
  }
  // -- files
  files() {
    const now = this.summary, place = h("div"), waste = h("div", {}, h("p", { class: "dm-quiet dm-small", text: "…" }));
    const shown = (id) => { const label = now.trees.find((tree) => tree.id === id).label; place.replaceChildren(new FileBrowser(this.client, id, label, id === "merged").node); };
    const select = h("select", { "aria-label": "Which files", on: { change: () => shown(select.value), keydown: (event) => event.stopPropagation() } }, now.trees.map((tree) => h("option", { value: tree.id, text: tree.label })));
    const start = now.trees.some((tree) => tree.id === "merged") ? "merged" : now.trees[0].id;
    select.value = start;
    shown(start);
    if (now.totals) this.client.ask("waste").then((found) => waste.replaceChildren(...wasteParts(found)), (error) => waste.replaceChildren(errorBox(error)));
    return [h("div", { class: "dm-head" }, select), place, now.totals ? h("div", { class: "dm-box", style: { padding: "6px 12px" } }, h("h4", { text: "Wasted space" }), waste) : null];
  }
  // -- build
  build() { return new BuildRows(this, this.summary.build, this.summary.title).node; }
  // -- compare
  compare() {
    const place = h("div"), select = h("select", { "aria-label": "Compare with", on: { keydown: (event) => event.stopPropagation() } }, h("option", { value: "", text: "Compare with…" }));
    select.addEventListener("change", () => { if (select.value) this.compared(select.value, place); });
    this.client.ask("candidates").then(({ items }) => {
      for (const group of [...new Set(items.map((item) => item.group))]) select.append(h("optgroup", { label: group }, items.filter((item) => item.group === group).map((item) => h("option", { value: item.ref, text: item.label }))));
      if (!items.length) place.replaceChildren(h("p", { class: "dm-quiet", text: "There is nothing to compare with yet: run another cell." }));
    }, (error) => place.replaceChildren(errorBox(error)));
    return [h("div", { class: "dm-head" }, select), place];
  }
  async compared(ref, place) {
    place.replaceChildren(h("p", { class: "dm-quiet", role: "status", text: "Comparing…" }));
    try {
      const found = await this.client.ask("compare", { with: ref });
      place.replaceChildren(...this.comparison(ref, found).filter(Boolean));
    } catch (error) { place.replaceChildren(errorBox(error)); }
  }
  comparison(ref, found) {
    const tray = (side) => h("div", {}, h("h4", {}, h("bdi", { text: side.label }), side.verdict ? h("span", { class: "dm-quiet dm-small", text: `  ${side.verdict}` }) : null), side.tray ? h("div", { class: `dm-tray${side.tray.writable ? "" : " dm-plain"}` }, trayParts(side.tray, 5)) : h("div", { class: "dm-quiet dm-small", text: "an image: nothing writable" }));
    const slabs = (stack) => h("ul", { class: "dm-slabs" }, stack.map((slab) => (slab.layer === null ? settingLine(slab) : h("li", {}, h("div", { class: "dm-slab" }, slabParts(slab, 5))))), h("li", { class: "dm-base", "aria-hidden": "true" }));
    const diff = h("div"), body = h("tbody");
    const rows = (items) => items.map((row) => {
      const stands = (side) => h("td", { class: "dm-num" }, side.state ? [chip(side.state), " "] : null, side.size === null ? side.words : decimal(side.size), side.size !== null && side.words ? h("span", { class: "dm-quiet", text: ` ${side.words}` }) : null);
      const show = async () => { try { const result = await this.client.ask("compare_diff", { with: ref, ref: row.ref }); diff.replaceChildren(lineBox(result.path, result)); } catch (error) { diff.replaceChildren(errorBox(error)); } diff.scrollIntoView({ block: "nearest" }); };
      return h("tr", {}, h("td", { class: "dm-mono", title: row.path }, h("bdi", { text: row.path })), stands(row.first), stands(row.second), h("td", {}, row.diff ? h("button", { type: "button", class: "dm-link", text: row.difference, "aria-label": `${row.difference}: show the difference in ${row.path}`, on: { click: show } }) : row.difference));
    });
    const more = h("button", { type: "button", class: "dm-btn", text: "Show more" });
    let offset = found.rows.length;
    more.addEventListener("click", async () => { const next = await this.client.ask("compare", { with: ref, offset }); body.append(...rows(next.rows)); offset += next.rows.length; more.hidden = offset >= next.total; });
    more.hidden = offset >= found.total;
    body.append(...rows(found.rows));
    const head = `${count(found.total, "path")} ${found.total === 1 ? "differs" : "differ"} · ${decimal(found.shared)} shared · ${decimal(found.own)} not shared`;
    return [h("p", { class: "dm-quiet dm-small dm-num", role: "status", text: head }), h("div", { class: "dm-two" }, tray(found.first), tray(found.second)),
      ...(found.same_image ? [h("div", { class: "dm-brace", text: "both read this image; its layers are stored once" }), slabs(found.first.stack)] : [h("div", { class: "dm-brace", text: "two images" }), h("div", { class: "dm-two" }, h("div", {}, slabs(found.first.stack)), h("div", {}, slabs(found.second.stack)))]),
      found.note ? h("p", { class: "dm-small dm-quiet", text: found.note }) : null, h("h4", { text: "Files that differ between the two" }),
      found.total ? h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "File" }), h("th", { scope: "col" }, h("bdi", { text: found.first.label })), h("th", { scope: "col" }, h("bdi", { text: found.second.label })), h("th", { scope: "col", text: "Difference" }))), body) : h("p", { class: "dm-quiet", text: "No file differs." }), more, diff];
  }
  // -- actions
  actions(now) {
    if (!now.actions.length) return "";
    return h("ul", { class: "dm-actions", "aria-label": "Actions, each with the code that does the same" }, now.actions.map((action) => {
      const item = h("li"), button = h("button", { type: "button", class: "dm-btn", disabled: !action.enabled, title: action.why || action.code.trim(), text: action.label, on: { click: () => (action.confirm ? ask() : this.act(action)) } });
      const usual = [button, h("code", { text: action.code.trim() }), action.why ? h("span", { class: "dm-quiet dm-small", text: action.why }) : null].filter(Boolean);
      const ask = () => {
        const no = h("button", { type: "button", class: "dm-btn", text: "No", on: { click: () => { item.replaceChildren(...usual); button.focus(); } } });
        const yes = h("button", { type: "button", class: "dm-btn", text: "Yes", on: { click: () => { item.replaceChildren(...usual); this.act(action); } } });
        item.replaceChildren(h("span", { text: action.confirm }), yes, no);
        no.focus();
      };
      item.append(...usual);
      return item;
    }));
  }
  async act(action) {
    if (action.where !== "kernel") return void this.notebook(action.where === "notebook" ? action.action : "insert", action.code);
    try {
      const result = await this.client.ask("act", { action: action.action });
      this.model.set("summary", result.summary); // which draws anew
      this.message.textContent = `${result.done}.`;
    } catch (error) { this.message.replaceChildren(errorBox(error)); }
  }
  /** What only the notebook can do: the extension hears it, or the code is shown to be copied. */
  notebook(action, code) {
    const event = new CustomEvent("dockmagic:act", { bubbles: true, composed: true, cancelable: true, detail: { action, code } });
    if (!this.el.dispatchEvent(event)) return;
    const text = action === "interrupt" ? "Interrupt the kernel (■ in the toolbar) to stop." : action === "run-again" ? "Run the cell again with Shift+Enter." : "Put this into a cell: ";
    this.message.replaceChildren(text, ...(action === "insert" ? [h("code", { text: code.trim() })] : []));
  }
}

const share = (size, all) => (!all || !size ? "" : size / all < 0.001 ? ", less than 0.1 % of the image" : `, ${((100 * size) / all).toFixed(1)} % of the image`);
const shortDigest = (digest) => (digest.length > 30 ? `${digest.slice(0, 15)}…${digest.slice(-4)}` : digest);
function wasteParts(found) {
  const percent = (100 * found.efficiency).toFixed(1), words = `${decimal(found.wasted)} of ${decimal(found.stored)} that the layers store are not seen in the image: ${percent} % efficient.`;
  return [h("p", { class: "dm-small", style: { margin: "2px 0" }, text: words }), found.rows.length ? h("table", { "aria-label": "Wasted space by path" }, h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "File" }), h("th", { scope: "col", class: "dm-right", style: { width: "90px" }, text: "Copies" }), h("th", { scope: "col", class: "dm-right", style: { width: "110px" }, text: "Not seen" }))), h("tbody", {}, found.rows.slice(0, 20).map((row) => h("tr", {}, h("td", { class: "dm-mono", title: row.path }, h("bdi", { class: row.deleted ? "dm-gone" : "", text: row.path }), row.deleted ? h("span", { class: "dm-quiet", text: " deleted" }) : null), h("td", { class: "dm-right dm-num", text: String(row.copies) }), h("td", { class: "dm-right dm-num", text: decimal(row.size) }))))) : null,
    found.total > 20 ? h("p", { class: "dm-quiet dm-small", text: `and ${(found.total - 20).toLocaleString("en")} more` }) : null].filter(Boolean);
}

/** The steps of a build; `host` opens logs and asks the notebook. */
class BuildRows {
  constructor(host, build, title) {
    this.host = host;
    this.list = h("ol", { class: "dm-steps", "aria-label": "Steps" });
    this.line = h("span", { class: "dm-small dm-quiet dm-num" });
    this.heading = h("h3");
    this.progress = h("div", { class: "dm-progress", role: "progressbar", "aria-label": "build", "aria-valuemin": "0" });
    this.stop = h("button", { type: "button", class: "dm-btn dm-far", text: "Stop", title: "interrupts the kernel", on: { click: () => host.notebook("interrupt", "") } });
    this.live = h("div", { class: "dm-sr", role: "status", "aria-live": "polite" });
    this.node = h("div", {}, h("div", { class: "dm-bar" }, this.heading, this.line, this.stop), this.progress, this.list, this.live);
    this.show(build, title);
  }
  show(build, title) {
    const rows = build.rows, failed = rows.some((row) => row.state === "failed"), waiting = build.waiting || 0, total = rows.length + waiting;
    const done = rows.filter((row) => row.state === "done" || row.state === "cached").length;
    this.heading.replaceChildren(h("bdi", { text: `${build.running ? "Building" : failed ? "Build failed:" : "Built"} ${title}` }));
    const at = rows.findIndex((row) => row.state === "running" || row.state === "failed");
    const transfer = (build.transfers || []).at(-1);
    const moved = transfer && build.running ? ` · ${transfer.verb === "pull" ? "pulling" : "pushing"} ${transfer.name}: ${decimal(transfer.done)} of ${decimal(transfer.total)}` : "";
    this.line.textContent = `${at >= 0 ? `step ${at + 1} of ${total}` : count(total, "step")} · ${build.cached} from cache${build.ms === null || build.ms === undefined ? "" : ` · ${seconds(build.ms)}`}${moved}`;
    this.stop.hidden = !build.running;
    this.progress.setAttribute("aria-valuenow", String(done));
    this.progress.setAttribute("aria-valuemax", String(total));
    this.progress.replaceChildren(...rows.map((row) => h("span", { class: { running: "dm-run", failed: "dm-bad", "not run": "dm-wait" }[row.state] || "" })), ...Array.from({ length: waiting }, () => h("span", { class: "dm-wait" })));
    const lines = rows.map((row, index) => this.row(row, index, build));
    if (waiting) lines.push(h("li", { class: "dm-step dm-waiting" }, state("waiting"), h("span", { text: `${count(waiting, "more step")}` })));
    this.list.replaceChildren(...lines);
    const said = at >= 0 ? `step ${at + 1} of ${total}: ${rows[at].state}, ${rows[at].instruction}` : "";
    if (said !== this.said) { this.said = said; this.live.textContent = said; }
  }
  row(row, index, build) {
    const parts = [state(row.state), instruction(row.instruction), h("span", { class: "dm-num", text: seconds(row.ms) })];
    if (row.reason) parts.push(h("div", { class: "dm-why", text: `Cache missed: ${row.reason}.` }));
    if (row.state === "failed" && build.error) parts.push(h("div", { class: "dm-log", tabindex: 0, role: "group", "aria-label": "Error" }, [...build.error.detail, `✕ ${build.error.message}`].join("\n")), build.error.hint ? h("div", { class: "dm-why", text: build.error.hint }) : null);
    else if (row.log.tail.length) parts.push(h("div", { class: "dm-log", tabindex: 0, role: "group", "aria-label": "Last lines of the output" }, row.log.tail.join("\n")));
    const hidden = row.log.count - (row.state === "failed" && build.error ? 0 : row.log.tail.length);
    if (hidden > 0 && this.host.client && !build.running) {
      const log = h("div", { class: "dm-log", tabindex: 0, role: "group", "aria-label": "Output", hidden: true });
      const toggle = h("button", { type: "button", class: "dm-link dm-small", "aria-expanded": "false", text: `▸ ${count(row.log.count, "line")} of output` });
      toggle.addEventListener("click", async () => {
        const open = toggle.getAttribute("aria-expanded") !== "true";
        toggle.setAttribute("aria-expanded", String(open));
        log.hidden = !open;
        if (!open || log.textContent) return;
        try { const found = await this.host.client.ask("log", { step: index }); log.textContent = `${found.left_out ? `… ${count(found.left_out, "line")} before\n` : ""}${found.lines.join("\n")}`; } catch (error) { log.textContent = told(error); }
      });
      parts.push(h("div", { class: "dm-why" }, toggle), log);
    } else if (hidden > 0) parts.push(h("div", { class: "dm-why", text: count(hidden, "earlier line") }));
    if (row.state === "failed" && build.error && build.error.container) {
      const code = `%%container exec ${build.error.container}`;
      parts.push(h("div", { class: "dm-hint" }, h("span", { text: "Look inside the container of this step:" }), h("code", { text: code }), h("button", { type: "button", class: "dm-btn", text: "Insert cell below", on: { click: () => this.host.notebook("insert", `${code}\n`) } })));
    }
    return h("li", { class: `dm-step ${(GLYPHS[row.state] || GLYPHS.done)[2]}` }, parts.filter(Boolean));
  }
}
function state(name) {
  const [glyph, word] = GLYPHS[name] || GLYPHS.done;
  return h("span", { class: "dm-state" }, h("span", { class: "dm-glyph", "aria-hidden": "true", text: glyph }), h("span", { text: word }));
}

/** A build that goes on: the kernel sends states, nothing is asked. */
class LiveBuild {
  constructor(model, el) {
    this.model = model;
    this.el = h("div", { class: "dockmagic-widget", role: "group", "aria-label": "Build in progress" });
    this.message = h("div", { class: "dm-message", role: "status" });
    el.append(this.el);
    const now = model.get("summary");
    this.rows = new BuildRows(this, now, now.title);
    this.el.append(this.rows.node, this.message);
    this.changed = () => { const next = model.get("summary"); this.rows.show(next, next.title); };
    model.on("change:summary", this.changed);
  }
  notebook(action, code) { Explorer.prototype.notebook.call(this, action, code); }
  close() { this.model.off("change:summary", this.changed); this.el.remove(); }
}

export default {
  render({ model, el }) {
    const view = model.get("view") === "build" ? new LiveBuild(model, el) : new Explorer(model, el);
    return () => view.close();
  },
};
