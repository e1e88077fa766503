import assert from "node:assert/strict";
import test from "node:test";
import { follow, frames, Refused } from "../../../functions/chat/static/js/stream.js";

const bodyOf = (...chunks) => new ReadableStream({ start(controller) { for (const chunk of chunks) controller.enqueue(chunk); controller.close(); } });
const bytes = (text) => new TextEncoder().encode(text);
const collected = async (body) => { const out = []; for await (const frame of frames(body)) out.push(frame); return out; };

test("frames come whole however the bytes were cut, also inside a character", async () => {
  const whole = bytes('data: {"a":"今天"}\n\n: still here\n\ndata: {"b":2}\n\n');
  for (let size = 1; size < 12; size += 1) {
    const chunks = [];
    for (let at = 0; at < whole.length; at += size) chunks.push(whole.slice(at, at + size));
    assert.deepEqual(await collected(bodyOf(...chunks)), ['{"a":"今天"}', '{"b":2}']);
  }
});

test("a frame that was cut off is left out", async () => {
  assert.deepEqual(await collected(bodyOf(bytes('data: {"a":1}\n\ndata: {"b"'))), ['{"a":1}']);
});

const served = (answers) => {
  const asked = [];
  globalThis.fetch = async (path) => {
    asked.push(path);
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    if (typeof answer === "number") return new Response('{"error":{"code":"not_found","message":"x"}}', { status: answer });
    return new Response(bodyOf(bytes(answer)));
  };
  return asked;
};
const following = (waits) => {
  let seq = 4;
  let over = false;
  return { path: (after) => `/events?after=${after}`, position: () => seq, ended: () => over, wait: async (ms) => { waits.push(ms); }, take: (event) => { seq = event.n; over = Boolean(event.end); } };
};

test("a broken connection is taken up where it broke, later and later", async () => {
  const waits = [];
  const asked = served([new TypeError("gone"), 503, 'data: {"n":5}\n\n', new TypeError("gone"), 'data: {"n":6,"end":true}\n\n']);
  await follow(following(waits));
  assert.deepEqual(asked, ["/events?after=4", "/events?after=4", "/events?after=4", "/events?after=5", "/events?after=5"]);
  assert.deepEqual(waits, [500, 1000, 500]);
});

test("it gives up when the server stays away", async () => {
  const waits = [];
  served(Array.from({ length: 20 }, () => new TypeError("gone")));
  await assert.rejects(follow(following(waits)), TypeError);
  assert.equal(waits.length, 8);
  assert.ok(Math.max(...waits) <= 8000);
});

test("a refusal ends it at once", async () => {
  served([404]);
  await assert.rejects(follow(following([])), (error) => error instanceof Refused && error.code === "not_found");
});

test("a stream that keeps ending at once with nothing is given up too", async () => {
  served(Array.from({ length: 20 }, () => ": hello\n\n"));
  await assert.rejects(follow(following([])), TypeError);
});

test("a stream that was held open without news is simply asked again", async () => {
  let clock = 0;
  const asked = served([...Array.from({ length: 12 }, () => ": hello\n\n"), 'data: {"n":5,"end":true}\n\n']);
  const waits = [];
  await follow({ ...following(waits), now: () => { clock += 25000; return clock; } });
  assert.equal(asked.length, 13);
  assert.deepEqual(waits, []);
});
