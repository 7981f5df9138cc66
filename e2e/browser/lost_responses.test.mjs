import { scenario } from "./scenario.mjs";
import { lostResponse, recover } from "./tabs.mjs";

scenario("two tabs that refresh one after the other recover from lost responses", lostResponse, async (browser) => {
  for (const order of [[0, 1], [1, 0]]) {
    await recover(browser, await browser.newContext(), order, (refresh) => Promise.all(refresh()));
  }
});
