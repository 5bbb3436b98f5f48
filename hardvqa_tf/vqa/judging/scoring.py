"""How right answers are by the official VQA metric, and what a vocabulary can express."""

import dataclasses

import numpy as np

from hardvqa_tf.vqa.judging.vqa_accuracy import score_answer


def score_officially(answers, said, questions, evaluator=2021):
    """Judges answers by what ten people said.

    Args:
      answers: `metrics.Answers`.
      said: list of str, one each: the answers in words.
      questions: dict from question id to `records.schema.Question`.
      evaluator: 2021 or 2018, see `vqa_accuracy`.

    Returns:
      The same `Answers` with score and answer type.
    """
    asked = [questions[question_id] for question_id in answers.question_id]
    scores = [
        score_answer(text, question.answers, evaluator) if question.answers else 0.0
        for text, question in zip(said, asked, strict=True)
    ]
    types = np.array([question.answer_type for question in asked], object)
    return dataclasses.replace(answers, score=np.array(scores, float), answer_type=types)


def counted_coverage(vocabulary, counts):
    """The share of answers that a vocabulary can express, where only they were counted.

    Args:
      vocabulary: iterable of str.
      counts: list of (answer, how many people gave it), as vocabularies.json of records has it.

    Returns:
      A dict like that of `coverage`, of `answers` alone.
    """
    vocabulary = frozenset(vocabulary)
    known = sum(number for answer, number in counts if answer in vocabulary)
    return {"answers": known / sum(number for _, number in counts)}


def coverage(vocabulary, questions, evaluator=None):
    """What the answers of a vocabulary can express.

    Args:
      vocabulary: iterable of str.
      questions: iterable of `records.schema.Question`.
      evaluator: None leaves `best_score` out.

    Returns:
      A dict of shares in 0..1, over the questions that have answers: `answers`, those of people
      that are in the vocabulary; `questions`, those with such an answer; `best_score`, the
      metric's mean if every question got the best answer of the vocabulary that people gave to
      it. Empty if no question has an answer.
    """
    vocabulary = frozenset(vocabulary)
    answered = [question for question in questions if question.answers]
    if not answered:
        return {}
    known = [[a for a in question.answers if a in vocabulary] for question in answered]
    shares = {
        "answers": sum(map(len, known)) / sum(len(question.answers) for question in answered),
        "questions": float(np.mean([bool(of_question) for of_question in known])),
    }
    if evaluator:
        best = [
            max((score_answer(a, q.answers, evaluator) for a in set(of_question)), default=0.0)
            for q, of_question in zip(answered, known, strict=True)
        ]
        shares["best_score"] = float(np.mean(best))
    return shares
