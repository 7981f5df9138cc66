import assert from "node:assert/strict";
import { hold, refreshes, refreshPath, release, waitFor } from "./control.mjs";
import { scenario } from "./scenario.mjs";
import { lostResponse, recover } from "./tabs.mjs";

scenario("two tabs that refresh at the same time recover from lost responses", lostResponse, async (browser) => {
  for (const order of [[0, 1], [1, 0]]) {
    const context = await browser.newContext();
    // As in a browser without Web Locks.
    await context.addInitScript(() => delete Navigator.prototype.locks);
    await recover(browser, context, order, async (refresh) => {
      const [tab] = context.pages();
      assert.equal(await tab.evaluate(() => navigator.locks), undefined);
      const both = (await refreshes()).length + 2;
      await hold(refreshPath);
      await Promise.all(refresh());
      await waitFor("both refreshes have reached the server", async () => (await refreshes()).length === both);
      await release(refreshPath);
    });
  }
});
