import assert from "node:assert/strict";
import test from "node:test";
import { markdown } from "../../../functions/chat/static/js/markdown.js";

const VOID = new Set(["br", "hr"]);
const h = (tag, props, ...children) => ({ tag, props: props ?? {}, children });
const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const text = (node) => (typeof node === "string" ? escape(node) : `<${node.tag}${Object.entries(node.props).map(([k, v]) => ` ${k}=${v}`).join("")}>${VOID.has(node.tag) ? "" : `${node.children.map(text).join("")}</${node.tag}>`}`);
const rendered = (source) => markdown(source, h).map(text).join("");
const all = (source, tag) => { const found = []; const walk = (node) => { if (node.tag === tag) found.push(node); (node.children ?? []).forEach(walk); }; markdown(source, h).forEach(walk); return found; };

const TABLE = [
  ["a paragraph keeps its words", "one\ntwo", "<p>one\ntwo</p>"],
  ["a heading begins two levels down", "# Title", "<h3>Title</h3>"],
  ["bold, italic, struck and code", "**b** *i* ~~s~~ `c`", "<p><strong>b</strong> <em>i</em> <del>s</del> <code>c</code></p>"],
  ["bold may hold code", "**a `b` c**", "<p><strong>a <code>b</code> c</strong></p>"],
  ["an underscore inside a word is only that", "get_current_time and a_b_c", "<p>get_current_time and a_b_c</p>"],
  ["a lone star is only that", "2 * 3 * 4 and **open", "<p>2 * 3 * 4 and **open</p>"],
  ["a backslash keeps a mark", "\\*no\\*", "<p>*no*</p>"],
  ["code holds no marks", "`**x**`", "<p><code>**x**</code></p>"],
  ["a list", "- a\n- b", "<ul><li>a</li><li>b</li></ul>"],
  ["a numbered list keeps its start", "3. a\n4. b", "<ol start=3><li>a</li><li>b</li></ol>"],
  ["a list inside a list", "- a\n  - b\n- c", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"],
  ["a quote", "> a\n> b", "<blockquote><p>a\nb</p></blockquote>"],
  ["a rule", "a\n\n---", "<p>a</p><hr>"],
  ["a fence without end goes to the end", "```\na\n<b>", "<pre tabIndex=0><code>a\n&lt;b></code></pre>"],
  ["Chinese bold", "今天**晴**。", "<p>今天<strong>晴</strong>。</p>"],
];
for (const [name, source, expected] of TABLE) test(name, () => assert.equal(rendered(source), expected));

test("HTML stays text", () => {
  const out = rendered("<script>alert(1)</script><img src=x onerror=alert(1)>");
  assert.equal(out, "<p>&lt;script>alert(1)&lt;/script>&lt;img src=x onerror=alert(1)></p>");
});

test("a table has heads and cells, and a row that is short is filled", () => {
  assert.deepEqual(all("| a | b |\n|---|:-:|\n| 1 |\n| 2 | `3\\|4` |", "td").map((cell) => cell.children.map(text).join("")), ["1", "", "2", "<code>3|4</code>"]);
  assert.equal(all("| a | b |\n|---|---|", "th").length, 2);
});

test("a link shows its host, opens apart and tells nothing of where it was", () => {
  const [link] = all("[here](https://docs.example.com/a?b=1)", "a");
  assert.equal(link.props.href, "https://docs.example.com/a?b=1");
  assert.equal(link.props.target, "_blank");
  assert.match(link.props.rel, /\bnoopener\b.*\bnoreferrer\b/);
  assert.equal(text(link).includes("(docs.example.com)"), true);
});

test("a link whose words name another host still shows the real one", () => {
  assert.match(text(all("[https://bank.example](https://evil.example/x)", "a")[0]), /\(evil\.example\)/);
});

test("a bare address is a link without the sentence's full stop", () => {
  assert.equal(all("See https://a.example/x. Then", "a")[0].props.href, "https://a.example/x");
  assert.equal(all("见 https://a.example/x。好", "a")[0].props.href, "https://a.example/x");
});

for (const url of ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "//evil.example", "https://user:pw@evil.example/", "/connect/abc"]) {
  test(`no link to ${url}`, () => assert.equal(all(`[x](${url}) <${url}>`, "a").length, 0));
}

test("an image is at most a link", () => {
  assert.equal(all("![x](https://a.example/i.png)", "img").length, 0);
  assert.equal(all("![x](https://a.example/i.png)", "a").length, 1);
});

for (const [name, hostile] of [["stars", "*".repeat(20000)], ["brackets", "[".repeat(20000)], ["nested links", "[a](".repeat(6000)], ["ticks", "` ".repeat(10000)], ["quotes", ">".repeat(5000)],
  ["items", "- ".repeat(5000)], ["bold pairs", "**a ".repeat(6000)], ["underscores", "_a ".repeat(6000)], ["pipes", `${"|".repeat(8000)}\n${"|-".repeat(8000)}`], ["rules", "- ".repeat(9000) + "x"], ["divider", "|a|\n|" + "-".repeat(20000) + "x"]]) {
  test(`hostile ${name} cost little`, () => {
    const before = performance.now();
    markdown(hostile, h);
    assert.ok(performance.now() - before < 2000, `${performance.now() - before} ms`);
  });
}

test("marks without end use up the looks of one text and not of the next", () => {
  assert.ok(rendered(`${"_a ".repeat(30000)}\n\n_b _c_`).endsWith("<p>_b <em>c</em></p>"));
  assert.equal(rendered("_b _c_"), "<p><em>b _c</em></p>");
});

for (const words of ["https://www.example.com/login", "example.com", "e.co is safe", "https://e.co.good.example/", "\u202egood", "https://good.example#e.co", "https://e.co@good.example/"]) {
  test(`a link that says ${JSON.stringify(words)} shows the host it leads to`, () => {
    const [link] = all(`[${words}](https://e.co/x)`, "a");
    const last = link.children[link.children.length - 1];
    assert.deepEqual([last.tag, last.children[0]], ["bdi", " (e.co)"]);
  });
}

for (const source of ["https://e.co/x", "<https://e.co/x>", "[e.co](https://e.co/x)"]) {
  test(`${source} says its host itself`, () => assert.equal(all(source, "bdi").length, 0));
}
