// The page: landing, conversation list, transcript and composer.

import { h, html, render } from "../vendor/htm-preact.js";
import { useEffect, useRef, useState } from "../vendor/hooks.js";
import { effect, signal } from "../vendor/signals.js";
import { ConsentCard, ToolCard } from "./cards.js";
import { Grants, GRANTS } from "./grants.js";
import { markdown } from "./markdown.js";
import * as state from "./state.js";
import { isOver } from "./transcript.js";
import { errorWords, language, speak, t, WORDS } from "./words.js";

const listOpen = signal(false);
const draft = signal("");

function App() {
  const { me, loading } = state;
  if (!me.value) return html`<p class="plain" role="status">${loading.value ? t().loading : ""}</p>`;
  return me.value.user ? html`<${Chat} />` : html`<${Landing} />`;
}

// An agent that does not ship with this page: it is called and described as it says itself.
const guest = () => (state.me.value?.agent?.abilities ? state.me.value.agent : null);

function Brand() {
  const name = guest()?.name;
  return html`<span class="brand"><img src="/static/icon.svg" alt="" width="28" height="28" />
    ${name ? html`<strong>${name}</strong><span class="by">Fujie <span lang="zh-CN">符节</span></span>` : html`Fujie <span lang="zh-CN">符节</span>`}</span>`;
}

function Languages() {
  return html`<div class="languages" role="group" aria-label=${t().language}>
    ${Object.entries(WORDS).reverse().map(([code, { name }]) => html`<button type="button" key=${code} lang=${code} aria-pressed=${language.value === code} onClick=${() => speak(code)}>${name}</button>`)}
  </div>`;
}

function Landing() {
  const words = t();
  return html`<header class="top"><${Brand} /><${Languages} /></header>
    <main class="landing">
      <div class="tally" aria-hidden="true"><img src="/static/icon.svg" alt="" width="72" height="72" /></div>
      <h1>${words.tagline.map((phrase) => html`<span key=${phrase}>${phrase}</span> `)}</h1>
      ${guest()?.description && html`<p class="guest"><strong>${guest().name}</strong> ${guest().description}</p>`}
      <p class="about">${words.about}</p>
      <${Problem} />
      <p class="start"><button type="button" class="primary large" onClick=${state.signIn}>${words.signIn}</button><small>${words.signInHint}</small></p>
      <ul class="points">${[words.point1, words.point2, words.point3].map(([title, text]) => html`<li key=${title}><h2>${title}</h2><p>${text}</p></li>`)}</ul>
    </main>`;
}

function Chat() {
  const words = t();
  return html`<div class=${`shell ${listOpen.value ? "list-open" : ""}`}>
    <header class="top">
      <button type="button" class="menu" aria-expanded=${listOpen.value} aria-controls="chats" aria-label=${words.chats} onClick=${() => { listOpen.value = !listOpen.value; }}><span aria-hidden="true">☰</span></button>
      <${Brand} />
      <${Languages} />
      <span class="who">${state.me.value.user.name}</span>
      <button type="button" class="quiet" onClick=${state.signOut}>${words.signOut}</button>
    </header>
    <${Chats} />
    <main>${state.current.value === GRANTS ? html`<${Grants} />` : html`<${Transcript} /><${Composer} />`}</main>
  </div>`;
}

