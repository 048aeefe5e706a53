"""Texts that a tokenizer can get wrong."""
import random

HAND_PICKED = [
    "", " ", "   \t\n ", "a", "a horse", "A Photo of a HORSE!!",
    "a bowl of strawberries, high quality, 4k", "don't you'll I'm we've he'd she's they're IT'S",
    "don’t “quoted” ‘x’ ‛ ʼ ‟", "'S 'LL 'ſ 'Re'VE", "ｆｕｌｌｗｉｄｔｈ　ＴＥＸＴ", "ﾊﾝｶｸ ｶﾞ ﾊﾟ",
    "&amp;amp; &lt;b&gt; caf&eacute; &EACUTE; &SZLIG; &NTILDE; &nTILDE;",
    "&#65; &#x41; &#0; &#128; &#133; &#59; &#xZZ; &#12a; &#99999999; &nbsp;x &hearts; "
    "&notanentity; &amp",
    "<b>&amp;</b>\n&amp;", "&amp;\n<i>\n&amp;", "&lt;3 &amp;lt;3", "ﬁne ﬂow oﬃce ﬄ ﬆ ﬅ ĳ ŉ Ĳ",
    "ǅ Ǆ ǆ Ǉ ǈ ǉ ǋ ǲ", "ΣΊΣΥΦΟΣ ΟΔΟΣ Σ ΑΣ' ΑΣ. ΑΣΑ Σ. 'Σ'", "İstanbul I ı DİYARBAKIR İ̇",
    "naïve café e\u0301 A\u030a n\u0303", "ÀÉÎÕÜ àéîõü ŒUVRE Æon", "straße STRASSE ẞ",
    "你好世界 一只马变成斑马", "こんにちは 馬 シマウマ", "안녕하세요 말", "שלום عربى हिन्दी ไทย",
    "🐎🦓 👩‍👩‍👧‍👦 🏴󠁧󠁢󠁷󠁬󠁳󠁿 ❤️ 👍🏽", "\ufeffbom", "a\u200bb a\u00adb a\u2060b",
    "\u180e\u3000x\u00a0y\u2003z", "tab\tnew\nline\r\nret\u2028sep\u2029par\x0b\x0cform",
    "\x01\x02control\x7f\x1f characters", "x\x1b[36;44mred\x1b[0m y\x1b[", "1234 12.5 ½ Ⅷ ٣ ⅓ ²",
    "<|startoftext|> a <|endoftext|> b", "a<|endoftext|>b",
    "<|STARTOFTEXT|> x <|EndOfText|>", "<|startoftext|", "!!! wow! a!b !", "! !", "hello!world",
    "#hashtag @user http://x.y/z?q=1", "a_b-c/d\\e", "…—–·•", "K Å ſtar", "ᾳ ᾼ Ა ა Ꭰ ꭰ Ԁ",
    "\ufffc\ufff9object\u206a", "q\u0301\u0323 \u0323\u0301q", "word " * 120, "a" * 300,
    "supercalifragilisticexpialidocious " * 20, "é" * 100, "🐎" * 60, ", ".join(["a horse"] * 40),
    "(a:1.2) [b] {c} <d>", "\"double\" 'single' `back`", "50% off $5 €5 £5 ¥5", "C++ C# F#",
    "e=mc² H₂O", "№ ℡ ™ ℃", "ﷺ ﷲ", "Ⓐ ⓐ ①", "𝒥ohn ℋancock 𝐁old", "l'été d'hiver aujourd'hui",
    "rock'n'roll o'clock y'all'd've", "\u0301x", "x\u0301\u0301",
    "x\x1b[1;3ǅy \x1b[３ｍ \x1b[٣m", "the\u032b\u036a\u0345strawberries \u0345 ᾳ\u0345\u0301",
    "ΣΑΣ🅲 ΑΣⅣ ΑΣⓐ ΑΣº ⓐΣ 🅐Σ",
]


def all_strings():
    generator = random.Random(0)
    ranges = [(0x20, 0x7f)] * 6 + [(0xa0, 0x250), (0x370, 0x460), (0x2000, 0x2070),
                                   (0x3000, 0x3100), (0x4e00, 0x4e40),
                                   (0xff00, 0xfff0), (0x1f600, 0x1f640), (0x1e00, 0x1f00),
                                   (0xfb00, 0xfb07), (0x300, 0x340)]
    pool = [chr(c) for begin, end in ranges for c in range(begin, end)]
    words = ("a photo of horse zebra &amp; &lt; <|endoftext|> don't it’s 123 apples ! <b> "
             "café").split()
    made = []
    for i in range(240):
        if i % 2:
            made.append("".join(generator.choice(pool) for _ in range(generator.randint(1, 40))))
        else:
            made.append(" ".join(generator.choice(words) for _ in range(generator.randint(1, 30))))
    return HAND_PICKED + made
