"""Rows in the form of VQA v2's and CLEVR's files, all of them invented here.

What real rows look like, the twins of these tests read (tests/shared_data.py).
"""

import random

# Question type, answer type, what is asked about, and answers. No two types share an answer.
_TYPES = (
    ("what color is the", "other", ("kite", "sofa", "roof"), ("red", "navy blue", "beige")),
    ("how many", "number", ("pears", "ladders", "geese"), ("0", "2", "3", "12")),
    ("is the", "yes/no", ("door open", "soup hot", "road wet"), ("yes", "no")),
    ("where is the", "other", ("lamp", "goat"), ("behind barn", "on shelf", "at sea")),
    ("what does the sign", "other", ("say", "warn of"), ("stop", "don’t enter", "mind step")),
)


def invented_vqa(number, first_image=1, seed=0):
    """`number` questions, three an image, with ten answers each.

    Returns:
      {"questions", "annotations"}, in the form of the official files of VQA v2.
    """
    rng, questions, annotations = random.Random(seed), [], []
    for place in range(number):
        kind, answer_type, things, answers = _TYPES[place % len(_TYPES)]
        image = first_image + place // 3
        ids = {"image_id": image, "question_id": image * 1000 + place % 3}
        questions.append(ids | {"question": f"{kind.capitalize()} {rng.choice(things)}?"})
        best, agreeing = rng.choice(answers), rng.randint(4, 10)
        given = [best] * agreeing + rng.choices(answers, k=10 - agreeing)
        rng.shuffle(given)
        annotations.append(
            ids
            | {
                "question_type": kind,
                "answer_type": answer_type,
                "multiple_choice_answer": max(answers, key=given.count),
                "answers": [
                    {
                        "answer": answer,
                        "answer_confidence": rng.choice(("yes", "yes", "maybe", "no")),
                        "answer_id": person,
                    }
                    for person, answer in enumerate(given, start=1)
                ],
            }
        )
    return {"questions": questions, "annotations": annotations}


def _node(function, *inputs, values=()):
    return {"inputs": [*inputs], "function": function, "value_inputs": [*values]}


def invented_clevr():
    """The first question of train, val and test, which has neither answer nor program."""
    more = [
        *(_node("scene"), _node("filter_shape", 0, values=["sphere"]), _node("count", 1)),
        *(_node("scene"), _node("filter_color", 3, values=["cyan"]), _node("count", 4)),
        _node("greater_than", 2, 5),
    ]
    same = [_node("scene"), _node("filter_size", 0, values=["small"]), _node("unique", 1)]
    same += [_node("same_color", 2), _node("exist", 3)]
    texts = {
        "train": "Are there more spheres than cyan objects?",
        "val": "Is there another thing of the same color as the small thing?",
        "test": "How many small rubber things are left of the large cube?",
    }
    rows = [
        {
            "image_index": 0,
            "question_index": 0,
            "image_filename": f"CLEVR_{split}_000000.png",
            "split": split,
            "question": text,
        }
        for split, text in texts.items()
    ]
    rows[0] |= {"question_family_index": 2, "answer": "yes", "program": more}
    rows[1] |= {"question_family_index": 39, "answer": "no", "program": same}
    return rows
