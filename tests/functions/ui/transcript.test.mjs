import assert from "node:assert/strict";
import test from "node:test";
import { apply, isOver, newTurn } from "../../../functions/chat/static/js/transcript.js";

let seq = 0;
const numbered = (event) => ({ sequence_number: seq++, ...event });
const response = (status, more) => numbered({ object: "response", status, id: "response_r1", session_id: "c1", output: null, error: null, ...more });
const message = (id, type, content, metadata = {}) => numbered({ object: "message", status: content ? "completed" : "in_progress", id, type, content, metadata });
const words = (id, text, delta) => numbered({ object: "content", type: "text", msg_id: id, status: delta ? "in_progress" : "completed", delta, text });
const data = (id, value, status = "completed") => numbered({ object: "content", type: "data", msg_id: id, status, delta: false, data: value });
const played = (...events) => { const turn = newTurn("q"); for (const event of events) apply(turn, event); return turn; };
const kinds = (turn) => turn.items.map((item) => item.kind);
const begin = () => { seq = 0; return [response("created"), response("in_progress")]; };
const call = { call_id: "k", name: "write", arguments: '{"a":1}' };
const consent = { type: "authorization_required", consent_id: "x", call_id: "k", scopes: [] };

test("deltas add up and the completed text stands", () => {
  const turn = played(...begin(), message("m", "message", null), words("m", "Hel", true), words("m", "lo", true), words("m", "Hello", null));
  assert.equal(turn.items[0].text, "Hello");
  assert.equal(turn.runId, "r1");
  assert.equal(turn.sessionId, "c1");
});

test("what comes twice counts once", () => {
  const events = [...begin(), words("m", "Hel", true), words("m", "lo", true)];
  assert.equal(played(...events, ...events).items[0].text, "Hello");
});

test("a call and its output are one card with its outcome", () => {
  const metadata = { ok: true, duration_ms: 87, credential: { kind: "api_key", provider: "weather" }, error_code: "" };
  const output = { call_id: "k", name: "write", output: '[{"type":"text","text":"done"}]' };
  const turn = played(...begin(), message("a", "plugin_call", null), data("a", { ...call, arguments: "" }, "in_progress"), data("a", call),
    message("b", "plugin_call_output", null, metadata), data("b", { ...output, output: "" }, "in_progress"), data("b", output), message("b", "plugin_call_output", [{ type: "data", data: output }], metadata));
  assert.deepEqual(kinds(turn), ["tool"]);
  assert.deepEqual([turn.items[0].status, turn.items[0].output, turn.items[0].durationMs, turn.items[0].credential.kind], ["ok", "done", 87, "api_key"]);
});

test("a request for permission takes the place of its words, and the call waits", () => {
  const turn = played(...begin(), data("a", call), message("p", "message", null), words("p", "Open http://…", null), data("p", consent), response("incomplete"));
  assert.deepEqual(kinds(turn), ["tool", "consent"]);
  assert.equal(turn.items[0].status, "waiting");
  assert.equal(turn.status, "waiting");
  assert.equal(isOver(turn), false);
});

for (const [outcome, status] of [["completed", "running"], ["denied", "stopped"], ["expired", "stopped"], ["cancelled", "stopped"]]) {
  test(`the card follows the outcome ${outcome}`, () => {
    const turn = played(...begin(), data("a", call), data("p", consent), response("incomplete"), data("r", { type: "authorization_resolved", consent_id: "x", outcome }), response("in_progress"));
    assert.equal(turn.items[1].outcome, outcome);
    assert.equal(turn.items[0].status, status);
    assert.equal(turn.status, "streaming");
  });
}

test("a run that ends leaves nothing open", () => {
  const turn = played(...begin(), data("a", call), data("p", consent), response("canceled"));
  assert.deepEqual(turn.items.map((item) => item.status ?? item.outcome), ["stopped", "cancelled"]);
  assert.ok(isOver(turn));
});

test("the final output fills what was missed", () => {
  const turn = played(...begin(), response("completed", { output: [{ id: "m", type: "message", content: [{ type: "text", text: "whole" }] }] }));
  assert.equal(turn.items[0].text, "whole");
});

test("a failure without a response is one too", () => {
  assert.deepEqual(played({ error: "no such model" }).error, { code: "agent_error", message: "no such model" });
});

test("a call whose permission was refused was not run, rather than failed", () => {
  const output = { call_id: "k", name: "write", output: '[{"type":"text","text":"denied"}]' };
  const turn = played(...begin(), data("a", call), message("b", "plugin_call_output", null, { ok: false, duration_ms: 0, error_code: "consent_denied" }), data("b", output));
  assert.deepEqual([turn.items[0].status, turn.items[0].output, turn.items[0].durationMs], ["stopped", "", undefined]);
});
