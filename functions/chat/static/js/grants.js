// Connected accounts: what the person has allowed, since when, and the way to take it back.

import { html } from "../vendor/htm-preact.js";
import { useEffect, useRef } from "../vendor/hooks.js";
import { signal } from "../vendor/signals.js";
import { opened, Refused } from "./stream.js";
import { me } from "./state.js";
import { day, errorWords, language, t } from "./words.js";

const grants = signal(null);
const problem = signal(null);
const asking = signal("");
const said = signal("");
const busy = signal(false);

export const GRANTS = "!accounts";

async function load() {
  problem.value = null;
  try {
    grants.value = (await (await opened("/api/grants")).json()).grants;
  } catch (error) {
    problem.value = asError(error);
  }
}

async function withdraw(grant) {
  busy.value = true;
  try {
    const answer = await opened(`/api/grants/${encodeURIComponent(grant.id)}`, { method: "DELETE", headers: { "x-csrf-token": me.value?.csrf_token ?? "" } });
    const isRevoked = (await answer.json()).at_provider === "revoked";
    said.value = isRevoked ? t().revoked(nameOf(grant)) : t().withdrawn(nameOf(grant));
  } catch (error) {
    if (!(error instanceof Refused && error.code === "not_found")) { problem.value = asError(error); return; }
  } finally {
    busy.value = false;
    asking.value = "";
  }
  await load();
}

export function Grants() {
  const words = t();
  const heading = useRef(null);
  useEffect(() => {
    grants.value = null;
    asking.value = said.value = "";
    load();
    heading.current?.focus();
  }, []);
  return html`<div class="scroller" tabindex="-1"><section class="transcript accounts" aria-labelledby="accounts">
    <div><h1 id="accounts" ref=${heading} tabindex="-1">${words.accounts}</h1><p class="faint">${words.accountsAbout}</p></div>
    <p class=${said.value ? "card" : "unseen"} role="status">${said.value}</p>
    ${problem.value && html`<p class="problem" role="alert">${errorWords(problem.value)} <button type="button" onClick=${load}>${words.retry}</button></p>`}
    ${grants.value === null && !problem.value && html`<p class="faint">${words.loading}</p>`}
    ${grants.value?.length === 0 && html`<p class="card">${words.noAccounts}</p>`}
    ${grants.value?.length > 0 && html`<ul class="grants">${grants.value.map((grant) => html`<${Account} key=${grant.id} grant=${grant} />`)}</ul>`}
  </section></div>`;
}

function Account({ grant }) {
  const words = t();
  const isAsked = asking.value === grant.id;
  const keep = useRef(null);
  useEffect(() => { if (isAsked) keep.current?.focus(); }, [isAsked]);
  const stop = (event) => { if (event.key === "Escape") asking.value = ""; };
  return html`<li class="card grant" aria-label=${nameOf(grant)}>
    <h2>${nameOf(grant)}</h2>
    <dl>
      <div><dt>${words.can}</dt><dd><ul>${grant.scopes.map((scope) => html`<li key=${scope.name}>${scopeWords(scope)} <code>${scope.name}</code></li>`)}</ul></dd></div>
      <div><dt>${words.since}</dt><dd><time datetime=${grant.granted_at}>${day(grant.granted_at)}</time></dd></div>
      <div><dt>${words.lastUse}</dt><dd>${grant.last_used_at ? html`<time datetime=${grant.last_used_at}>${day(grant.last_used_at)}</time>` : words.neverUsed}</dd></div>
    </dl>
    ${isAsked ? html`<div class="actions" role="group" aria-label=${words.withdraw} onKeyDown=${stop}>
      <p>${words.withdrawSure(nameOf(grant))}</p>
      <button type="button" class="danger" disabled=${busy.value} onClick=${() => withdraw(grant)}>${words.withdraw}</button>
      <button type="button" ref=${keep} onClick=${() => { asking.value = ""; }}>${words.keep}</button>
    </div>` : html`<p class="actions"><button type="button" aria-label=${`${words.withdraw}: ${nameOf(grant)}`} onClick=${() => { asking.value = grant.id; }}>${words.withdraw}</button></p>`}
  </li>`;
}

const nameOf = (grant) => grant.provider_name || grant.provider;
const scopeWords = (scope) => scope.words?.[language.value] ?? scope.words?.en ?? Object.values(scope.words ?? {})[0] ?? scope.name;
const asError = (error) => ({ code: error instanceof Refused ? error.code : "offline", message: error instanceof Refused ? error.message : "" });
