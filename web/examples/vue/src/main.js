import { createAuth } from "@latchkey/vue";
import { createApp } from "vue";
import App from "./App.vue";
import { auth } from "./auth.js";

createApp(App).use(createAuth(auth)).mount("#app");
