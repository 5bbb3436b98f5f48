"""PASCAL VOC's twenty classes, and how QuickDraw calls them."""

NAMES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
# VOC's name -> QuickDraw's, of those that differ. Ours.
QUICKDRAW = {
    "aeroplane": "airplane",
    "diningtable": "table",
    "pottedplant": "house plant",
    "sofa": "couch",
    "tvmonitor": "television",
}
# QuickDraw's sailboat, wine bottle and faces are narrower than boat, bottle and person.
_NOT_DRAWN = ("boat", "bottle", "person")
SETS = {"17": tuple(name for name in NAMES if name not in _NOT_DRAWN), "20": NAMES}
