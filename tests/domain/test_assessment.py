from functools import partial
from uuid import UUID

import pytest
from msgspec.structs import replace

from domain.assessment import ASSESSMENT, Rating
from tests.domain.builders import (
    ANN,
    BOB,
    BY_INTERVIEW,
    RESUME,
    TEXT,
    comment,
    comment_removed,
    commented,
    remove_comment,
    score,
    score_revised,
    scored,
)
from tests.domain.specification import given

given_assessment = partial(given, ASSESSMENT)


def test_anybody_on_the_staff_may_comment_as_often_as_they_like() -> None:
    given_assessment().when(comment(ANN)).then(commented(ANN))
    given_assessment(commented(ANN)).when(comment(ANN, RESUME)).then(commented(ANN, RESUME))
    given_assessment(commented(ANN)).when(comment(ANN)).nothing()


def test_a_comment_is_removed_by_its_author_only() -> None:
    given_assessment(commented(ANN)).when(remove_comment(ANN)).then(comment_removed())
    given_assessment(commented(ANN)).when(remove_comment(BOB)).refused("not_the_author")
    given_assessment(commented(ANN), comment_removed()).when(remove_comment(ANN)).refused("comment_not_found")
    assert not given_assessment(commented(ANN), comment_removed()).state.comments


def test_without_a_stage_a_scorecard_is_for_the_last_one_reached() -> None:
    given_assessment().when(score(ANN)).then(scored(ANN, "interview"))


def test_a_stage_that_was_reached_is_scored_late_and_one_that_was_not_is_not() -> None:
    given_assessment().when(score(ANN, "applied")).then(scored(ANN, "applied"))
    given_assessment().when(score(ANN, "offer")).refused("stage_not_reached", allowed=BY_INTERVIEW)
    given_assessment().when(replace(score(ANN), reached=())).refused("stage_not_reached", allowed=())


def test_a_person_has_one_scorecard_for_a_stage_and_may_revise_it() -> None:
    once = given_assessment(scored(ANN, "interview"))
    once.when(score(ANN, "interview", "no")).then(score_revised(ANN, "interview"))
    once.when(score(ANN, "applied")).then(scored(ANN, "applied"))
    once.when(score(BOB, "interview")).then(scored(BOB, "interview"))

    revised = given_assessment(scored(ANN, "interview"), score_revised(ANN, "interview")).state
    card = revised.scorecards[ANN, "interview"]
    assert (card.recommendation, card.revision) == ("no", 2)


def test_the_same_judgement_again_is_no_revision_but_another_note_is() -> None:
    once = given_assessment(scored(ANN, "interview"))
    once.when(score(ANN, "interview")).nothing()
    with_note = replace(score(ANN, "interview"), note_text_id=TEXT)
    once.when(with_note).then(replace(score_revised(ANN, "interview", "yes"), note_text_id=TEXT))


@pytest.mark.parametrize(
    "ratings",
    [
        (),
        (Rating("dough", 0),),
        (Rating("dough", 6),),
        (Rating("dough", 3), Rating("dough", 4)),
        tuple(Rating(f"criterion {n}", 3) for n in range(21)),
    ],
    ids=["none", "too low", "too high", "twice", "too many"],
)
def test_a_scorecard_rates_up_to_20_criteria_from_1_to_5(ratings: tuple[Rating, ...]) -> None:
    given_assessment().when(score(ANN, ratings=ratings)).refused("ratings_invalid")


def test_as_many_comments_as_an_enemy_writes_are_folded_soon() -> None:
    """In the square of their number, this would take beyond any test's time."""
    texts = [UUID(int=number) for number in range(60_000)]
    state = given_assessment(*(commented(ANN, text) for text in texts)).state
    assert set(state.comments) == set(texts)


def test_as_many_scorecards_as_come_together_are_folded_soon() -> None:
    people = [UUID(int=number) for number in range(60_000)]
    state = given_assessment(*(scored(person, "interview") for person in people)).state
    assert set(state.scorecards) == {(person, "interview") for person in people}
