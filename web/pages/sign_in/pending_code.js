// What makes a mailed code valid. It survives a reload of this tab, and is never part of a URL.

/** @param {string} name  the purpose of the code */
export function pendingCode(name) {
  const item = `latchkey:code:${name}`;
  /** For pages without storage. */
  let current = null;
  return {
    /** @returns {{ continuation: string, email: string, until: number } | null} */
    get() {
      const kept = current ?? ifPossible(() => JSON.parse(sessionStorage.getItem(item)));
      return kept?.until > Date.now() ? kept : null;
    },
    /** @param {{ continuation: string, expires_in?: number }} request */
    set({ continuation, expires_in: seconds = 600 }, email) {
      current = { continuation, email, until: Date.now() + seconds * 1000 };
      ifPossible(() => sessionStorage.setItem(item, JSON.stringify(current)));
    },
    clear() {
      current = null;
      ifPossible(() => sessionStorage.removeItem(item));
    },
  };
}

/** Browsers block storage, or it is full. Returns undefined if `task` throws. */
export function ifPossible(task) {
  try {
    return task();
  } catch {
    return undefined;
  }
}
