"""Weighted texts, by the rules of AUTOMATIC1111's web interface: brackets give weights to words,
BREAK begins a chunk, a text of any length becomes chunks that each have their own start and end.

Written from the rules, independently of the C code. `pieces` and `chunks` need only a tokenizer;
`Encoder` needs PyTorch. Run by itself, this writes data/weighted/prompts.json.
"""
import json
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
ROUND, SQUARE = 1.1, 1 / 1.1
COMMA_REACH = 20

MARKS = re.compile(r"""
      \\ (?P<escaped> [()\[\]\\] )
    | (?P<dropped> \\ )
    | (?P<open> [(\[] )
    | : [ \t\n\r\f\v]* (?P<weight> [+-]? [.0-9]+ ) [ \t\n\r\f\v]* \)
    | (?P<close> [)\]] )
    | (?P<words> [^\\()\[\]:]+ )
    | (?P<colon> : )
    """, re.VERBOSE)
BREAK = re.compile(r"\bBREAK\b")


def pieces(text):
    """[[words, weight]] in order; None for words is BREAK."""
    found, opened = [], {"(": [], "[": []}

    def close(bracket, factor):
        for piece in found[opened[bracket].pop():]:
            piece[1] *= factor

    for match in MARKS.finditer(text):
        if match["escaped"] or match["dropped"]:
            found.append([match["escaped"] or "", 1.0])
        elif match["open"]:
            opened[match["open"]].append(len(found))
        elif match["weight"] and opened["("]:
            close("(", float(match["weight"]))
        elif match["close"] == ")" and opened["("]:
            close("(", ROUND)
        elif match["close"] == "]" and opened["["]:
            close("[", SQUARE)
        else:
            for i, part in enumerate(BREAK.split(match[0])):
                found += [[None, 1.0]] * (i > 0) + [[part, 1.0]]
    for bracket, factor in ("(", ROUND), ("[", SQUARE):
        for first in opened[bracket]:
            for piece in found[first:]:
                piece[1] *= factor
    joined = []
    for words, weight in found:
        if joined and None not in (words, joined[-1][0]) and joined[-1][1] == weight:
            joined[-1][0] += words
        else:
            joined.append([words, weight if words is not None else 1.0])
    return joined


def chunks(text, tokenizer):
    """[(tokens, weights)], each of the tokenizer's length."""
    length = tokenizer.model_max_length
    start, end, pad = (tokenizer.convert_tokens_to_ids(token) for token in (
        tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token))
    comma = tokenizer.get_vocab().get(",</w>")
    done, now, last_comma = [], [], None

    def finish():
        nonlocal now, last_comma
        tokens = [start] + [token for token, _ in now] + [end]
        weights = [1.0] + [weight for _, weight in now] + [1.0]
        room = length - len(tokens)
        done.append((tokens + room * [pad], weights + room * [1.0]))
        now, last_comma = [], None

    for words, weight in pieces(text):
        if words is None:
            finish()
            continue
        for token in tokenizer(words, add_special_tokens=False).input_ids:
            if token == comma:
                last_comma = len(now)
            elif (len(now) == length - 2 and last_comma is not None
                  and len(now) - last_comma <= COMMA_REACH):
                moved = now[last_comma + 1:]
                now = now[:last_comma + 1]
                finish()
                now = moved
            if len(now) == length - 2:
                finish()
            now.append((token, weight))
    if now or not done:
        finish()
    return done


