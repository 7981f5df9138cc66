// Behind a proxy, browsers pass through this page even with a valid access token: they omit SameSite=Strict cookies when they
// follow a link of another site. They leave it before anything else is loaded.
import { leave } from "./next.js";
import { options } from "./page.js";

if (!("tokenDelivery" in options && "isReturn" in options && (await leave()))) await import("./login_form.js");
