"use strict";
// The browser phone. What it says to the engine is in docs/browser.md; anything that speaks that may take its place.

const $ = (id) => document.getElementById(id);
const phone = {
  socket: null, token: "", resume: "", retry: 0, identity: "",
  call: null, // {name, peer, incoming, to, answered, began, muted}
  log: [],    // of what happened, for tests and for a look from the console
};
window.pintle = phone;

// ---- connection ----

async function localToken(name) {
  const reply = await fetch("/v1/phone/local", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ identity: name }),
  });
  return reply.ok ? (await reply.json()).token : "";
}

async function connect() {
  const name = $("name").value.trim() || "me";
  if (!phone.given) {
    try {
      phone.token = await localToken(name);
    } catch {
      return again("The engine cannot be reached");
    }
  }
  if (!phone.token) {
    $("token-box").open = true;
    return show("offline", "Not logged in", "Give a token below");
  }
  const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/v1/phone");
  phone.socket = socket;
  socket.onopen = () => say({ type: "hello", token: phone.token, resume: phone.resume });
  socket.onmessage = (e) => heard(JSON.parse(e.data));
  socket.onclose = () => { if (phone.socket === socket) { phone.socket = null; again("Connection lost"); } };
}

function again(why) {
  phone.retry = Math.min(phone.retry + 1, 6);
  if (!phone.call) show("offline", why, "trying again");
  clearTimeout(phone.timer);
  phone.timer = setTimeout(connect, 250 * 2 ** phone.retry);
}

function say(m) {
  if (phone.socket && phone.socket.readyState === WebSocket.OPEN) phone.socket.send(JSON.stringify(m));
}

function heard(m) {
  phone.log.push(m);
  const c = phone.call;
  const mine = c && m.call === c.name;
  switch (m.type) {
  case "welcome":
    phone.retry = 0;
    phone.resume = m.resume;
    phone.identity = m.identity;
    $("name").value = m.identity;
    if (c && !(m.calls || []).includes(c.name)) drop("Call lost", "the connection was away too long");
    if (!phone.call) show("ready", "Ready", "you are client:" + m.identity);
    break;
  case "error":
    if (m.code === 401) { phone.token = ""; phone.given = false; }
    if (m.call) { $("detail").textContent = m.reason; break; } // of one key, say: the call goes on
    show("offline", m.code === 401 ? "Not logged in" : "Refused", m.reason);
    break;
  case "media":
    if (mine) c.peer.setRemoteDescription({ type: "answer", sdp: m.sdp }).catch((e) => fail(e));
    break;
  case "ringing":
    if (mine) show("calling", c.to || "The flow", "ringing");
    break;
  case "answered":
    if (mine) { c.answered = true; c.began = Date.now(); show("talking", c.to || "The flow", "0:00"); }
    break;
  case "incoming":
    if (mine) break; // told again: it rings already
    if (c) { say({ type: "reject", call: m.call, reason: "busy" }); break; }
    phone.call = { name: m.call, incoming: true, to: m.display || m.from };
    show("incoming", phone.call.to, "is calling");
    ringing(true);
    break;
  case "hold":
    if (mine) { c.held = Boolean(m.held); voice(c); }
    break;
  case "ended":
    if (mine) drop(c.answered ? "Call ended" : "No connection", m.reason || "", m);
    break;
  }
}

// ---- calls ----

async function media() {
  if (!navigator.mediaDevices) throw new Error("browsers give the microphone to pages over HTTPS or on localhost alone");
  const peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const mic = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  });
  for (const t of mic.getTracks()) peer.addTrack(t, mic);
  peer.ontrack = (e) => { $("ear").srcObject = e.streams[0] || new MediaStream([e.track]); meter("in", $("ear").srcObject); };
  meter("out", mic);
  return { peer, mic };
}

async function offer(peer) {
  await peer.setLocalDescription(await peer.createOffer());
  if (peer.iceGatheringState !== "complete") {
    await new Promise((done) => {
      const limit = setTimeout(done, 1500); // the engine finds us by its own checks as well
      peer.onicegatheringstatechange = () => {
        if (peer.iceGatheringState === "complete") { clearTimeout(limit); done(); }
      };
    });
  }
  return peer.localDescription.sdp;
}

async function dial() {
  const c = phone.call;
  if (c && c.incoming && !c.peer) return accept(c);
  if (c || !phone.socket) return;
  const to = $("to").value.trim();
  const call = phone.call = { name: "c" + Date.now(), to };
  show("calling", to || "The flow", "connecting");
  try {
    Object.assign(call, await media());
    const sdp = await offer(call.peer);
    if (phone.call === call) say({ type: "call", call: call.name, to, sdp });
  } catch (e) {
    fail(e);
  }
}