class Encoder:
    """Texts of one edit under a model of {"tokenizer", "text_encoder"}."""

    def __init__(self, model, texts):
        self.model = model
        self.count = max(len(self.chunks_of(text)) for text in texts)

    def chunks_of(self, text):
        return chunks(text, self.model["tokenizer"])

    def padded(self, text):
        found = self.chunks_of(text)
        return found + self.chunks_of("") * (self.count - len(found))

    def tokens(self, text):
        return [token for tokens, _ in self.padded(text) for token in tokens]

    def embed(self, text):
        """[1, count * length, width]: each chunk's last hidden state times the weights, then times
        what keeps its mean."""
        import torch
        states = []
        with torch.no_grad():
            for tokens, weights in self.padded(text):
                state = self.model["text_encoder"](torch.tensor([tokens])).last_hidden_state
                mean = state.mean()
                state = state * torch.tensor(weights)[None, :, None]
                states.append(state * (mean / state.mean()))
        return torch.cat(states, 1)


PROMPTS = [
    "", " ", "a zebra", "(zebra)", "((zebra))", "[zebra]", "[[zebra]]", "([zebra])", "(zebra:1.3)",
    "a (zebra:1.3) on the beach", "a (red (zebra:1.5) and horse:0.8) here", "(zebra: 1.3 )",
    "(zebra:+.5)", "(zebra:-1)", "(zebra:0)", "(zebra:10)", "(zebra:1.)", "(zebra", "[zebra",
    "((zebra", "a (b [c", "zebra)", "zebra]", "a ) b ( c", "zebra:1.3)", "zebra:1.3", "(zebra:",
    "(zebra:)", "(zebra:a)", "(a:b:1.2)", "(a:b)", "()", "[]", "(:1.3)", "a \\(b\\)", "\\[zebra\\]",
    "(\\(zebra\\):1.2)", "\\\\(zebra)", "zeb\\ra", "a\\", "\\", "zeb(ra)", "(ze)(bra)", "ze[]bra",
    "ze()bra", "a BREAK b", "aBREAK b", "a BREAKb", "a_BREAK b", "BREAK", "BREAK a", "a BREAK",
    "a BREAK BREAK b", "a BREAK, b", "a break b", "(a BREAK b:1.4)", "(a BREAK (b):1.4) c",
    "\u00e9BREAK b", "\u201cBREAK\u201d b", "[a:b]", "a|b", "(a|b)", "a:b", "a: 0.5", "(a:\t1.2\n)",
    "(caf\u00e9:1.2) \u732b", "(a:1.123456789)", "(a:0001.50)", ":)", ":((", "(: :)", "< a : b >",
    "(a, b:1.2), [c, d]", "<|endoftext|> (a)",
]


def long_prompts():
    """Texts around the ends of chunks of 14 and 75 tokens, with commas at every distance."""
    for size in 14, 75:
        for count in size - 1, size, size + 1, 2 * size, 2 * size + 1:
            yield " ".join(["a"] * count)
        for at in range(size - 23, size + 3):
            if at >= 0:
                yield " ".join(["a"] * at + [","] + ["b"] * (size + 4 - at))
        yield " ".join(["a"] * size) + " BREAK b"
        yield " ".join(["a"] * (size - 4)) + ", (b b (b b b b:1.2) b, b:1.4) c"
        yield ", ".join(["(a:1.1) b"] * size)


def main():
    from transformers import CLIPTokenizer
    table = {}
    for name in "tiny-sd1", "tiny-sd2", "tiny-odd":
        tokenizer = CLIPTokenizer.from_pretrained(HERE / "data" / name / "model" / "tokenizer")
        pad = tokenizer.convert_tokens_to_ids(tokenizer.pad_token)
        rows = []
        for text in PROMPTS + list(long_prompts()):
            found = []
            for tokens, weights in chunks(text, tokenizer):
                while len(tokens) > 2 and tokens[-1] == pad and tokens[-2] == pad:
                    tokens = tokens[:-1]
                weights = weights[:len(tokens)]
                found.append([tokens, {i: w for i, w in enumerate(weights) if w != 1}])
            rows.append([text, found])
        table[name] = rows
    folder = HERE / "data/weighted"
    folder.mkdir(exist_ok=True)
    lines = [f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(row) for row in rows) + "]"
             for name, rows in table.items()]
    (folder / "prompts.json").write_text("{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main()
