import { attempt } from "./server.js";

/**
 * The record `{ session, rotation, key }` that tabs share; `{ ended }`, a reason, if the server has ended the session;
 * `{}` if no session is known. It is in `storage`. While that is blocked, full or absent, it is in memory, and a
 * BroadcastChannel takes it to the other open tabs.
 *
 * With the token delivery "body", the record contains the refresh token as `token`.
 *
 * @param storage  returns the storage
 */
export function openRecord(name, storage, hasChannel, onChange) {
  /** The record, or null, that could not be written to the storage; undefined if the last change was written. */
  let unsaved;
  const channel = hasChannel && attempt(() => new BroadcastChannel(name));
  if (channel) {
    channel.unref?.(); // Otherwise Node.js would not exit.
    channel.onmessage = ({ data }) => {
      if (!isOlder(data.unsaved, read())) unsaved = data.unsaved;
      onChange();
    };
  }

  const read = () =>
    attempt(() => validated(unsaved === undefined ? JSON.parse(storage().getItem(name)) : unsaved)) ?? {};

  function write(record) {
    unsaved = record;
    attempt(() => {
      if (record) storage().setItem(name, JSON.stringify(record));
      else storage().removeItem(name);
      unsaved = undefined;
    });
    attempt(() => channel.postMessage({ unsaved }));
  }

  return [read, write];
}

function validated(record) {
  const { session, rotation, key, ended } = record;
  return ended || (session && rotation >= -1 && /^[\w-]{22,64}$/.test(key)) ? record : null;
}

/** Whether a record is of an earlier rotation. Of two keys for one rotation, all tabs keep the same one. */
function isOlder(record, known) {
  if (!record || record.session !== known.session) return false;
  return record.rotation < known.rotation || (record.rotation === known.rotation && record.key > known.key);
}