async function accept(call) {
  ringing(false);
  call.accepting = true;
  show("calling", call.to, "connecting");
  try {
    Object.assign(call, await media());
    const sdp = await offer(call.peer);
    if (phone.call === call) say({ type: "accept", call: call.name, sdp });
  } catch (e) {
    say({ type: "reject", call: call.name, reason: "declined" });
    fail(e);
  }
}

function hangup() {
  const c = phone.call;
  if (!c) return;
  if (c.incoming && !c.accepting) say({ type: "reject", call: c.name, reason: "declined" });
  else say({ type: "hangup", call: c.name });
  drop("Call ended", "you hung up");
}

const troubles = {
  NotAllowedError: "the browser may not use the microphone: allow it beside the address of the page",
  NotFoundError: "there is no microphone: plug one in and call again",
  NotReadableError: "the microphone is in use by another program",
};

function fail(e) {
  if (phone.call && phone.call.peer) say({ type: "hangup", call: phone.call.name });
  drop("No sound", troubles[e.name] || e.message);
}

function drop(status, detail, why) {
  const c = phone.call;
  phone.call = null;
  ringing(false);
  if (c) {
    if (c.peer) c.peer.close();
    if (c.mic) for (const t of c.mic.getTracks()) t.stop();
    phone.last = { call: c.name, why };
  }
  for (const side of ["in", "out"]) meters[side] = null;
  show(phone.socket ? "ready" : "offline", status, detail);
}

function mute() {
  const c = phone.call;
  if (!c || !c.mic) return;
  c.muted = !c.muted;
  voice(c);
}

// voice lets the microphone be heard, unless it is muted here or the call is on hold there.
function voice(c) {
  if (c.mic) for (const t of c.mic.getAudioTracks()) t.enabled = !c.muted && !c.held;
  $("mute").setAttribute("aria-pressed", String(Boolean(c.muted)));
  $("mute").textContent = c.muted ? "Muted" : "Mute";
}

function press(key) {
  const c = phone.call;
  if (!c || !c.answered) {
    if (!c) $("to").value += key;
    return;
  }
  const sender = c.peer.getSenders().find((s) => s.dtmf);
  if (sender && sender.dtmf.canInsertDTMF) sender.dtmf.insertDTMF(sender.dtmf.toneBuffer + key, 120, 70);
  else say({ type: "digits", call: c.name, digits: key });
  c.keys = (c.keys || "") + key;
}
window.press = press;

// ---- what is seen and heard ----

function show(state, status, detail) {
  const focused = document.activeElement;
  $("phone").dataset.state = state;
  for (const name of ["aria-label", "title"]) $("lamp").setAttribute(name, state === "ready" ? "connected" : state);
  $("status").title = status;
  $("detail").setAttribute("aria-live", state === "talking" ? "off" : "polite"); // a clock is not read out every second
  document.title = state === "incoming" ? status + " is calling" : "Pintle phone";
  $("status").textContent = status;
  $("detail").textContent = detail || "";
  const c = phone.call;
  $("call").textContent = state === "incoming" ? "Answer" : "Call";
  $("call").disabled = state === "offline" || state === "calling" || state === "talking";
  $("end").textContent = state === "incoming" ? "Decline" : "Hang up";
  $("end").disabled = !c;
  $("mute").disabled = state !== "talking";
  if (!c) { $("mute").setAttribute("aria-pressed", "false"); $("mute").textContent = "Mute"; }
  $("name").disabled = $("to").readOnly = Boolean(c);
  if (focused && focused.disabled) $(c ? "end" : "call").focus(); // a button that goes out takes no one's place with it
}

setInterval(() => {
  const c = phone.call;
  if (!c || !c.answered) return;
  const s = Math.floor((Date.now() - c.began) / 1000);
  $("detail").textContent = Math.floor(s / 60) + ":" + String(s % 60).padStart(2, "0") + (c.held ? "  ·  on hold" : "") +
    (c.keys ? "  ·  " + c.keys.slice(-20) : "");
}, 250);

const meters = { in: null, out: null };
let context = null;

function sound() {
  context = context || new AudioContext();
  if (context.state === "suspended") context.resume();
  return context;
}

