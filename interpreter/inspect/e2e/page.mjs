// Drives the browser phone in Chromium for the tests in fixtures/e2e: commands come as JSON lines on standard input,
// each is answered by one JSON line. {"do":"open","url":…} {"do":"click","what":"#call"} {"do":"state","is":"talking"}
// {"do":"keys","text":"12#"} {"do":"hear"} {"do":"text"} {"do":"shot","file":…} {"do":"offline"} {"do":"close"}
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [executablePath, microphone] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath, headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--use-file-for-fake-audio-capture=" + microphone, "--autoplay-policy=no-user-gesture-required"],
});
const page = await (await browser.newContext({ viewport: { width: 480, height: 860 } })).newPage();
page.setDefaultTimeout(25000);
const faults = [];
page.on("pageerror", (e) => faults.push(e.message));

// The loudest frequency that the page hears, in hertz, and its level in decibels.
const loudest = () => page.evaluate(() => {
  const m = window.pintle.meters.in;
  if (!m) return { hertz: 0, level: -200 };
  const bins = new Float32Array(m.analyser.frequencyBinCount);
  m.analyser.getFloatFrequencyData(bins);
  let k = 0;
  bins.forEach((v, i) => { if (v > bins[k]) k = i; });
  return { hertz: k * m.analyser.context.sampleRate / m.analyser.fftSize, level: bins[k] };
});

const commands = {
  open: (c) => page.goto(c.url),
  click: (c) => page.click(c.what),
  state: (c) => page.waitForSelector(`main[data-state=${c.is}]`).then(() => ({})),
  keys: async (c) => {
    for (const k of c.text) await page.click(`#pad button[data-key="${k}"]`);
    return {};
  },
  hear: loudest,
  text: async () => ({ status: await page.textContent("#status"), detail: await page.textContent("#detail") }),
  shot: (c) => page.screenshot({ path: c.file }).then(() => ({})),
  drop: () => page.evaluate(() => window.pintle.socket.close()).then(() => ({})),
  log: () => page.evaluate(() => window.pintle.log.map((m) => m.type)).then((list) => ({ list })),
};

for await (const line of createInterface({ input: process.stdin })) {
  const c = JSON.parse(line);
  let reply;
  try {
    if (c.do === "close") break;
    reply = await commands[c.do](c);
    reply = { ok: true, ...(c.do === "open" || c.do === "click" ? {} : reply) };
  } catch (e) {
    reply = { ok: false, error: String(e), text: await page.textContent("#detail").catch(() => "") };
  }
  console.log(JSON.stringify({ ...reply, faults }));
}
await browser.close();
