"""What a policy scan of the chart may find."""

from __future__ import annotations

from tests.scan import EXPLAINED, new


def test_a_finding_that_is_not_explained_is_new() -> None:
    """By check and by what it is about: an explanation for the one is none for the other."""
    found = dict.fromkeys(
        [("CKV_K8S_8", "Deployment operator"), ("CKV_K8S_11", "Pod of helm test")], "why"
    )
    assert [finding for finding, _ in new(found)] == [("CKV_K8S_8", "Deployment operator")]


def test_each_explanation_says_something() -> None:
    """A sentence, not a code."""
    assert all(len(reason.split()) >= 3 for reason in EXPLAINED.values())
