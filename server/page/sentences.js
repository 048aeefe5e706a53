/** Errors as sentences: the server's own words, and what can be done about it. */
import { ApiError, Away } from "./api.js";
import { currentLanguage, hasWords, t } from "./i18n.js";
import { optionNamed } from "./option_values.js";

/* Opens the drawer at an option; app.js sets it. */
let openOption = () => {};

export function onOpenOption(open) {
    openOption = open;
}

function optionButton(name) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link";
    button.textContent = hasWords(`option.${name}`) ? t(`option.${name}`) : name;
    button.addEventListener("click", () => openOption(name));
    return button;
}

/* `names` in backquotes become buttons where they are options. */
function nodesOf(message) {
    return message.split(/`([^`]+)`/).map((part, i) => {
        if (i % 2 === 0) {
            return document.createTextNode(part);
        }
        if (optionNamed(part)) {
            return optionButton(part);
        }
        const code = document.createElement("code");
        code.textContent = part;
        return code;
    });
}

/* Not where it begins with the name of a file or a thing. */
function capital(text) {
    return /^[a-z]+[ ,]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

/**
 * @param {string|Error|{kind: string, message: string, option?: string}} error
 * @returns {{text: string, nodes: Node[]}}
 */
export function sentenceOf(error) {
    if (typeof error === "string") {
        return { text: error, nodes: [document.createTextNode(error)] };
    }
    if (error instanceof Away) {
        return sentenceOf(t("away"));
    }
    const kind = error instanceof ApiError || error.kind ? error.kind : "";
    const message = capital(error.message || t("error.unknown")).replace(/[.]?$/, ".");
    const lead = currentLanguage() === "zh" && hasWords(`error.${kind}`) ? t(`error.${kind}`) : "";
    const advice = hasWords(`advice.${kind}`) ? t(`advice.${kind}`) : "";
    const nodes = [];
    if (lead) {
        nodes.push(document.createTextNode(lead));
    }
    nodes.push(...nodesOf(message));
    if (advice) {
        nodes.push(document.createTextNode(` ${advice}`));
    }
    if (error.option && !message.includes(`\`${error.option}\``) && optionNamed(error.option)) {
        nodes.push(document.createTextNode(" "), optionButton(error.option));
    }
    return { text: `${lead}${message} ${advice}`.trim(), nodes };
}
