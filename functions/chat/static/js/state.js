// What the page knows, and what a person can do with it.

import { batch, signal } from "../vendor/signals.js";
import { events, follow, opened, Refused } from "./stream.js";
import { apply, isOver, newTurn } from "./transcript.js";
import { language } from "./words.js";

export const me = signal(null);
export const conversations = signal([]);
export const current = signal("");
export const turns = signal([]);
export const loading = signal(true);
export const problem = signal(null);

let attention = new AbortController();
let frame = 0;

export const lastTurn = () => turns.value[turns.value.length - 1];
export const isBusy = () => Boolean(lastTurn() && !isOver(lastTurn()));
export const isWaiting = () => lastTurn()?.status === "waiting";

// Many events may arrive between two frames; the page is drawn once.
function redraw(turn) {
  turn.revision += 1;
  if (!frame) frame = requestAnimationFrame(() => { frame = 0; turns.value = [...turns.value]; });
}

const json = async (path, init) => (await opened(path, init)).json();
const post = (path, body, signal_) => opened(path, {
  method: "POST", signal: signal_, body: JSON.stringify(body ?? {}),
  headers: { "content-type": "application/json", "x-csrf-token": me.value?.csrf_token ?? "" },
});

export async function begin() {
  try {
    me.value = await json("/api/me");
    if (me.value.user) await Promise.all([refreshList(), openFromHash()]);
  } catch (error) {
    problem.value = asError(error);
    me.value ??= { user: null, csrf_token: "" };
  } finally {
    loading.value = false;
  }
}

export const signIn = () => location.assign(`/auth/login?return_to=${encodeURIComponent(`/${location.hash}`)}`);

export async function signOut() {
  await post("/auth/logout").catch(() => {});
  location.assign("/");
}

async function refreshList() {
  conversations.value = (await json("/api/conversations")).conversations;
}

export async function openFromHash() {
  const id = decodeURIComponent(location.hash.slice(1));
  if (id === current.value && (id || !turns.value.length)) return;
  leave();
  batch(() => { current.value = id; turns.value = []; problem.value = null; });
  if (!id || id.startsWith("!")) { loading.value = false; return; }  // "!": a page of its own, no conversation
  const mine = attention;
  loading.value = true;
  try {
    const found = await json(`/api/conversations/${encodeURIComponent(id)}`, { signal: mine.signal });
    turns.value = found.runs.map(restored);
    const last = lastTurn();
    if (last && !isOver(last)) keepUp(last, mine.signal);
  } catch (error) {
    if (!mine.signal.aborted) problem.value = asError(error);
  } finally {
    if (mine === attention) loading.value = false;
  }
}

function restored(run) {
  const turn = newTurn(run.question, run.run_id);
  for (const event of run.events) apply(turn, event);
  if (isOver({ status: run.status })) turn.status = run.status;
  else if (turn.status === "sending") turn.status = run.status === "waiting" ? "waiting" : "streaming";
  return turn;
}

function leave() {
  attention.abort();
  attention = new AbortController();
}

export async function ask(message) {
  const turn = newTurn(message);
  const { signal: gone } = attention;
  batch(() => { problem.value = null; turns.value = [...turns.value, turn]; });
  try {
    const response = await post("/api/chat", { conversation_id: current.value || null, message, language: language.value }, gone);
    for await (const event of events(response)) take(turn, event);
  } catch (error) {
    if (gone.aborted) return;
    if (!turn.runId || error instanceof Refused) return failed(turn, error);
  }
  if (!isOver(turn) && !gone.aborted) await keepUp(turn, gone);
  if (!gone.aborted) refreshList().catch(() => {});
}

function take(turn, event) {
  const wasNew = !turn.sessionId;
  apply(turn, event);
  if (wasNew && turn.sessionId && lastTurn() === turn && !current.value) {
    current.value = turn.sessionId;
    history.replaceState(null, "", `#${encodeURIComponent(turn.sessionId)}`);
    refreshList().catch(() => {});
  }
  redraw(turn);
}

async function keepUp(turn, gone) {
  if (!turn.runId) return failed(turn, new Refused(0, "offline", ""));
  try {
    await follow({
      path: (after) => `/api/runs/${encodeURIComponent(turn.runId)}/events?after=${after}`,
      position: () => turn.seq, ended: () => isOver(turn), take: (event) => take(turn, event), signal: gone,
    });
  } catch (error) {
    if (!gone.aborted) failed(turn, error);
  }
}

function failed(turn, error) {
  turn.error = asError(error);
  turn.status = "lost";
  redraw(turn);
}

// Stopping ends the run where it runs, and the stream then says so itself. Of a run that cannot be told (not begun, or
// of an agent elsewhere), the page lets go.
export async function stop() {
  const turn = lastTurn();
  if (!turn || isOver(turn)) return;
  try {
    if (turn.runId) { await post(`/api/runs/${encodeURIComponent(turn.runId)}/cancel`); return; }
  } catch (error) {
    const letGo = error instanceof Refused && (error.code === "invalid_input" || error.code === "not_found");
    if (!letGo) { problem.value = asError(error); return; }
  }
  if (isOver(turn) || lastTurn() !== turn) return;
  leave();
  turn.status = "canceled";
  redraw(turn);
}

// A run that the page lost sight of is looked for again; one that failed, or never began, is asked anew.
export function resume(turn) {
  const isLost = turn.status === "lost" && turn.runId && turn.error?.code !== "not_found";
  if (!isLost) {
    if (!turn.runId) turns.value = turns.value.filter((other) => other !== turn);
    return ask(turn.question);
  }
  turn.error = null;
  turn.status = "streaming";
  redraw(turn);
  return keepUp(turn, attention.signal);
}

const asError = (error) => ({ code: error instanceof Refused ? error.code : "offline", message: error instanceof Refused ? error.message : "" });
