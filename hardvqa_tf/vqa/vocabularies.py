"""What turns the strings of questions and answers into numbers, kept beside a model."""

from hardvqa_tf.vqa.text import AnswerVocabulary, QuestionTokenizer
from records import info_shape
from records.build import read_info, read_vocabularies
from records.info_shape import SIZE, TEXT

_SHAPE = {"words": [TEXT], "answers": [TEXT], "max_words": SIZE}


class Vocabularies:
    """What turns strings into numbers.

    Args:
      words: list of str, see `QuestionTokenizer`.
      answers: list of str, see `AnswerVocabulary`.
      max_words: T.
    """

    def __init__(self, words, answers, max_words):
        self.tokenizer = QuestionTokenizer(words, max_words)
        self.answers = AnswerVocabulary(answers)

    @classmethod
    def from_json(cls, content):
        """What `to_json` gave.

        Raises:
          ValueError: if it is something else, naming the key.
        """
        info_shape.check(content, _SHAPE)
        return cls(**{key: content[key] for key in _SHAPE})

    @classmethod
    def from_records(cls, records_dir, max_words=None, num_answers=None, min_answer_count=1):
        """Takes those of a record folder's train split.

        Args:
          records_dir: a folder that `--mode=build` has finished.
          max_words: T; None: the longest question of the train split.
          num_answers: keep this many of the most frequent answers; None: all.
          min_answer_count: and of them those that were given so often in the train split; each
            person's answer counts.

        Raises:
          ValueError: if no answer is left to learn, or if they have no questions.
        """
        stored = read_vocabularies(records_dir)
        info = read_info(records_dir)
        if "words" not in stored:
            raise ValueError(
                f"The records in {records_dir} are of {info['dataset']} and have no questions: "
                "a model of the task vqa cannot learn from them. Give that data set's config, "
                f"--dataset={info['dataset']}, or --records_dir of records with questions."
            )
        max_words = max_words or info["splits"][info["train_split"]]["max_words"]
        words = [word for word, _ in stored["words"]]
        kept = [a for a, n in stored["answers"][:num_answers] if n >= (min_answer_count or 1)]
        if not kept:
            raise ValueError(
                "A model needs answers to choose from. Received: "
                f"num_answers={num_answers}, min_answer_count={min_answer_count} of "
                f"{len(stored['answers'])} in the train split of {records_dir}. Ask for more, "
                "or build records whose train split has answers."
            )
        return cls(words, kept, max_words)

    def to_json(self):
        return {
            "words": self.tokenizer.words,
            "answers": self.answers.answers,
            "max_words": self.tokenizer.max_words,
        }
