"use strict";

const table = document.querySelector("#lines"), body = table.tBodies[0];
const rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
const [show, category, sort, search, shown] =
    ["show", "category", "sort", "search", "shown"].map(id => document.getElementById(id));
const FIRST = 1; // of the columns that sort: the pictures do not

/* A cell's number, or its text; null where there is nothing. */
function value(row, column) {
    const text = row.cells[column].textContent.trim();
    if (column === FIRST)
        return Number.parseInt(text, 10);
    if (text === "")
        return null;
    return text.includes("∞") ? (text.startsWith("-") ? -Infinity : Infinity)
        : Number.parseFloat(text);
}

/* Rows without a value stand last, whichever the direction. */
function sortBy(column, descending) {
    const sign = descending ? -1 : 1;
    const keyed = rows.map((row, index) => ({row, index, key: value(row, column)}));
    keyed.sort((a, b) => (a.key === null) - (b.key === null)
        || (a.key < b.key ? -sign : a.key > b.key ? sign : a.index - b.index));
    body.append(...keyed.map(entry => entry.row));
    heads.forEach((head, index) => {
        if (index === column)
            head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        else
            head.removeAttribute("aria-sort");
    });
    sort.value = `${column} ${descending ? "-" : "+"}`;
}

function filter() {
    const wanted = search.value.trim().toLowerCase();
    let count = 0;
    for (const row of rows) {
        const fits = !category || category.value === "*"
            || category.value === `=${row.dataset.c}`;
        row.hidden = !fits || !row.cells[FIRST].textContent.toLowerCase().includes(wanted);
        count += !row.hidden;
    }
    shown.textContent = `${count} of ${rows.length} lines`;
}

function addSorting(head, column) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () =>
        sortBy(column, head.getAttribute("aria-sort") === "ascending"));
    head.replaceChildren(button);
    for (const [sign, word] of [["+", "lowest first"], ["-", "highest first"]]) {
        const option = new Option(`${button.textContent}, ${word}`, `${column} ${sign}`);
        option.className = head.className;
        sort.append(option);
    }
}

heads.forEach((head, column) => column >= FIRST && addSorting(head, column));
sort.addEventListener("change", () => {
    const [column, sign] = sort.value.split(" ");
    sortBy(Number(column), sign === "-");
});
show.addEventListener("change", () => { document.body.dataset.show = show.value; });
category?.addEventListener("change", filter);
search.addEventListener("input", filter);
filter();
