"""CLEVR v1.0: HAN with 16 of 64 cells and a relation network, trained as published ones were.

    python main.py --mode=train --dataset=clevr --source_dir=CLEVR_v1.0

Not run here: it needs the full data set and, on two CPU cores, weeks. The learning rate, its
slow start, weight decay, clipping and augmentation are those of mesnico/RelationNetworks-CLEVR
(93.6 % on CLEVR from pixels with all cells, by its README), with its batch of 640 questions.
configs/clevr_sample.py is the small one that was run.
"""

from hardvqa_tf.configs import base


def get_config():
    config = base.get_config()
    config.dataset = "clevr"
    config.records_dir = "data/clevr"
    config.image_size = (128, 128)  # a grid of 8x8 cells
    config.model.question_lstm.reverse = True
    config.model.fusion.units = (256, 256)
    config.model.relation.units = (256, 256, 256, 256)
    config.model.classifier.dropout = 0.5
    config.train.augmentation.shift = 8
    config.train.augmentation.rotation = 0.05
    config.train.batch_size = 64
    config.train.schedule = "slow_start"
    config.train.start_rate = 5e-6
    config.train.learning_rate = 5e-4
    config.train.weight_decay = 1e-4
    config.train.clip_norm = 50.0
    config.train.epochs = 500
    return config
