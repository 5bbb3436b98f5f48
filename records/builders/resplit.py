"""A train/test split under changing priors, in the manner of VQA-CP, out of any VQA questions.

Agrawal et al. 2018 ("Don't Just Assume; Look and Answer", arXiv 1712.00377, the section on
VQA-CP) group questions by their type and their answer, and deal whole groups to train and test:
so the answers of a question type have other frequencies in test than in train, and a model that
answers by them alone fails. Greedily, train is given groups that cover the concepts of test:
every word that test uses shall have been seen in training.

What is ours. We know the procedure in outline, and have not seen its code:
- The answer of a group is the most frequent of a question's answers, of several the first in
  order of text. A concept is a word of the group's questions or its answer, in lower case;
  there is no list of stop words, as train covers those words early anyway.
- Groups are dealt from the largest to the smallest (equal ones by their text), each to the
  side that lacks more of the group's question type and of its answer together, each relative
  to the side's share of it. So "yes" goes to test for some types and to train for others, as
  does "no".
- A group stays in train, if test would be the only one to use its answer; if more than one
  word in ten of its questions would be lost to train (words that only test uses then, counted
  once each, over the group's questions); or if test would have more than `test_share` of all
  questions. Its default follows VQA-CP v2, with 220,000 of 658,000 questions in test.
Everything is decided by the questions themselves, so the same ones are always dealt alike.
"""

import collections
import re

_MAX_LOST_WORDS = 0.1  # per question of a group


def deal(rows, test_share=1 / 3):
    """Deals questions to train and test, whole groups of one type and answer at a time.

    Args:
      rows: list of (question id, question type, tuple of its answers, question).
      test_share: share of the questions that test gets, at most.

    Returns:
      The set of the ids that make up test; all others are train.
    """
    groups = _group(rows)
    by_size = sorted(groups, key=lambda name: (-len(groups[name].ids), name))
    table = _Table(groups, test_share)
    test_ids = set()
    for name in by_size:
        to_test = table.prefers_test(name)
        table.add(name, to_test)
        if to_test:
            test_ids.update(groups[name].ids)
    return test_ids


def frequent_answer(answers):
    """Returns the most frequent answer, of equally frequent ones the first by text."""
    counts = collections.Counter(answers)
    return min(counts, key=lambda answer: (-counts[answer], answer))


def words_of(text):
    """Returns the set of words of a text: its concepts."""
    return set(re.findall(r"\w+", text.lower()))


class _Group:
    def __init__(self, answer):
        self.ids = []
        self.words = words_of(answer)


def _group(rows):
    """Returns {(question type, answer): `_Group`}."""
    groups = {}
    for question_id, question_type, answers, text in rows:
        answer = frequent_answer(answers)
        name = question_type, answer
        if name not in groups:
            groups[name] = _Group(answer)
        groups[name].ids.append(question_id)
        groups[name].words |= words_of(text)
    return groups


class _Table:
    """Where the groups have gone so far; those not dealt yet count as train's."""

    def __init__(self, groups, test_share):
        self._groups = groups
        self._share = {True: test_share, False: 1 - test_share}
        self._num_in_type, self._num_with_answer = collections.Counter(), collections.Counter()
        for (question_type, answer), group in groups.items():
            self._num_in_type[question_type] += len(group.ids)
            self._num_with_answer[answer] += len(group.ids)
        self._dealt = collections.Counter()  # (type or answer, to test) → questions
        self._most_in_test = test_share * sum(self._num_in_type.values())
        self._num_in_test = 0
        # How many groups that are not in test have a word, an answer.
        self._word_holders = collections.Counter(w for g in groups.values() for w in g.words)
        self._answer_holders = collections.Counter(answer for _, answer in groups)

    def prefers_test(self, name):
        """Whether a group goes to test."""
        group = self._groups[name]
        if self._num_in_test + len(group.ids) > self._most_in_test:
            return False
        if self._answer_holders[name[1]] == 1:
            return False
        num_lost = sum(self._word_holders[word] == 1 for word in group.words)
        if num_lost > _MAX_LOST_WORDS * len(group.ids):
            return False
        return self._lack(name, True) > self._lack(name, False)

    def add(self, name, to_test):
        """Notes which side a group goes to."""
        group, (question_type, answer) = self._groups[name], name
        self._dealt["type", question_type, to_test] += len(group.ids)
        self._dealt["answer", answer, to_test] += len(group.ids)
        if to_test:
            self._num_in_test += len(group.ids)
            self._answer_holders[answer] -= 1
            self._word_holders.subtract(group.words)

    def _lack(self, name, to_test):
        """Returns what a side lacks of a group's type and answer; 2 at first, 0 when full."""
        question_type, answer = name
        share = self._share[to_test]
        of_type = self._dealt["type", question_type, to_test] / (
            share * self._num_in_type[question_type]
        )
        of_answer = self._dealt["answer", answer, to_test] / (
            share * self._num_with_answer[answer]
        )
        return 2 - of_type - of_answer
