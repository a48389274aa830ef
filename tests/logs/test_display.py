import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.logs.display import neutralise


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain text, 100 % of it",
        "a\ttab",
        "für Größe ñ ё 日本語 한국어 ไทย עברית العربية हिन्दी",
        "no\u00a0break",
        "emoji 🙂 ❤️ 👨‍👩‍👧 🇰🇷 1️⃣",
        "می‌خواهم",
        "e\u0301 combined",
        "progress ━━━━╸ 40% │ ✓",
        "\ue0b0 private",
    ],
)
def test_honest_text_is_the_same_object(text: str) -> None:
    assert neutralise(text) == text
    if text.isprintable():
        assert neutralise(text) is text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[38;5;196;1mred", "red"),
        ("\x1b[2J\x1b[Hcleared", "cleared"),
        ("\x9b31mred", "red"),
        ("\x1b[?1049halternate", "alternate"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;cHduZWQ=\x07", ""),
        ("\x9d0;title\x9ctext", "text"),
        ("\x1bP+q544e\x1b\\text", "text"),
        ("\x1b_payload\x1b\\text", "text"),
        ("\x1bcreset \x1b(Bset \x1b7saved", "reset set saved"),
        ("\x1b[31", "31"),
        ("\x1b", r"\x1b"),
        ("\x1b]0;never closed, and on", "0;never closed, and on"),
        ("\x1b\u200b[31mhidden joint", "hidden joint"),
        ("\x1b\x1b[31m[31mtwice", r"\x1b[31mtwice"),
    ],
)
def test_terminal_sequences_are_dropped(text: str, shown: str) -> None:
    assert neutralise(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\0b", r"a\x00b"),
        ("bell\x07", r"bell\x07"),
        ("over\b\bwritten", r"over\x08\x08written"),
        ("100%\r  0%", r"100%\r  0%"),
        ("one\ntwo", r"one\ntwo"),
        ("\x7f\x85\x9f", r"\x7f\x85\x9f"),
        ("user\u202etxt.exe", r"user\u202etxt.exe"),
        ("\u2066a\u2069", r"\u2066a\u2069"),
        ("\u200fa\u061c", r"\u200fa\u061c"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("half \ud83d, byte \udcff", r"half \ud83d, byte \udcff"),
    ],
)
def test_what_acts_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert neutralise(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "pass\u200bword",
        "pass\u2060word",
        "\ufeffpassword",
        "pass\u00adword",
        "pass\u200dword",
        "pass\u200c\u200c\u200dword",
        "pass\u3164word",
        "pass\u115fword",
        "pass\u034fword",
        "pass\u180eword",
        "pass\ufff9word",
        "password" + "".join(chr(0xE0000 + ord(letter)) for letter in "obey"),
        "password" + "".join(chr(0xE0100 + number) for number in range(9)),
    ],
)
def test_characters_without_a_shape_are_dropped(text: str) -> None:
    assert neutralise(text) == "password"


def test_a_message_in_variation_selectors_is_dropped() -> None:
    assert neutralise("❤\ufe0f\ufe00\ufe01\ufe02!") == "❤\ufe0f!"


def test_joiners_stay_only_where_they_join_and_alone() -> None:
    assert neutralise("👨\u200d👩 ب\u200cب \u200d ب\u200d\u200dب ب\u200da") == (
        "👨\u200d👩 ب\u200cب  ب\u200dب بa"
    )


@given(st.text() | st.text(alphabet="\x1b\x9b[]0;m\\\x07\u200b\u200d\u202e\ufe0fé \t"))
def test_any_text_becomes_harmless(text: str) -> None:
    shown = neutralise(text)
    kinds = {unicodedata.category(char) for char in shown if char != "\t"}

    assert kinds.isdisjoint({"Cc", "Cs", "Zl", "Zp"})
    assert unicodedata.bidirectional("\u202e") not in map(unicodedata.bidirectional, shown)
    shown.encode()
    assert neutralise(shown) == shown


@given(st.text(alphabet=st.characters(codec="ascii", min_codepoint=32)))
def test_plain_text_is_left_alone(text: str) -> None:
    assert neutralise(text) == text or "\x7f" in text
