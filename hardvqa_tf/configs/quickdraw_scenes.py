"""Sketch scenes of drawings by people: 48 epochs, images and drawings moved by chance.

    python main.py --mode=train --config=hardvqa_tf/configs/quickdraw_scenes.py \
        --builder_args=drawings=FOLDER

FOLDER holds drawings of the Quick, Draw! Dataset, or others (docs/data.md). People draw a thing
in more ways than our programs do, and a folder has few drawings of each: without the moves, a
model knows those that it trained with far better than others. On the test split AP50 60.2, of
unseen classes 55.5: one seed, 7,491 drawings; three drawings a query: 66.7 and 63.3. More:
docs/localizer.md, Measured.
"""

from hardvqa_tf.configs import sketch_scenes_full


def get_config():
    config = sketch_scenes_full.get_config()
    config.records_dir = "data/quickdraw_scenes"
    config.builder_args = {"drawings": "data/quickdraw"}
    config.train.epochs = 48
    config.train.augmentation.shift = 6  # pixels of 96
    config.train.augmentation.drawings.rotation = 0.26  # 15 degrees, as scenes turn them
    config.train.augmentation.drawings.stretch = 0.25
    config.train.augmentation.drawings.mirror = True
    return config
