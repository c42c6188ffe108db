"""Skills: aliases mean their skill, and a text names a skill only where it means one."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.skills import BUILT_IN, Skill, Vocabulary, normalized


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("js", "javascript"),
        ("  JavaScript ", "javascript"),
        ("K8s", "kubernetes"),
        ("py", "python"),
        ("Postgres", "postgresql"),
        ("Node  JS", "node.js"),
        ("node-js", "node.js"),
        ("NodeJS", "node.js"),
        ("machine-learning", "machine learning"),
        ("C", "c"),
        ("C++", "c++"),
        ("Basket  Weaving", "basket weaving"),
    ],
)
def test_a_spelling_means_its_skill_and_an_unknown_one_itself(said: str, meant: str) -> None:
    assert BUILT_IN.canonical(said) == meant


@given(st.text(max_size=60))
def test_what_is_canonical_stays_so(name: str) -> None:
    once = BUILT_IN.canonical(name)
    assert BUILT_IN.canonical(once) == once


@pytest.mark.parametrize(
    ("text", "skills"),
    [
        (
            "Skills: Python, Go, R, C, C++, C#, .NET, node.js",
            [".net", "c", "c#", "c++", "go", "node.js", "python", "r"],
        ),
        ("ASP.NET and React.js/Redux on K8s", ["asp.net", "kubernetes", "react", "redux"]),
        ("I built services in Go. Later as a Rust developer", ["go", "rust"]),
        ("python, go, r", ["go", "python", "r"]),
        ("Languages\nEnglish\nGerman", ["english", "german"]),
        ("CSS LAMP MVC", ["css", "lamp", "mvc"]),
        ("years of machine\nlearning", ["machine learning"]),
        ("SQL Server 2019", ["sql server"]),
        ("Skills: py, js", ["javascript", "python"]),
        ("Microsoft Excel, Word and Outlook", ["excel", "microsoft outlook", "microsoft word"]),
    ],
)
def test_a_text_names_skills(text: str, skills: list[str]) -> None:
    assert BUILT_IN.find(text) == tuple(skills)


@pytest.mark.parametrize(
    "text",
    [
        "Go to the shop, then rest; in Spring I rust. We excel at it.",
        "John R. Smith, vitamin C, R&D at C-level, A. B. C.",
        "see https://github.com/cleo/python or cleo@python.org, docker.com",
        "javascripts pythonic dockerized; run setup.py, then Py the cat",
    ],
)
def test_a_word_that_means_something_else_is_no_skill(text: str) -> None:
    assert BUILT_IN.find(text) == ()


@given(st.text(alphabet="aCRgo .,;/+#-\n\t@\u00e9", max_size=300))
def test_no_text_is_too_odd(text: str) -> None:
    found = BUILT_IN.find(text)
    assert list(found) == sorted(set(found))
    assert set(found) <= set(BUILT_IN.names.values())


@pytest.mark.parametrize("piece", ["a@", "a.", "Go, ", "python ", "( ", "x" * 50, "c+", "www."])
def test_a_long_text_takes_a_time_in_proportion(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    started = time.process_time()
    BUILT_IN.find(text)
    assert time.process_time() - started < 3


def test_an_added_skill_is_found_and_takes_nothing_away() -> None:
    wider = BUILT_IN.extended([Skill("Brewing", ("js", "ale-craft")), Skill("Kubernetes", ("kubectl",))])
    assert wider.canonical("JS") == "javascript"
    assert wider.canonical("kubectl") == "kubernetes"
    assert wider.find("Ale craft with JS") == ("brewing", "javascript")


def test_a_spelling_of_many_words_is_known_and_costs_no_text_its_time() -> None:
    sixteen, hundred = " ".join("a" * 16), " ".join("a" * 99 + "b")
    vocabulary = Vocabulary.of([Skill("Long", (sixteen,)), Skill("Longer", (hundred,))])
    assert vocabulary.canonical(hundred) == "longer"
    assert vocabulary.find(f"{sixteen}, {hundred}") == ("long",)
    assert vocabulary.longest["a"] == 16


@given(st.lists(st.tuples(st.text(min_size=1, max_size=8), st.lists(st.text(max_size=8), max_size=3))))
def test_any_vocabulary_can_be_asked(skills: list[tuple[str, list[str]]]) -> None:
    vocabulary = Vocabulary.of(Skill(name, tuple(aliases)) for name, aliases in skills)
    for name, _ in skills:
        assert vocabulary.canonical(name) in {normalized(other) for other, _ in skills}
        assert set(vocabulary.find(name)) <= set(vocabulary.names.values())
