// Markdown to elements: a small, safe part of CommonMark with tables. HTML in the text stays text, images become
// links, and a link shows the host it leads to. Every element goes through the `h` that the caller hands in.

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])\s*(?:\1\s*){2,}$/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const DIVIDER = /^\s*\|?\s*:?-{1,}:?\s*(\|\s*:?-{1,}:?\s*)*\|?\s*$/;
const MAX_DEPTH = 8;
// Looks for the end of an emphasis that one text may cost; what comes after them shows its marks. Text without end
// marks would else cost its length times the window, and freeze the page.
const MAX_LOOKS = 20000;
let looks = MAX_LOOKS;

export function markdown(text, h) {
  looks = MAX_LOOKS;
  return blocks(String(text).replace(/\r\n?/g, "\n").split("\n"), h, 0);
}

function blocks(lines, h, depth) {
  const out = [];
  for (let at = 0; at < lines.length;) {
    const line = lines[at];
    if (!line.trim()) { at += 1; continue; }
    const [element, next] = depth > MAX_DEPTH ? paragraph(lines, at, h) : block(lines, at, h, depth);
    out.push(element);
    at = next;
  }
  return out;
}

function block(lines, at, h, depth) {
  const line = lines[at];
  const heading = HEADING.exec(line);
  if (FENCE.test(line)) return fence(lines, at, h);
  if (heading) return [h(`h${Math.min(6, heading[1].length + 2)}`, null, ...inline(heading[2], h)), at + 1];
  if (RULE.test(line)) return [h("hr", null), at + 1];
  if (/^ {0,3}>/.test(line)) return quote(lines, at, h, depth);
  if (ITEM.test(line)) return list(lines, at, h, depth);
  if (isTable(lines, at)) return table(lines, at, h);
  return paragraph(lines, at, h);
}

function fence(lines, at, h) {
  const [, marks, language] = FENCE.exec(lines[at]);
  let end = at + 1;
  while (end < lines.length && !isFenceEnd(lines[end], marks)) end += 1;
  const code = lines.slice(at + 1, end).join("\n");
  return [h("pre", { tabIndex: 0 }, h("code", language ? { "data-language": language } : null, code)), end + 1];
}

function isFenceEnd(line, marks) {
  const text = line.trim();
  return text.length >= marks.length && text === marks[0].repeat(text.length);
}

function quote(lines, at, h, depth) {
  let end = at;
  while (end < lines.length && /^ {0,3}>/.test(lines[end])) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(/^ {0,3}> ?/, ""));
  return [h("blockquote", null, ...blocks(inner, h, depth + 1)), end];
}

function list(lines, at, h, depth) {
  const [, indent, mark] = ITEM.exec(lines[at]);
  const ordered = /\d/.test(mark);
  const items = [];
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end]);
    if (!item || item[1].length > indent.length + 1 || item[1].length < indent.length || /\d/.test(item[2]) !== ordered) break;
    const width = item[1].length + item[2].length + 1;
    const inner = [item[3]];
    end += 1;
    while (end < lines.length && belongs(lines, end, width)) {
      inner.push(lines[end].slice(Math.min(width, lines[end].search(/\S|$/))));
      end += 1;
    }
    items.push(h("li", null, ...tight(blocks(inner, h, depth + 1))));
  }
  const start = ordered ? Number.parseInt(mark, 10) : 1;
  return [h(ordered ? "ol" : "ul", start === 1 ? null : { start }, ...items), end];
}

function belongs(lines, at, width) {
  const line = lines[at];
  if (!line.trim()) return at + 1 < lines.length && lines[at + 1].search(/\S|$/) >= width && Boolean(lines[at + 1].trim());
  const indent = line.search(/\S/);
  return indent >= Math.min(width, 2) && (indent >= width || !ITEM.test(line) || indent >= 2);
}

// A list item that is one paragraph needs no paragraph around it.
function tight(elements) {
  const [first, ...rest] = elements;
  return first && isParagraph(first) ? [...childrenOf(first), ...rest] : elements;
}

const paragraphs = new WeakMap();
const isParagraph = (element) => paragraphs.has(element);
const childrenOf = (element) => paragraphs.get(element);

function paragraph(lines, at, h) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !startsBlock(lines, end)) end += 1;
  const children = inline(lines.slice(at, end).map((line) => line.trimStart()).join("\n"), h);
  const element = h("p", null, ...children);
  paragraphs.set(element, children);
  return [element, end];
}

function startsBlock(lines, at) {
  const line = lines[at];
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || /^ {0,3}>/.test(line) || ITEM.test(line) || isTable(lines, at);
}

function isTable(lines, at) {
  return lines[at].includes("|") && at + 1 < lines.length && lines[at + 1].includes("-") && lines[at + 1].length < 2000
    && DIVIDER.test(lines[at + 1]) && cells(lines[at]).length === cells(lines[at + 1]).length;
}

