// What the server has rendered into the page for its scripts.

/** The auth server, which may have a path. */
export const authUrl = new URL("../..", import.meta.url).href;
/** @type {{ next: string, isReturn?: "", tokenDelivery?: "both_cookies", hasSession?: "" }} */
export const options = document.querySelector("main").dataset;
