import { createAuthClient } from "../client/auth.js";

/** Where the API is that this page calls. */
export const { api_url: apiUrl } = await (await fetch("settings.json")).json();
/** Who is logged in; the auth server is where this page is from. */
export const auth = createAuthClient({ apiOrigins: [apiUrl] });
