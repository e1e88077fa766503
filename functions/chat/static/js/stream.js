// Server-sent events over fetch: parsing, and following a run across broken connections.

export async function* frames(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let buffer = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      buffer += decoder.decode(value ?? new Uint8Array(), { stream: !done });
      const blocks = buffer.split(/\r?\n\r?\n/);
      buffer = blocks.pop();
      for (const block of blocks) {
        const data = block.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
        if (data.length) yield data.join("\n");
      }
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

export async function* events(response) {
  for await (const text of frames(response.body)) {
    try { yield JSON.parse(text); } catch { /* not an event of this protocol */ }
  }
}

export class Refused extends Error {
  constructor(status, code, message) { super(message); this.status = status; this.code = code; }
}

export async function opened(path, init) {
  const response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...init });
  if (response.ok) return response;
  const error = (await response.json().catch(() => ({}))).error ?? {};
  throw new Refused(response.status, error.code ?? "unexpected", error.message ?? `${response.status}`);
}

const GIVE_UP_AFTER = 8;
// A server that has no news holds the stream open for longer than this before it ends it.
const QUICK_MS = 5000;
const pause = (ms, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  signal?.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
});

// Asks for what follows `position()` until `ended()`; gives up when the server refuses or stays away.
export async function follow({ path, position, ended, take, signal, wait = pause, now = () => performance.now() }) {
  for (let failures = 0; !ended() && !signal?.aborted;) {
    const before = position();
    const begun = now();
    try {
      const response = await opened(path(before), { signal });
      for await (const event of events(response)) take(event);
      if (position() === before && !ended() && now() - begun < QUICK_MS) throw new TypeError("the stream ended with nothing");
      failures = 0;
    } catch (error) {
      if (signal?.aborted) return;
      failures = position() === before ? failures + 1 : 1;
      if ((error instanceof Refused && error.status < 500 && error.status !== 429) || failures > GIVE_UP_AFTER) throw error;
      await wait(Math.min(8000, 250 * 2 ** failures), signal);
    }
  }
}
