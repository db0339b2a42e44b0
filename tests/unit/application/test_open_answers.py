"""Long answers that were begun: for whom a class is still kept."""

from factorsvc.application.open_answers import OpenAnswers


def test_a_class_is_kept_for_who_comes_back() -> None:
    answers = OpenAnswers(idle_s=10)
    answers.touch(asker=1, class_id=5, prime=2, now=0)

    assert answers.any_of(5, now=9.9)
    assert not answers.any_of(6, now=9.9)


def test_an_idle_answer_is_given_up() -> None:
    answers = OpenAnswers(idle_s=10)
    answers.touch(asker=1, class_id=5, prime=2, now=0)

    assert not answers.any_of(5, now=10)


def test_each_page_keeps_the_class_for_longer() -> None:
    answers = OpenAnswers(idle_s=10)
    answers.touch(asker=1, class_id=5, prime=2, now=0)
    answers.touch(asker=1, class_id=5, prime=2, now=8)

    assert answers.any_of(5, now=15)


def test_the_last_page_ends_an_answer_and_no_other() -> None:
    answers = OpenAnswers(idle_s=10)
    answers.touch(asker=1, class_id=5, prime=2, now=0)
    answers.touch(asker=1, class_id=5, prime=3, now=0)
    answers.end(asker=1, class_id=5, prime=2)
    assert answers.any_of(5, now=1)

    answers.end(asker=1, class_id=5, prime=3)
    assert not answers.any_of(5, now=1)


def test_the_end_of_what_was_given_up_is_no_news() -> None:
    answers = OpenAnswers(idle_s=10)
    answers.end(asker=1, class_id=5, prime=2)

    assert not answers.any_of(5, now=1)
