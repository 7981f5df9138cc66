import assert from "node:assert/strict";
import { hold, refreshPath, refreshes, release, until } from "./control.mjs";
import { scenario } from "./stage.mjs";
import { lost, recover } from "./tabs.mjs";

scenario("two tabs that cannot wait for one another lose an answer each", lost, async (stage) => {
  for (const order of [[0, 1], [1, 0]]) {
    const somebody = await stage.somebody();
    // As in a browser without Web Locks, or in two whose storage is apart.
    await somebody.addInitScript(() => delete Navigator.prototype.locks);
    await recover(stage, somebody, order, async (refresh) => {
      const [tab] = somebody.pages();
      assert.equal(await tab.evaluate(() => navigator.locks), undefined);
      const both = (await refreshes()).length + 2;
      await hold(refreshPath);
      await Promise.all(refresh());
      await until("both refreshes are under way", async () => (await refreshes()).length === both);
      await release(refreshPath);
    });
  }
});