function Chats() {
  const words = t();
  const close = () => { listOpen.value = false; };
  return html`<nav id="chats" class="chats" aria-label=${words.chats} onKeyDown=${(event) => event.key === "Escape" && close()}>
    <a class="button new" href="#" onClick=${close}><span aria-hidden="true">+ </span>${words.newChat}</a>
    ${state.conversations.value.length ? html`<ul>${state.conversations.value.map(({ id, title }) => html`<li key=${id}>
      <a href=${`#${encodeURIComponent(id)}`} aria-current=${id === state.current.value ? "page" : null} title=${title} onClick=${close}>${title || words.untitled}</a></li>`)}</ul>`
    : html`<p>${words.noChats}</p>`}
    <p class="who">${state.me.value.user.name}</p>
    <a class="button accounts-link" href=${`#${GRANTS}`} aria-current=${state.current.value === GRANTS ? "page" : null} onClick=${close}>${words.accounts}</a>
  </nav>`;
}

function Transcript() {
  const scroller = useRef(null);
  const pinned = useRef(true);
  const turns = state.turns.value;
  useEffect(() => {
    const box = scroller.current;
    if (box && pinned.current) box.scrollTop = box.scrollHeight;
  });
  useEffect(() => { pinned.current = true; }, [turns.length, state.current.value]);
  const onScroll = ({ currentTarget: box }) => { pinned.current = box.scrollHeight - box.scrollTop - box.clientHeight < 80; };
  return html`<div class="scroller" ref=${scroller} onScroll=${onScroll} tabindex="-1">
    <div class="transcript">
      <${Problem} />
      ${state.loading.value && html`<p role="status" class="faint">${t().loading}</p>`}
      ${!turns.length && !state.loading.value && !state.problem.value && html`<${Welcome} />`}
      ${turns.map((turn, index) => html`<${Turn} key=${turn.key} turn=${turn} revision=${turn.revision} last=${index === turns.length - 1} />`)}
    </div>
  </div>`;
}

function Problem() {
  const { problem } = state;
  return problem.value && html`<p class="problem" role="alert">${errorWords(problem.value)}${problem.value.code === "sign_in_again" && html` <button type="button" onClick=${state.signIn}>${t().signIn}</button>`}</p>`;
}

function Welcome() {
  const words = t();
  return html`<section class="welcome">
    <h1>${words.hello(state.me.value.user.name)}</h1>
    ${guest() ? html`<${Abilities} agent=${guest()} />` : html`<${Samples} />`}
  </section>`;
}

function Abilities({ agent }) {
  return html`${agent.description && html`<p>${agent.description}</p>`}
    ${agent.abilities.length > 0 && html`<p class="faint" id="abilities">${t().canDo}</p>
    <ul class="abilities" aria-labelledby="abilities">${agent.abilities.map((text) => html`<li key=${text}>${text}</li>`)}</ul>`}`;
}

function Samples() {
  const words = t();
  return html`<p class="faint" id="samples">${words.tryThese}</p>
    <ul aria-labelledby="samples">${words.samples.map((text) => html`<li key=${text}><button type="button" onClick=${() => state.ask(text)}>${text}</button></li>`)}</ul>`;
}

function Turn({ turn, last }) {
  const words = t();
  const working = turn.status === "streaming" || turn.status === "sending";
  const silent = working && !turn.items.some((item) => item.kind === "tool" && item.status === "running") && turn.items[turn.items.length - 1]?.kind !== "text";
  return html`<section class="turn" data-status=${turn.status}>
    <div class="question"><h2 class="unseen">${words.you}</h2><p>${turn.question}</p></div>
    <div class="answer" aria-live="polite" aria-busy=${working}>
      <h2 class="unseen">${words.agent}</h2>
      ${turn.items.map((item) => html`<${Item} key=${item.id} item=${item} revision=${turn.revision} />`)}
      ${silent && html`<p class="thinking"><span class="dots" aria-hidden="true"><i></i><i></i><i></i></span><span class="unseen">${words.thinking}</span></p>`}
      ${turn.status === "canceled" && html`<p class="faint">${words.canceled}</p>`}
      ${turn.error && html`<${Failure} turn=${turn} revision=${turn.revision} last=${last} />`}
      ${turn.status === "completed" && html`<${Copy} turn=${turn} revision=${turn.revision} />`}
    </div>
  </section>`;
}

function Item({ item, revision }) {
  if (item.kind === "tool") return html`<${ToolCard} item=${item} revision=${revision} />`;
  if (item.kind === "consent") return html`<${ConsentCard} item=${item} revision=${revision} />`;
  return html`<div class="prose">${markdown(item.text, h)}</div>`;
}

function Failure({ turn, last }) {
  const ended = turn.error.code === "sign_in_again";
  return html`<p class="problem" role="alert">${errorWords(turn.error)}
    ${last && html` <button type="button" onClick=${() => (ended ? state.signIn() : state.resume(turn))}>${ended ? t().signIn : t().retry}</button>`}</p>`;
}

function Copy({ turn }) {
  const [done, setDone] = useState(false);
  const text = turn.items.filter((item) => item.kind === "text").map((item) => item.text).join("\n\n");
  const copy = () => navigator.clipboard?.writeText(text).then(() => { setDone(true); setTimeout(() => setDone(false), 2000); }, () => {});
  return text && html`<p class="tools"><button type="button" class="quiet" onClick=${copy}>${done ? t().copied : t().copy}</button></p>`;
}

function Composer() {
  const words = t();
  const box = useRef(null);
  const busy = state.isBusy();
  const waiting = state.isWaiting();
  useEffect(() => { if (matchMedia("(hover: hover)").matches) box.current?.focus(); }, [state.current.value === "", busy]);
  useEffect(() => {
    const area = box.current;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 200)}px`;
  }, [draft.value]);
  const send = (event) => {
    event?.preventDefault();
    const text = draft.value.trim();
    if (!text || state.isBusy()) return;
    draft.value = "";
    state.ask(text);
  };
  const onKeyDown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) send(event);
  };
  return html`<form class="composer" onSubmit=${send}>
    <div class="box">
      <label class="unseen" for="message">${words.message}</label>
      <textarea id="message" ref=${box} rows="1" maxlength="20000" placeholder=${words.placeholder} aria-describedby="hint"
        value=${draft.value} onInput=${(event) => { draft.value = event.currentTarget.value; }} onKeyDown=${onKeyDown}></textarea>
      ${busy && !waiting ? html`<button key="stop" type="button" class="stop" onClick=${state.stop}>${words.stop}</button>`
      : html`<button key="send" class="primary" disabled=${waiting || !draft.value.trim()}>${words.send}</button>`}
    </div>
    <p id="hint" class=${`hint ${waiting ? "needed" : ""}`}>${waiting ? words.waitingHint : words.hint}</p>
  </form>`;
}

effect(() => { document.title = [guest()?.name, "Fujie 符节"].filter(Boolean).join(" · "); });
effect(() => { document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en"; });
addEventListener("hashchange", state.openFromHash);
render(html`<${App} />`, document.getElementById("app"));
state.begin();