function cells(line) {
  const text = line.trim().replace(/^\|/, "").replace(/(^|[^\\])\|$/, "$1");
  return text.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function table(lines, at, h) {
  const head = cells(lines[at]);
  let end = at + 2;
  while (end < lines.length && lines[end].trim() && lines[end].includes("|")) end += 1;
  const row = (tag, values) => h("tr", null, ...head.map((_, column) => h(tag, tag === "th" ? { scope: "col" } : null, ...inline(values[column] ?? "", h))));
  const body = lines.slice(at + 2, end).map((line) => row("td", cells(line)));
  const parts = h("table", null, h("thead", null, row("th", head)), h("tbody", null, ...body));
  return [h("div", { class: "table", tabIndex: 0 }, parts), end];
}

// Inline: the scanner looks once at each position, so that hostile text costs no more than its length squared at worst
// over a short window.
const WINDOW = 4000;
const URL_START = /^https?:\/\/[^\s<>"'`，。；：！？、（）【】《》]+/i;

export function inline(text, h, depth = 0) {
  const out = [];
  let plain = "";
  const push = (element) => { if (plain) out.push(plain); plain = ""; out.push(element); };
  for (let at = 0; at < text.length;) {
    const found = depth < MAX_DEPTH ? special(text, at, h, depth) : null;
    if (found) { push(found.element); at += found.length; continue; }
    plain += text[at];
    at += 1;
  }
  if (plain) out.push(plain);
  return out;
}

function special(text, at, h, depth) {
  switch (text[at]) {
    case "\\": return /[\\`*_{}[\]()#+\-.!|~>]/.test(text[at + 1] ?? "") ? { element: text[at + 1], length: 2 } : null;
    case "\n": return /(?: {2}|\\)$/.test(text.slice(Math.max(0, at - 2), at)) ? { element: h("br", null), length: 1 } : null;
    case "`": return code(text, at, h);
    case "*": case "_": case "~": return emphasis(text, at, h, depth);
    case "!": return text[at + 1] === "[" ? link(text, at + 1, h, depth, 1) : null;
    case "[": return link(text, at, h, depth, 0);
    case "<": return bracketed(text, at, h);
    case "h": case "H": return /\w/.test(text[at - 1] ?? "") ? null : bare(text, at, h);
    default: return null;
  }
}

function code(text, at, h) {
  const marks = /^`+/.exec(text.slice(at, at + WINDOW))[0];
  const end = text.indexOf(marks, at + marks.length);
  if (end < 0 || end - at > WINDOW || text[end + marks.length] === "`") return null;
  return { element: h("code", null, text.slice(at + marks.length, end).trim() || " "), length: end + marks.length - at };
}

function emphasis(text, at, h, depth) {
  const mark = text[at];
  const double = text[at + 1] === mark;
  if (mark === "~" && !double) return null;
  const marks = double ? mark + mark : mark;
  const from = at + marks.length;
  if (/\s/.test(text[from] ?? " ") || (mark === "_" && /\w/.test(text[at - 1] ?? ""))) return null;
  let end = text.indexOf(marks, from + 1);
  while (end > 0 && (/\s/.test(text[end - 1]) || (!double && text[end + 1] === mark) || (mark === "_" && /\w/.test(text[end + marks.length] ?? "")))) {
    end = text.indexOf(marks, end + marks.length);
    looks -= 1;
    if (end - at > WINDOW || looks < 0) return null;
  }
  if (end < 0 || end - at > WINDOW) return null;
  const tag = mark === "~" ? "del" : double ? "strong" : "em";
  return { element: h(tag, null, ...inline(text.slice(from, end), h, depth + 1)), length: end + marks.length - at };
}

function link(text, at, h, depth, skipped) {
  const match = /^\[((?:[^[\]\\]|\\.){0,500})\]\(\s*<?([^\s<>()]{0,2000}(?:\([^\s<>()]{0,200}\)[^\s<>()]{0,2000})?)>?(?:\s+"[^"]{0,200}")?\s*\)/.exec(text.slice(at, at + WINDOW));
  if (!match) return null;
  const length = match[0].length + skipped;
  const url = safeUrl(match[2]);
  const words = inline(match[1].replaceAll("\\]", "]"), h, depth + 1);
  return { element: url ? anchor(url, words, h) : h("span", null, ...words), length };
}

function bracketed(text, at, h) {
  const match = /^<(https?:\/\/[^\s<>]{1,2000})>/i.exec(text.slice(at, at + WINDOW));
  const url = match && safeUrl(match[1]);
  return url ? { element: anchor(url, [match[1]], h), length: match[0].length } : null;
}

function bare(text, at, h) {
  const match = URL_START.exec(text.slice(at, at + WINDOW));
  if (!match) return null;
  const shown = match[0].replace(/[.,;:!?)\]}*_~]+$/, "");
  const url = safeUrl(shown);
  return url ? { element: anchor(url, [shown], h), length: shown.length } : null;
}

function anchor(url, words, h) {
  const said = words.length === 1 && typeof words[0] === "string" ? words[0].trim() : "";
  const says = said === url.host || safeUrl(said)?.host === url.host;
  // Isolated: marks of direction in the words before it do not turn it around.
  const host = says ? [] : [h("bdi", { class: "host" }, ` (${url.host})`)];
  return h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...words, ...host);
}

function safeUrl(text) {
  try {
    const url = new URL(text);
    return (url.protocol === "https:" || url.protocol === "http:") && !url.username && !url.password ? url : null;
  } catch {
    return null;
  }
}