function meter(side, stream) {
  const analyser = sound().createAnalyser();
  analyser.fftSize = 2048;
  sound().createMediaStreamSource(stream).connect(analyser);
  meters[side] = { analyser, wave: new Float32Array(analyser.fftSize) };
}
phone.meters = meters;

function paint() {
  for (const side of ["in", "out"]) {
    const m = meters[side];
    let level = 0;
    if (m) {
      m.analyser.getFloatTimeDomainData(m.wave);
      const rms = Math.sqrt(m.wave.reduce((sum, v) => sum + v * v, 0) / m.wave.length);
      level = Math.max(0, Math.min(1, (20 * Math.log10(rms + 1e-6) + 60) / 60));
    }
    $("meter-" + side).style.transform = "scaleX(" + level.toFixed(3) + ")";
  }
  requestAnimationFrame(paint);
}
paint();

let bell = null;
function ringing(on) {
  clearInterval(bell);
  bell = null;
  if (!on) return;
  const ring = () => {
    const a = sound();
    for (const [hertz, at] of [[660, 0], [880, 0.18], [660, 0.36], [880, 0.54]]) {
      const tone = a.createOscillator(), gain = a.createGain();
      tone.frequency.value = hertz;
      gain.gain.setValueAtTime(0.08, a.currentTime + at);
      gain.gain.exponentialRampToValueAtTime(0.0001, a.currentTime + at + 0.17);
      tone.connect(gain).connect(a.destination);
      tone.start(a.currentTime + at);
      tone.stop(a.currentTime + at + 0.18);
    }
  };
  ring();
  bell = setInterval(ring, 2500);
}

// ---- wiring ----

const letters = { 2: "ABC", 3: "DEF", 4: "GHI", 5: "JKL", 6: "MNO", 7: "PQRS", 8: "TUV", 9: "WXYZ", 0: "+" };
const names = { "*": "star", "#": "hash" };
for (const key of "123456789*0#") {
  const button = document.createElement("button");
  const small = document.createElement("small");
  small.textContent = letters[key] || "\u00a0";
  button.type = "button";
  button.dataset.key = key;
  button.append(key, small);
  button.onclick = () => press(key);
  if (names[key]) button.setAttribute("aria-label", names[key]);
  $("pad").append(button);
}
// A long press of 0 is a plus, as on every telephone.
const zero = $("pad").querySelector("[data-key='0']");
let long = null;
zero.onpointerdown = () => {
  long = setTimeout(() => { long = "done"; if (!phone.call) $("to").value += "+"; }, 600);
};
zero.onclick = () => {
  const done = long === "done";
  if (!done) { clearTimeout(long); press("0"); }
  long = null;
};
zero.onpointerleave = () => { if (long !== "done") clearTimeout(long); };
$("call").onclick = dial;
$("end").onclick = hangup;
$("mute").onclick = mute;
$("erase").onclick = () => { $("to").value = $("to").value.slice(0, -1); };
$("dial").onsubmit = (e) => { e.preventDefault(); dial(); };
$("login").onsubmit = (e) => {
  e.preventDefault();
  phone.token = $("token").value.trim();
  phone.given = true;
  $("token").value = "";
  connect();
};
$("who").onsubmit = (e) => { e.preventDefault(); $("name").blur(); };
$("name").onchange = () => {
  localStorage.setItem("name", $("name").value.trim());
  say({ type: "bye" });
  phone.resume = "";
  if (phone.socket) phone.socket.close();
};
// The keyboard dials, and in a call it presses keys, wherever the focus is; only fields that are written into keep it.
document.onkeydown = (e) => {
  if (e.metaKey || e.ctrlKey || e.altKey) return;
  if (e.key === "Escape") return hangup();
  if (e.target.tagName === "INPUT" && !(e.target.id === "to" && phone.call)) return;
  const button = e.key.length === 1 && "0123456789*#".includes(e.key) && $("pad").querySelector(`[data-key="${e.key}"]`);
  if (button) {
    button.classList.add("down");
    setTimeout(() => button.classList.remove("down"), 150);
    press(e.key);
  } else if (e.key === "+" && !phone.call) $("to").value += "+";
  else if (e.key === "Backspace" && !phone.call) $("erase").click();
  else if (e.key === "Enter" && e.target.tagName !== "BUTTON" && e.target.tagName !== "SUMMARY") dial();
};
addEventListener("pagehide", () => say({ type: "bye" }));
const asked = new URLSearchParams(location.search);
$("name").value = asked.get("name") || localStorage.getItem("name") || "me";
$("to").value = asked.get("to") || "";
connect();
