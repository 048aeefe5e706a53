/**
 * What a screen reader is told beside what it finds by itself. Sentences wait a moment, so that a
 * slider that moves says where it came to rest, not each step.
 */
let timer = 0;
let waiting = [];

/** @param {string} sentence @param {string} [kind] a later sentence of the kind takes its place */
export function announce(sentence, kind = sentence) {
    waiting = waiting.filter((one) => one.kind !== kind);
    waiting.push({ kind, sentence });
    clearTimeout(timer);
    timer = setTimeout(() => {
        const live = document.getElementById("live");
        const home = document.querySelector("dialog:modal") || document.body;
        if (live.parentElement !== home) {
            home.append(live); /* what is beside a modal dialog is not heard */
        }
        live.textContent = waiting.map((one) => one.sentence).join(" ");
        waiting = [];
    }, 400);
}
