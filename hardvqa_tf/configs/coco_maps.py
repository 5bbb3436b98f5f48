"""COCO at the size of the papers: ResNet-50, a decoder over full maps, 100 object queries.

    python main.py --mode=build --dataset=coco --source_dir=FOLDER --records_dir=data/coco \
        --builder_args=drawings=FOLDER_OF_DRAWINGS
    python main.py --mode=train --config=hardvqa_tf/configs/coco_maps.py
    python main.py --mode=evaluate --workdir=runs/coco_maps --split=test

As Tripathi et al., WACV 2024 (arXiv 2303.08784), as far as it is known: cells look at the
drawing after each stage, dropout 0.4 there, 100 object queries, boxes refined over six levels
of a deformable decoder, drawings read by a ResNet-50 into 256 numbers, AdamW at 1e-4 with a
decay of 1e-4, gradients clipped at 1.0, 12 epochs of 7 images. Ours, because the paper's could
not be read, or because this model is ours: maps of stages 2 to 4 and one more, images of
640x640 pixels (8,500 cells), queries chosen by presence, and the contrast, which stands in the
place of the classifier that the paper trains drawings by first. To begin with such a one:
--config.model.sketch.weights=FILE. The paper's backbone, a Swin transformer, is not here.

Not run on the full data here. Memory and time of a step, and each step of the protocol:
docs/localizer_photographs.md.
"""

from hardvqa_tf.configs import base


def get_config():
    config = base.get_config("localize")
    config.dataset = "coco"
    config.records_dir = "data/coco"
    config.image_size = (640, 640)
    model = config.model
    model.image_encoder = "resnet50"
    model.resnet50.trainable = True
    model.decoder_memory = "maps"
    model.pyramid.stages = (2, 3, 4)
    model.pyramid.extra_maps = 1
    model.pyramid.width = 256
    model.han.num_cells = 100
    model.sketch.shared = False
    model.sketch.encoder = "resnet50"
    model.sketch.weights = "imagenet"
    model.sketch.pixels = 256
    model.guidance.where = "after"
    model.guidance.rounds = 1
    model.guidance.num_heads = 8
    model.guidance.hidden_dim = 1024
    model.guidance.dropout = 0.4
    model.dense_head.hidden_dim = 256
    model.decoder.num_levels = 6
    model.decoder.num_heads = 8
    model.decoder.hidden_dim = 1024
    model.decoder.dropout = 0.1
    config.train.augmentation.mirror = True
    config.train.epochs = 12
    config.train.batch_size = 7
    config.train.queries_per_image = 1
    config.train.learning_rate = 1e-4
    config.train.weight_decay = 1e-4
    config.train.clip_norm = 1.0
    config.train.warmup_steps = 1000
    config.train.all_cells_steps = 1000
    return config
