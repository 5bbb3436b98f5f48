"""COCO's classes that people have drawn: the sets of the papers, and how QuickDraw calls them.

The orders are those of the public code from which the rules of the unseen sets come.
"""

_56 = """
elephant, bear, cat, zebra, bus, horse, giraffe, airplane, bed, dog, scissors, train, sandwich,
pizza, cow, broccoli, umbrella, sheep, bird, stop sign, toothbrush, bicycle, hot dog, laptop,
toaster, microwave, banana, baseball bat, donut, couch, keyboard, cake, oven, carrot, bench,
suitcase, fire hydrant, fork, chair, wine glass, apple, truck, cell phone, cup, car, knife,
toilet, clock, backpack, spoon, vase, book, skateboard, sink, mouse, traffic light"""
_27 = """
elephant, bear, cat, zebra, horse, giraffe, airplane, dog, scissors, pizza, cow, umbrella,
sheep, bicycle, hot dog, banana, couch, bench, chair, apple, cup, car, knife, clock, spoon,
mouse, motorcycle"""

# COCO's name -> QuickDraw's, of those that differ in more than a blank or a mark.
QUICKDRAW = {
    "motorcycle": "motorbike",
    "potted plant": "house plant",
    "remote": "remote control",
    "tennis racket": "tennis racquet",
    "tv": "television",
}


def _names(text):
    return tuple(" ".join(name.split()) for name in text.split(","))


# 56: names that COCO and QuickDraw share (all three code bases). 27: with Sketchy (Tripathi et
# al. 2024). 62: the 56 and six that are one spelling away, ours.
SETS = {
    "56": _names(_56),
    "27": _names(_27),
    "62": _names(_56) + (*sorted(QUICKDRAW), "teddy bear"),
}

# Three different sets of 14 are in circulation, and a protocol of four folds.
UNSEEN = {
    # The code of Tripathi et al. 2024: every fourth of its order, from the first.
    "L": SETS["56"][::4],
    # "Set B" of a public fork of it, every fourth of another order.
    "B": _names(
        "backpack, bicycle, clock, couch, dog, elephant, knife, mouse, oven, pizza, sandwich, "
        "skateboard, stop sign, train"
    ),
    # The code of Tripathi et al. 2020: number % 4 of its own order; 1 is its default, E.
    "fold0": _names(
        "bench, skateboard, scissors, elephant, fork, bicycle, dog, bus, cake, vase, suitcase, "
        "banana, laptop, backpack"
    ),
    "fold1": _names(
        "clock, toilet, carrot, couch, toothbrush, apple, umbrella, cell phone, oven, "
        "sandwich, sink, broccoli, cow, mouse"
    ),
    "fold2": _names(
        "fire hydrant, truck, car, bear, sheep, pizza, cup, book, chair, cat, knife, zebra, "
        "airplane, hot dog"
    ),
    "fold3": _names(
        "train, donut, baseball bat, spoon, bed, microwave, stop sign, keyboard, horse, "
        "toaster, wine glass, traffic light, giraffe, bird"
    ),
}
UNSEEN["E"] = UNSEEN["fold1"]
