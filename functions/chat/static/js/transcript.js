// What a run has said so far, built event by event. Events may come twice (a resume overlaps) and each counts once.

let made = 0;

export function newTurn(question, runId = "") {
  made += 1;
  return { key: made, question, runId, sessionId: "", status: "sending", items: [], seq: -1, error: null, types: {}, revision: 0 };
}

export const isOver = (turn) => ["completed", "failed", "canceled", "lost"].includes(turn.status);

const RESPONSE_STATUS = { created: "streaming", in_progress: "streaming", incomplete: "waiting", completed: "completed", failed: "failed", canceled: "canceled", rejected: "failed" };

// Turns change in place; `revision` tells the views that one did.
export function apply(turn, event) {
  turn.revision += 1;
  if (typeof event.sequence_number === "number") {
    if (event.sequence_number <= turn.seq) return;
    turn.seq = event.sequence_number;
  }
  if (event.object === "response") return onResponse(turn, event);
  if (event.object === "message") return onMessage(turn, event);
  if (event.object === "content") return onContent(turn, event.msg_id, event);
  if (event.error) onFailure(turn, typeof event.error === "string" ? { code: "agent_error", message: event.error } : event.error);
}

function onResponse(turn, event) {
  if (event.id) turn.runId = event.id.replace(/^response_/, "");
  if (event.session_id) turn.sessionId = event.session_id;
  turn.status = RESPONSE_STATUS[event.status] ?? turn.status;
  if (event.error) turn.error = event.error;
  if (event.status === "completed" && Array.isArray(event.output)) for (const message of event.output) onMessage(turn, message);
  if (isOver(turn)) closeOpen(turn);
}

function onFailure(turn, error) {
  turn.status = "failed";
  turn.error = error;
  closeOpen(turn);
}

function onMessage(turn, message) {
  turn.types[message.id] = message.type;
  for (const content of message.content ?? []) onContent(turn, message.id, { ...content, delta: null });
  if (message.type !== "plugin_call_output" && message.type !== "mcp_call_output") return;
  const call = (message.content ?? [])[0]?.data;
  turn.outcomes = { ...turn.outcomes, [message.id]: message.metadata ?? {} };
  if (call) returned(turn, message.id, call);
}

function onContent(turn, id, content) {
  if (content.type === "text") return onText(turn, id, content);
  const data = content.type === "data" ? content.data : null;
  if (!data) return;
  if (data.type === "authorization_required") asked(turn, id, data);
  else if (data.type === "authorization_resolved") resolved(turn, data);
  else if ("output" in data) returned(turn, id, data, content.status);
  else if ("arguments" in data) called(turn, data);
}

function onText(turn, id, content) {
  if (turn.types[id] && turn.types[id] !== "message") return;
  const item = turn.items.find((other) => other.id === id && other.kind !== "tool");
  if (item?.kind === "consent") return;
  const text = item ?? put(turn, { kind: "text", id, text: "" });
  text.text = content.delta === true ? text.text + content.text : content.text;
}

function called(turn, data) {
  const item = toolOf(turn, data) ?? put(turn, { kind: "tool", id: `tool ${data.call_id}`, callId: data.call_id, name: data.name, status: "running", output: "", startedAt: Date.now() });
  item.arguments = data.arguments;
}

function returned(turn, id, data, status = "completed") {
  if (status !== "completed" && !data.output) return;
  const item = toolOf(turn, data) ?? put(turn, { kind: "tool", id: `tool ${data.call_id}`, callId: data.call_id, name: data.name, arguments: "" });
  const outcome = turn.outcomes?.[id] ?? {};
  if (String(outcome.error_code ?? "").startsWith("consent_")) { item.status = "stopped"; return; } // the consent's card tells it
  item.output = blockText(data.output);
  item.status = outcome.ok === false ? "error" : "ok";
  item.durationMs = outcome.duration_ms;
  item.credential = outcome.credential ?? null;
  item.errorCode = outcome.error_code ?? "";
}

function asked(turn, id, data) {
  if (turn.items.some((item) => item.kind === "consent" && item.consentId === data.consent_id)) return;
  const consent = { kind: "consent", id, consentId: data.consent_id, callId: data.call_id, request: data, outcome: "" };
  const place = turn.items.findIndex((item) => item.id === id);
  if (place < 0) turn.items.push(consent); else turn.items[place] = consent;
  const tool = turn.items.find((item) => item.kind === "tool" && item.callId === data.call_id);
  if (tool) tool.status = "waiting";
}

function resolved(turn, data) {
  const consent = turn.items.find((item) => item.kind === "consent" && item.consentId === data.consent_id);
  if (!consent) return;
  consent.outcome = data.outcome;
  const tool = turn.items.find((item) => item.kind === "tool" && item.callId === consent.callId);
  if (tool?.status === "waiting") tool.status = data.outcome === "completed" ? "running" : "stopped";
}

function closeOpen(turn) {
  for (const item of turn.items) {
    if (item.kind === "tool" && (item.status === "running" || item.status === "waiting")) item.status = "stopped";
    if (item.kind === "consent" && !item.outcome) item.outcome = "cancelled";
  }
}

const toolOf = (turn, data) => turn.items.find((item) => item.kind === "tool" && item.callId === data.call_id);

function put(turn, item) {
  turn.items.push(item);
  return item;
}

function blockText(output) {
  try {
    const blocks = JSON.parse(output);
    return Array.isArray(blocks) ? blocks.map((block) => block.text ?? JSON.stringify(block)).join("\n") : output;
  } catch {
    return output;
  }
}
