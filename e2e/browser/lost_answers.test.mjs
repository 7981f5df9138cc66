import { scenario } from "./stage.mjs";
import { lost, recover } from "./tabs.mjs";

scenario("two tabs that wait for one another lose an answer each", lost, async (stage) => {
  for (const order of [[0, 1], [1, 0]]) {
    await recover(stage, await stage.somebody(), order, (refresh) => Promise.all(refresh()));
  }
});
