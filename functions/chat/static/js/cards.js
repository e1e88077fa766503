// The cards inside an answer: a tool call, and a request for permission.

import { html } from "../vendor/htm-preact.js";
import { useEffect, useState } from "../vendor/hooks.js";
import { stop } from "./state.js";
import { clockTime, language, t } from "./words.js";

const MARKS = { running: "", waiting: "?", ok: "✓", error: "!", stopped: "–" };

export function ToolCard({ item }) {
  const words = t();
  return html`<article class=${`card tool ${item.status}`} aria-label=${`${words.tool}: ${item.name}`}>
    <header>
      <span class="mark" aria-hidden="true">${MARKS[item.status]}</span>
      <code class="name">${item.name}</code>
      <span class="brief">${brief(item.arguments)}</span>
      <span class="status">${words.status[item.status]}${item.durationMs == null ? "" : ` · ${duration(item.durationMs)}`}</span>
    </header>
    ${item.credential && html`<${Badge} credential=${item.credential} />`}
    <details open=${item.status === "error"}>
      <summary>${words.details}</summary>
      <h4>${words.args}</h4><pre tabindex="0">${pretty(item.arguments) || "{}"}</pre>
      ${item.output && html`<h4>${words.result}${item.errorCode && html` <code>${item.errorCode}</code>`}</h4><pre tabindex="0">${pretty(item.output)}</pre>`}
    </details>
  </article>`;
}

function Badge({ credential }) {
  const words = t();
  const scopes = credential.scopes?.length ? ` (${credential.scopes.join(", ")})` : "";
  return html`<p class="badge">
    <span class="kind">${words.credential[credential.kind] ?? credential.kind}</span>
    <span>${credential.provider}${scopes}</span>
    ${credential.user && html`<span>${words.forUser(credential.user)}</span>`}
    <span>${credential.expires_at ? html`<time datetime=${credential.expires_at}>${words.until(clockTime(credential.expires_at))}</time>` : words.noEnd}</span>
  </p>`;
}

export function ConsentCard({ item }) {
  const words = t();
  const { request, outcome } = item;
  const provider = request.provider_name || request.provider;
  const title = outcome ? words.outcome[outcome] : words.consentTitle;
  return html`<section class=${`card consent ${outcome || "open"}`} data-outcome=${outcome || "open"} aria-label=${title}>
    <h3><span class="mark" aria-hidden="true">${{ completed: "✓", denied: "✕", "": "?" }[outcome] ?? "–"}</span>${title}</h3>
    ${outcome ? html`<${Settled} request=${request} provider=${provider} outcome=${outcome} />` : html`<${Asked} request=${request} provider=${provider} />`}
  </section>`;
}

function Settled({ request, provider, outcome }) {
  return html`<p class="brief">${provider}: ${request.scopes.map(scopeWords).join(", ")} · <code>${request.tool}</code></p>
    <p class="after">${t().outcomeText[outcome]}</p>`;
}

function Asked({ request, provider }) {
  const words = t();
  return html`<dl>
      <div><dt>${words.provider}</dt><dd>${provider}</dd></div>
      <div><dt>${words.scopes}</dt><dd><ul>${request.scopes.map((scope) => html`<li key=${scope.name}>${scopeWords(scope)} <code>${scope.name}</code></li>`)}</ul></dd></div>
      <div><dt>${words.tool}</dt><dd><code>${request.tool}</code></dd></div>
      ${request.reason && html`<div><dt>${words.reason}</dt><dd>${request.reason}</dd></div>`}
      <div><dt>${words.expires}</dt><dd><${Countdown} until=${request.expires_at} /></dd></div>
    </dl>
    <p class="actions">
      <a class="button primary" href=${ownUrl(request.connect_url)} target="_blank" rel="noopener">${words.review}<span class="out" aria-hidden="true"> ↗</span></a>
      <button type="button" onClick=${stop}>${words.cancel}</button>
    </p>
    <p class="idle">${words.idle}</p>`;
}

// Our own connect page and nothing else, wherever the event came from.
function ownUrl(text) {
  try {
    const url = new URL(text, location.origin);
    return url.origin === location.origin && url.pathname.startsWith("/connect/") ? url.href : null;
  } catch {
    return null;
  }
}

function Countdown({ until }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const left = Math.max(0, Math.floor((Date.parse(until) - now) / 1000));
  const text = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  return html`<time class="countdown" role="timer" aria-live="off" datetime=${until}>${left ? text : t().overdue}</time>`;
}

const scopeWords = (scope) => scope.words?.[language.value] ?? scope.words?.en ?? Object.values(scope.words ?? {})[0] ?? scope.name;
const duration = (ms) => (ms < 1000 ? t().ms(ms) : t().seconds((ms / 1000).toFixed(1)));

function parsed(text) {
  try { return JSON.parse(text); } catch { return undefined; }
}

function pretty(text) {
  const value = parsed(text);
  return value === undefined || typeof value === "string" ? String(value ?? text ?? "") : JSON.stringify(value, null, 2);
}

function brief(text) {
  const value = parsed(text);
  if (!value || typeof value !== "object") return "";
  return Object.values(value).filter((part) => part !== null && part !== "").map((part) => (typeof part === "object" ? "…" : String(part))).join(", ").slice(0, 80);
}
