import { createAuthClient } from "../client/auth.js";

/** Origin of the resource server that this page calls. */
export const { api_url: apiUrl } = await (await fetch("settings.json")).json();
/** Client of the auth server, which also serves this page. */
export const auth = createAuthClient({ apiOrigins: [apiUrl] });
