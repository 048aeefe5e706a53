/**
 * The document in IndexedDB: one record a tab, and one for each step of its undo. A tab knows its
 * own by an id in sessionStorage; a new tab goes on from a copy of what was written last.
 */
import { newId } from "./ids.js";

const NAME = "diffedit";
const KEPT = 6; /* documents; the oldest go */

let database = null;
let tab = null;

/** @returns {Promise<any>} of an IDBRequest */
function done(request) {
    return new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
}

/** Resolves when a transaction is written. */
function written(transaction) {
    return new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onerror = () => reject(transaction.error);
        transaction.onabort = () => reject(transaction.error);
    });
}

async function open() {
    if (!database) {
        const request = indexedDB.open(NAME, 1);
        request.onupgradeneeded = () => {
            request.result.createObjectStore("pages", { keyPath: "tab" });
            request.result.createObjectStore("steps", { keyPath: ["tab", "index"] });
        };
        database = await done(request);
    }
    return database;
}

function stepsOf(name, from = 0) {
    return IDBKeyRange.bound([name, from], [name, Infinity]);
}

/** Drops the documents of tabs that were used longest ago. */
function dropOld(transaction, pages) {
    const old = pages.sort((a, b) => b.written - a.written).slice(KEPT);
    for (const page of old) {
        transaction.objectStore("pages").delete(page.tab);
        transaction.objectStore("steps").delete(stepsOf(page.tab));
    }
}

/**
 * @returns {Promise<{document: object, session: object, position: number, steps: object[],
 *     forked: boolean}|null>}
 */
export async function loadPage() {
    const base = await open();
    tab = sessionStorage.getItem("tab");
    const transaction = base.transaction(["pages", "steps"], "readwrite");
    const pages = await done(transaction.objectStore("pages").getAll());
    let page = pages.find((one) => one.tab === tab);
    const forked = !page;
    if (forked) {
        page = pages.reduce((best, one) => (!best || one.written > best.written ? one : best),
            null);
        tab = newId();
        sessionStorage.setItem("tab", tab);
    }
    dropOld(transaction, pages);
    if (!page) {
        return null;
    }
    const records = await done(transaction.objectStore("steps").getAll(stepsOf(page.tab)));
    const steps = records.slice(0, page.count).map((record) => record.step);
    return { document: page.document, session: page.session, position: page.position, steps,
        forked };
}

/**
 * Writes the document, and its steps from `first` on; steps behind `count` go. The write is asked
 * for before this returns: a page that goes has no time to wait.
 */
export async function savePage({ document, session, position, first, steps, count }) {
    const transaction = database.transaction(["pages", "steps"], "readwrite");
    transaction.objectStore("pages").put(
        { tab, document, session, position, count, written: Date.now() });
    const store = transaction.objectStore("steps");
    steps.forEach((step, i) => store.put({ tab, index: first + i, step }));
    store.delete(stepsOf(tab, count));
    transaction.commit(); /* not left to the page's next turn, which may never come */
    await written(transaction);
}
