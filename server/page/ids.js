/** Ids for jobs and tabs. crypto.randomUUID is missing where a page came by http from a LAN. */
export function newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
