/**
 * The panels at the side. Where the window is wide they stand beside the picture, which can still
 * be worked on; where it is narrow they cover it. Escape closes them; focus goes back.
 */
const WIDE = matchMedia("(min-width: 60rem)");

export function wireSide(dialog, opener, opened = () => {}) {
    let from = null;
    const open = () => {
        if (dialog.open) {
            return;
        }
        from = document.activeElement;
        for (const other of document.querySelectorAll("dialog.side[open]")) {
            other.close();
        }
        if (WIDE.matches) {
            dialog.show();
        } else {
            dialog.showModal();
        }
        opener.setAttribute("aria-expanded", "true");
        document.body.classList.add("beside");
        opened();
    };
    dialog.addEventListener("close", () => {
        opener.setAttribute("aria-expanded", "false");
        document.body.classList.toggle("beside",
            Boolean(document.querySelector("dialog.side[open]")));
        const back = from && from.isConnected && from !== document.body ? from : opener;
        if (dialog.contains(document.activeElement) || document.activeElement === document.body) {
            back.focus();
        }
    });
    dialog.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && !event.defaultPrevented) {
            event.preventDefault();
            event.stopPropagation();
            dialog.close();
        }
    });
    opener.addEventListener("click", () => (dialog.open ? dialog.close() : open()));
    return open;
}

/** Each [data-close] closes the dialog that it is in. */
export function wireClosers() {
    for (const closer of document.querySelectorAll("[data-close]")) {
        closer.addEventListener("click", () => closer.closest("dialog").close());
    }
}

/** A dialog in the middle, closed by a click beside it. */
export function wireCentre(dialog, ...openers) {
    const open = () => dialog.open || dialog.showModal();
    for (const opener of openers) {
        opener.addEventListener("click", open);
    }
    dialog.addEventListener("click", (event) => {
        if (event.target === dialog) {
            dialog.close();
        }
    });
    return open;
}
